"""`smoothtask act` on one's own processes, without a helper: what it does, says and refuses."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.processes import TICK_NS, USUAL_NICE, nice_of, sleeping, start_ns, state_of, wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with sleeping() as process:
        yield process


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """No bus at all: neither the session's nor the system's."""
    nowhere = f"unix:path={tmp_path / 'nowhere'}"
    return {
        **os.environ, "DBUS_SYSTEM_BUS_ADDRESS": nowhere, "DBUS_SESSION_BUS_ADDRESS": nowhere, "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(tmp_path),
    }  # fmt: skip


def smoothtask(surroundings: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "smoothtask_gui", "act", *map(str, words)]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120, check=False)


def test_stop_asks_and_kill_doesnt(surroundings: dict[str, str]) -> None:
    with sleeping() as gentle, sleeping("sh", "-c", "trap '' TERM; while :; do sleep 1; done") as deaf:
        stopped = smoothtask(surroundings, "stop", gentle.pid)
        assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "sleep was asked to end.\n", "")
        assert gentle.wait(60) == -signal.SIGTERM
        assert smoothtask(surroundings, "kill", deaf.pid).returncode == 0
        assert deaf.wait(60) == -signal.SIGKILL


def test_a_pause_lasts_as_long_as_was_said(sleeper: subprocess.Popen[bytes], surroundings: dict[str, str]) -> None:
    done = smoothtask(surroundings, "pause", sleeper.pid, "--seconds", 1)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "sleep goes on: the time of its pause is over."
    wait_until(lambda: state_of(sleeper.pid) in {"S", "R"})


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_pause_ends_with_the_command_however_it_ends(
    sleeper: subprocess.Popen[bytes], surroundings: dict[str, str], how: signal.Signals
) -> None:
    command = [sys.executable, "-m", "smoothtask_gui", "act", "pause", str(sleeper.pid)]
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as pausing:
        assert pausing.stdout is not None
        assert "is paused" in pausing.stdout.readline()
        wait_until(lambda: state_of(sleeper.pid) == "T")
        pausing.send_signal(how)
        assert pausing.wait(60) in {0, -signal.SIGKILL}
    wait_until(lambda: state_of(sleeper.pid) in {"S", "R"})


def test_resume_lets_go_on_what_somebody_stopped(
    sleeper: subprocess.Popen[bytes], surroundings: dict[str, str]
) -> None:
    sleeper.send_signal(signal.SIGSTOP)
    wait_until(lambda: state_of(sleeper.pid) == "T")
    assert smoothtask(surroundings, "resume", sleeper.pid).returncode == 0
    wait_until(lambda: state_of(sleeper.pid) in {"S", "R"})


def test_priority_sets_niceness_and_the_turn_at_the_disk(
    sleeper: subprocess.Popen[bytes], surroundings: dict[str, str]
) -> None:
    done = smoothtask(surroundings, "priority", sleeper.pid, 19, "--io", "idle")
    assert (done.returncode, done.stdout) == (0, f"sleep has niceness 19 now; it had {USUAL_NICE}.\n")
    assert nice_of(sleeper.pid) == 19
    told = subprocess.run(["ionice", "-p", str(sleeper.pid)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "idle"


def test_another_start_time_means_another_process(
    sleeper: subprocess.Popen[bytes], surroundings: dict[str, str]
) -> None:
    start = start_ns(sleeper.pid)
    done = smoothtask(surroundings, "kill", sleeper.pid, "--start-ns", start - TICK_NS)
    assert done.returncode == 1
    assert "Nothing was done" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sleeper.poll() is None
    assert smoothtask(surroundings, "kill", sleeper.pid, "--start-ns", start).returncode == 0


def test_a_process_that_isnt_there_is_said_not_to_be(surroundings: dict[str, str]) -> None:
    with sleeping() as process:
        pass
    done = smoothtask(surroundings, "stop", process.pid)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"smoothtask: There is no process {process.pid} (or /proc hides it from you).\n"


@pytest.mark.parametrize(
    "words",
    [
        [], ["stop"], ["stop", "0"], ["stop", "-1"], ["stop", "x"], ["stop", str(2**22 + 1)], ["freeze", "5"],
        ["pause", "5", "--seconds", "0"], ["pause", "5", "--seconds", "3601"], ["priority", "5"],
        ["priority", "5", "20"], ["priority", "5", "0", "--io", "realtime"], ["limit", "5", "0"],
        ["limit", "5", "much"],
    ],
)  # fmt: skip
def test_wrong_usage_is_2(surroundings: dict[str, str], words: list[str]) -> None:
    done = smoothtask(surroundings, *words)
    assert (done.returncode, done.stdout) == (2, "")
