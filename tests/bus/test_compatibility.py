"""A client of an earlier version, compiled from what was kept of it, on today's helper (docs/api/compatibility.md)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.bus.boxes import ROOT, Box

if TYPE_CHECKING:
    from pathlib import Path

FROZEN = sorted(path for path in (ROOT / "tests" / "contract" / "frozen").iterdir() if path.is_dir())
BURN = "import os; print(os.getpid(), flush=True)\nwhile True: os.getppid()"


@pytest.mark.parametrize("version", FROZEN, ids=lambda path: path.name)
def test_a_client_of_that_version_sees_who_is_busy(box: Box, version: Path) -> None:
    program = ROOT / "build" / "examples" / f"stream_client-{version.name}"
    program.parent.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-O2", "-Wall", "-Werror", "-I", version, "-o", program, version / "stream_client.c", "-lsystemd"]
    subprocess.run(command, check=True)
    with subprocess.Popen(box.held.command(sys.executable, "-c", BURN), stdout=subprocess.PIPE, text=True) as stove:
        try:
            assert stove.stdout is not None
            pid = stove.stdout.readline().strip()
            done = subprocess.run(
                box.held.command(str(program), "20"), cwd="/", capture_output=True, text=True, timeout=180, check=False
            )
        finally:
            stove.kill()
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split() for line in done.stdout.splitlines()]
    assert sum(words[0] == "--" for words in told) == 20
    cores = [float(words[1]) for words in told if words[0] == pid]
    assert cores, done.stdout
    assert 0 < max(cores) <= 1.1
