"""The gate in tests/conftest.py, run on a throw-away suite."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SUITE = "import pytest\ndef test_a():\n    pytest.skip('no such kernel')\n"


def run_suite(folder: Path, listed: str, *, in_ci: bool) -> subprocess.CompletedProcess[str]:
    (folder / "tests").mkdir()
    (folder / "docs").mkdir()
    (folder / "tests" / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "tests" / "test_it.py").write_text(SUITE)
    (folder / "docs" / "testing.md").write_text(f"# Testing\n\n## Listed skips\n| test | why |\n|---|---|\n{listed}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "tests"]
    env = {"CI": "true" if in_ci else "", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_skip_that_is_not_listed_fails_in_ci(tmp_path: Path) -> None:
    done = run_suite(tmp_path, "", in_ci=True)
    assert done.returncode == 1
    assert "testing.md doesn't list it: tests/test_it.py::test_a" in done.stdout
    assert "no such kernel" in done.stdout


@pytest.mark.parametrize(("listed", "in_ci"), [("| `tests/test_it.py::test_a` | old kernel |", True), ("", False)])
def test_a_listed_skip_passes_and_so_does_any_outside_ci(tmp_path: Path, listed: str, in_ci: bool) -> None:
    done = run_suite(tmp_path, listed, in_ci=in_ci)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
