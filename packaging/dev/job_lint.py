"""./dev lint: everything that judges the source without running it. --fix lets ruff repair what it can."""

import os
import subprocess
from pathlib import Path

import places
import ready
import steps

BIN = places.VENV / "bin"


def checks(fix: bool) -> dict[str, list[str | Path]]:
    """Name → command of each check."""
    return {
        "ruff check": [BIN / "ruff", "check", *(["--fix"] if fix else []), "."],
        "ruff format": [BIN / "ruff", "format", *([] if fix else ["--check"]), "."],
        "mypy": [BIN / "mypy"],
        "import contracts": [BIN / "lint-imports"],
        "house rules": [places.PYTHON, places.TOOLS / "house_rules.py"],
        "shell syntax": ["bash", "-n", places.TOP / ".ci" / "run"],
    }


def run(arguments: list[str]) -> int:
    """Run every check, even after one has failed; 0 if all are content."""
    if arguments not in ([], ["--fix"]):
        print("./dev lint [--fix]")
        return 0 if arguments in (["-h"], ["--help"]) else 2
    ready.ensure(set())
    failed = []
    for name, command in checks("--fix" in arguments).items():
        steps.say(name)
        env = os.environ | {"PYTHONPATH": str(places.TOP), "NO_COLOR": "1"}
        if subprocess.run(command, cwd=places.TOP, env=env, stdin=subprocess.DEVNULL, check=False).returncode:
            failed.append(name)
    print(f"lint: {', '.join(failed)} failed" if failed else "lint: all clean")
    return 1 if failed else 0
