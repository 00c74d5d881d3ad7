"""Promises of `adapters/process_control.py`, kept on real processes."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.incident import ProcessIdentity

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


def identity(pid: int) -> ProcessIdentity:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    comm = Path(f"/proc/{pid}/comm").read_text().strip()
    return ProcessIdentity(pid, int(fields[19]) * TICK_NS, Path(f"/proc/{pid}").stat().st_uid, comm)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_own_process_gets_sigterm(sleeper: subprocess.Popen[bytes]) -> None:
    OwnProcesses().stop(identity(sleeper.pid))
    assert sleeper.wait(60) == -signal.SIGTERM


def test_a_start_time_in_nanoseconds_means_the_tick_that_proc_shows(sleeper: subprocess.Popen[bytes]) -> None:
    target = identity(sleeper.pid)
    OwnProcesses().stop(replace(target, start_ns=target.start_ns + TICK_NS - 1))
    assert sleeper.wait(60) == -signal.SIGTERM


@pytest.mark.parametrize("offset_ns", [-1, TICK_NS, -(10**12)])
def test_a_process_that_took_over_the_pid_is_left_alone(sleeper: subprocess.Popen[bytes], offset_ns: int) -> None:
    target = identity(sleeper.pid)
    with pytest.raises(ControlError, match="another process has its number now"):
        OwnProcesses().stop(replace(target, start_ns=target.start_ns + offset_ns))
    assert sleeper.poll() is None


def test_a_process_that_ended_is_said_to_have_ended(sleeper: subprocess.Popen[bytes]) -> None:
    target = identity(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(ControlError, match=r"sleep \(process \d+\) has ended already"):
        OwnProcesses().stop(target)


def test_a_process_that_only_waits_to_be_reaped_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    target = identity(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ControlError, match="has ended already"):
        OwnProcesses().stop(target)


def test_the_app_itself_is_refused() -> None:
    with pytest.raises(ControlError, match="does nothing to itself"):
        OwnProcesses().stop(identity(os.getpid()))


@pytest.mark.parametrize("pid", [1, 0, -1, -(2**31)])
def test_pids_that_mean_more_than_one_process_are_refused(pid: int) -> None:
    with pytest.raises(ControlError, match="process 1"):
        OwnProcesses().stop(ProcessIdentity(pid, 0, os.getuid(), "init"))


def process_tree(root: Path, pid: int, *, flags: int = 0, uids: str = "0\t0\t0\t0", start_ticks: int = 500) -> Path:
    """A /proc with one process whose name tries to pass for the end of the name field."""
    folder = root / str(pid)
    folder.mkdir()
    middle = " ".join(["0"] * 12)
    (folder / "stat").write_text(f"{pid} (a) S 1 (b) ) S 1 1 1 0 -1 {flags} {middle} {start_ticks} 0 0\n")
    (folder / "status").write_text(f"Name:\tUid: 7 7 7\nUid:\t{uids}\n")
    return root


def test_a_kernel_thread_is_refused(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    root = process_tree(tmp_path, sleeper.pid, flags=0x0020_8040)
    with pytest.raises(ControlError, match="part of the kernel"):
        OwnProcesses(root, 100).stop(ProcessIdentity(sleeper.pid, 5 * 10**9, os.getuid(), "kworker/0:1"))
    assert sleeper.poll() is None


@pytest.mark.parametrize("column", range(3))
def test_a_process_with_any_foreign_uid_is_refused(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, column: int
) -> None:
    own = str(os.getuid())
    uids = [own] * 4
    uids[column] = str(os.getuid() + 1)
    root = process_tree(tmp_path, sleeper.pid, uids="\t".join(uids))
    with pytest.raises(ControlError, match="another user"):
        OwnProcesses(root, 100).stop(ProcessIdentity(sleeper.pid, 5 * 10**9, os.getuid(), "sudo"))
    assert sleeper.poll() is None


def test_a_hostile_name_is_shown_as_plain_text() -> None:
    with pytest.raises(ControlError) as refusal:
        OwnProcesses().stop(ProcessIdentity(1, 0, 0, "evil\n\x1b[2J"))
    assert "\n" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
