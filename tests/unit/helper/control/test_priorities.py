"""Priorities hold for all threads of a process, and nobody gets a better one than is theirs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.control import priorities
from helper.control.priorities import IO_BEST_EFFORT, IO_IDLE, IO_NONE, Priority
from helper.control.targets import Target
from tests.fakes.processes import sleeping, start_ns, wait_until, write_process

THREADS = """
import threading, time
for _ in range(3): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def threaded() -> Iterator[Target]:
    with subprocess.Popen([sys.executable, "-c", THREADS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        target = Target(process.pid, start_ns(process.pid))
        yield target
        target.close()
        process.kill()


def test_all_threads_get_it(threaded: Target) -> None:
    threads = [int(entry.name) for entry in Path(f"/proc/{threaded.pid}/task").iterdir()]
    assert len(threads) == 4
    priorities.change(threaded, Priority(19, IO_IDLE, 0))
    assert [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads] == [19] * 4
    assert {priorities._io_priority(thread) >> 13 for thread in threads} == {IO_IDLE}
    assert priorities.current(threaded) == Priority(19, IO_IDLE, 0)


def test_what_was_before_can_be_given_back(threaded: Target) -> None:
    priorities.change(threaded, Priority(19, IO_BEST_EFFORT, 6))
    assert priorities.current(threaded) == Priority(19, IO_BEST_EFFORT, 6)
    assert not priorities.raises(threaded, 19)
    assert priorities.raises(threaded, 18)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (Priority(-21, 0, 0), "nice"), (Priority(20, 0, 0), "nice"), (Priority(2**31 - 1, 0, 0), "nice"),
        (Priority(0, 1, 0), "io_class"), (Priority(0, 4, 0), "io_class"), (Priority(0, 2, 8), "io_level"),
        (Priority(0, 3, 1), "io_level"), (Priority(0, 0, 1), "io_level"),
    ],
)  # fmt: skip
def test_priorities_that_make_no_sense_are_named(wanted: Priority, named: str) -> None:
    with pytest.raises(Refusal, match=named) as refusal:
        priorities.check(wanted)
    assert refusal.value.name == errors.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "wanted", [Priority(-20, IO_NONE, 0), Priority(19, IO_BEST_EFFORT, 7), Priority(0, IO_IDLE, 0)]
)
def test_the_bounds_themselves_are_allowed(wanted: Priority) -> None:
    priorities.check(wanted)


def test_a_users_best_niceness_is_that_of_its_own_processes_alone(tmp_path: Path) -> None:
    with sleeping("nice", "-n", "19", "sleep", "600") as slow, sleeping() as quick:
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, slow.pid) == 19)
        write_process(tmp_path, slow.pid, uids="7\t7\t7\t7")
        write_process(tmp_path, quick.pid, uids="7\t0\t0\t0")
        assert priorities.best_nice_of(7, tmp_path) == 19
        assert priorities.best_nice_of(8, tmp_path) == 19
        write_process(tmp_path, quick.pid, uids="7\t7\t7\t7")
        assert priorities.best_nice_of(7, tmp_path) == os.getpriority(os.PRIO_PROCESS, quick.pid)


def test_a_process_that_has_ended_has_none() -> None:
    with sleeping() as process:
        target = Target(process.pid, start_ns(process.pid))
    with pytest.raises(Refusal) as refusal:
        priorities.current(target)
    priorities.change(target, Priority(19, IO_IDLE, 0))  # there is no thread to change
    target.close()
    assert refusal.value.name == errors.GONE
