"""The examples of the README that need no helper, run as a reader would; those that need one are in lane `bus`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FAT = "open('/proc/self/comm', 'w').write('st-fat'); held = b'x' * (64 << 20); print('ready', flush=True); input()"
PROCFS = ("--source", "procfs", "--period-ms", "200")


def run(name: str, *words: str) -> str:
    """What the example prints."""
    command = [sys.executable, EXAMPLES / name, *words]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_samples_are_watched_line_by_line() -> None:
    told = run("watch_samples.py", *PROCFS, "--count", "3").splitlines()
    assert len(told) == 3
    for line in told:
        assert re.search(r"^procfs: CPU [\d.]+ %, of processes [\d.]+ %, memory [\d.]+ GiB, \d+ processes", line)


def test_who_heats_the_cpu_names_a_busy_app() -> None:
    burn = "open('/proc/self/comm', 'w').write('st-stove'); print('ready', flush=True)\nwhile True: pass"
    own_app = ["timeout", "300", sys.executable, "-c", burn]  # what timeout starts isn't the test's own app
    with subprocess.Popen(own_app, stdout=subprocess.PIPE) as stove:
        try:
            assert stove.stdout is not None
            stove.stdout.readline()
            told = run("who_heats_the_cpu.py", "--source", "procfs", "--count", "3", "--most", "60")
        finally:
            stove.terminate()
    assert re.search(r"cores busy: .*st-stove \d+ %", told.splitlines()[-1])


def test_a_rule_of_ones_own_fires_when_its_condition_has_held() -> None:
    with subprocess.Popen([sys.executable, "-c", FAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as fat:
        try:
            assert fat.stdout is not None
            fat.stdout.readline()
            told = run("alert_on_a_rule.py", "st-fat", "32", "--for-s", "0.5", *PROCFS, "--count", "8")
            quiet = run("alert_on_a_rule.py", "st-fat", "4096", "--for-s", "0.5", *PROCFS, "--count", "8")
        finally:
            fat.kill()
    assert re.fullmatch(r"st-fat holds .* more than 33\.6 MB\n", told)
    assert quiet == ""


def test_without_the_helper_the_bytes_of_processes_are_unknown_and_it_says_so() -> None:
    assert run("top_by_network.py", *PROCFS, "--count", "1").startswith("Nothing is known: ")


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.[pc]*")), ids=lambda path: path.name)
def test_every_example_is_in_the_readme_and_run_by_a_test(example: Path) -> None:
    if example.name == "reading.py":  # what they share
        return
    assert f"](examples/{example.name})" in (ROOT / "README.md").read_text()
    tests = [ROOT / "tests" / "unit" / "test_examples.py", ROOT / "tests" / "bus" / "test_examples.py"]
    assert any(f'"{example.name}"' in test.read_text() for test in tests)
