"""./dev lock: resolve pyproject.toml anew; pin every package with its hashes, without addresses, in requirements/."""

import places
import ready
import steps

OPTIONS = ("--quiet", "--generate-hashes", "--strip-extras", "--no-header", "--annotation-style=line", "--upgrade")
UNNAMED = ("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links")
EXTRAS = ("--extra=test", "--extra=lint", "--extra=nvidia")


def run(arguments: list[str]) -> int:
    """Write the lock file; 2 on any argument."""
    if arguments:
        print("./dev lock takes no arguments: it pins the newest versions that pyproject.toml allows.")
        return 2
    ready.ensure(set())
    tool = places.BUILD / "lock-venv"
    steps.logged("lock-venv", ["/usr/bin/python3", "-m", "venv", "--clear", tool], "making build/lock-venv")
    steps.logged("lock-tool", [tool / "bin/pip", "install", "pip-tools>=7.5"], "installing pip-tools there")
    resolve = [tool / "bin/pip-compile", *OPTIONS, *UNNAMED, *EXTRAS, "-o", places.LOCK_FILE, "pyproject.toml"]
    steps.logged("lock", resolve, "resolving and hashing")
    text = places.LOCK_FILE.read_text()
    # One file for every Python: what was resolved for 3.11 (PySide6 < 6.12) is right for newer ones too.
    places.LOCK_FILE.write_text(text.replace(' ; python_version < "3.12"', ""))
    return 0
