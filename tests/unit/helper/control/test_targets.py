"""A target is one process for good, or a refusal: kept on real processes, and on a /proc of the test's making."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.control.targets import Target, account
from tests.fakes.processes import TICK_NS, sleeping, start_ns, write_process


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with sleeping() as process:
        yield process


def refused(pid: int, start: int, proc: Path = Path("/proc")) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        Target(pid, start, proc).close()
    return refusal.value


def test_a_process_is_found_by_pid_and_start_time_and_gets_the_signal(sleeper: subprocess.Popen[bytes]) -> None:
    target = Target(sleeper.pid, start_ns(sleeper.pid) + TICK_NS - 1)
    assert target.belongs_to(os.getuid())
    assert str(target) == f"process {sleeper.pid} (sleep)"
    assert target.program().endswith("/sleep")
    target.look_again()
    target.send(signal.SIGTERM)
    target.close()
    assert sleeper.wait(30) == -signal.SIGTERM


@pytest.mark.parametrize("offset_ns", [-1, TICK_NS, -(10**12)])
def test_another_start_time_is_another_process(sleeper: subprocess.Popen[bytes], offset_ns: int) -> None:
    refusal = refused(sleeper.pid, max(0, start_ns(sleeper.pid) + offset_ns))
    assert refusal.name == errors.GONE
    assert "Nothing was done" in refusal.text


def test_a_process_that_has_ended_is_said_to_have(sleeper: subprocess.Popen[bytes]) -> None:
    start = start_ns(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert refused(sleeper.pid, start).name == errors.GONE


def test_a_process_that_only_waits_to_be_reaped_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    start = start_ns(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert refused(sleeper.pid, start).name == errors.GONE


def test_what_ends_between_two_looks_gets_no_signal(sleeper: subprocess.Popen[bytes]) -> None:
    target = Target(sleeper.pid, start_ns(sleeper.pid))
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(Refusal) as first:
        target.look_again()
    with pytest.raises(Refusal) as second:
        target.send(signal.SIGTERM)
    target.close()
    assert [refusal.value.name for refusal in (first, second)] == [errors.GONE] * 2


@pytest.mark.parametrize("pid", [0, 1])
def test_the_pids_that_mean_the_system_are_protected(pid: int) -> None:
    assert refused(pid, 0).name == errors.PROTECTED


@pytest.mark.parametrize("pid", [2**31, 2**32 - 1, 2**32 - 2, 2**22 + 1])
def test_pids_that_no_process_can_have_are_refused(pid: int) -> None:
    assert refused(pid, 0).name in {errors.INVALID_ARGUMENT, errors.GONE}


def test_the_number_of_a_thread_is_no_process() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert refused(thread.native_id or 0, start_ns(thread.native_id or 0)).name == errors.GONE
    finally:
        done.set()
        thread.join()


def test_a_thread_of_the_kernel_is_protected(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    write_process(tmp_path, sleeper.pid, comm="kworker/0:1", flags=0x0020_8040)
    assert refused(sleeper.pid, 500 * TICK_NS, tmp_path).name == errors.PROTECTED


@pytest.mark.parametrize("uids", ["7\t0\t0\t0", "0\t7\t0\t0", "0\t0\t7\t0"])
def test_a_process_with_any_foreign_uid_isnt_ones_own(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, uids: str
) -> None:
    write_process(tmp_path, sleeper.pid, uids=uids)
    target = Target(sleeper.pid, 500 * TICK_NS, tmp_path)
    assert not target.belongs_to(0)
    assert not target.belongs_to(7)
    target.close()


@pytest.mark.parametrize("uids", ["7\t0\t0\t0", "0\t7\t0\t0", "0\t0\t7\t0"])
def test_a_change_of_any_uid_between_two_looks_is_noticed(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, uids: str
) -> None:
    write_process(tmp_path, sleeper.pid)
    target = Target(sleeper.pid, 500 * TICK_NS, tmp_path)
    write_process(tmp_path, sleeper.pid, uids=uids)
    with pytest.raises(Refusal) as refusal:
        target.look_again()
    target.close()
    assert refusal.value.name == errors.CHANGED


def test_a_number_that_is_anothers_by_the_second_look_is_noticed(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    write_process(tmp_path, sleeper.pid)
    target = Target(sleeper.pid, 500 * TICK_NS, tmp_path)
    write_process(tmp_path, sleeper.pid, start_ticks=501)
    with pytest.raises(Refusal) as refusal:
        target.look_again()
    target.close()
    assert refusal.value.name == errors.GONE


@pytest.mark.parametrize("comm", ["a) S 1 (b", "\x1b[2J\nUid:\t9\t9\t9", "\u202egnp", "é" * 400])
def test_a_hostile_name_neither_misleads_nor_is_repeated_as_it_is(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, comm: str
) -> None:
    write_process(tmp_path, sleeper.pid, comm=comm)
    target = Target(sleeper.pid, 500 * TICK_NS, tmp_path)
    said = str(target) + target.program()
    target.close()
    assert target.belongs_to(0)
    assert said.isprintable()
    assert len(target.program().encode()) <= 256


def test_where_the_file_isnt_for_us_to_know_the_program_is_what_it_calls_itself(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    write_process(tmp_path, sleeper.pid, comm="job")
    target = Target(sleeper.pid, 500 * TICK_NS, tmp_path)
    assert target.program() == "job"
    (tmp_path / str(sleeper.pid) / "cmdline").write_bytes(b"/opt/app/job\0--all\0")
    assert target.program() == "job (/opt/app/job)"
    target.close()


def test_a_refused_target_leaves_no_descriptor_open(sleeper: subprocess.Popen[bytes]) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        refused(sleeper.pid, 5)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_owner_without_an_account_is_a_number() -> None:
    assert account(0) == "root"
    assert account(2**32 - 2) in {str(2**32 - 2), "nobody"}
    assert account(2_000_000_123) == "2000000123"
