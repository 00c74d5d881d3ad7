"""System calls counted in the kernel against what a child is known to have called."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.probes.activity import SETTINGS, ActivityProbe
from helper.probes.syscalls import Syscalls
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.activity import ActivitySection
from tests.bpf.activity import MACHINE_CODE, code_of_32_bit_call, opened, row_of, rows_of, table
from tests.bpf.machine import NOBODY, Child, boottime_ns, child, in_initial_pid_namespace, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from helper.loaders.libbpf import Libbpf

CALLS = 10_000
RARE = {"x86_64": 146, "aarch64": 125}[platform.machine()]  # sched_get_priority_max: nobody else calls it
LIBC = "import ctypes\nlibc = ctypes.CDLL(None)\n"
AGAIN = "say()\nwhile True:\n    wait()\n"


@pytest.fixture
def probe(door: Libbpf) -> Iterator[ActivityProbe]:
    with opened(Syscalls(door)) as found:
        yield found


def calls_for(probe: ActivityProbe, busy: Child) -> int:
    """How many calls the child's row gains by one turn, from sleep to sleep."""
    before = int(row_of(table(probe, ActivitySection.CALLERS), busy.pid)["calls"])
    busy.tell()
    busy.settle()
    return int(row_of(table(probe, ActivitySection.CALLERS), busy.pid)["calls"]) - before


def numbers_called(probe: ActivityProbe, script: str, *arguments: str) -> npt.NDArray[np.void]:
    """The rows of all numbers after a child has done what its script does once it is told."""
    with child(script, *arguments) as busy:
        busy.settle()
        busy.tell()
        busy.settle()
        rows = table(probe, ActivitySection.SYSCALLS)
    assert rows is not None
    return rows


def test_exactly_ten_thousand_calls_more_are_ten_thousand_more_in_the_childs_row(probe: ActivityProbe) -> None:
    turn = AGAIN + "    for _ in range(count): os.getppid()\n    count = 10000 - count\n    say()\n"
    with child("count = 0\n" + turn) as busy:
        busy.settle()
        busy.tell()
        busy.settle()
        with_calls, without = calls_for(probe, busy), calls_for(probe, busy)
    assert with_calls - without == CALLS


def test_a_number_that_only_the_child_calls_is_counted_to_the_call(probe: ActivityProbe) -> None:
    rows = numbers_called(probe, AGAIN + "    for _ in range(10000): os.sched_get_priority_max(0)\n    say()\n")
    [row] = rows[rows["number"] == RARE]
    assert row["calls"] == row["durations"].sum() == CALLS
    assert row["failed"] == 0
    assert 0 < row["call_ns"] < 10**9


def test_failed_calls_are_told_apart(probe: ActivityProbe) -> None:
    script = (
        "    for _ in range(100):\n"
        "        try: os.kill(2**22 + 1, 0)\n"
        "        except ProcessLookupError: pass\n"
        "    say()\n"
    )
    with child(AGAIN + script) as busy:
        busy.settle()
        before = rows_of(table(probe, ActivitySection.CALLERS), busy.pid)["failed"].sum()
        busy.tell()
        busy.settle()
        assert rows_of(table(probe, ActivitySection.CALLERS), busy.pid)["failed"].sum() - before == 100


def test_failed_calls_of_a_number_that_only_the_child_calls_are_counted(probe: ActivityProbe) -> None:
    script = "    for _ in range(100): libc.sched_get_priority_max(99)\n    say()\n"
    rows = numbers_called(probe, LIBC + AGAIN + script)
    [row] = rows[rows["number"] == RARE]
    assert row["calls"] == row["failed"] == 100


def test_numbers_that_no_kernel_has_are_one_row(probe: ActivityProbe) -> None:
    numbers = (511, 512, 513, 4000, -1)
    script = f"    for number in {numbers}: libc.syscall(number)\n    say()\n"
    rows = numbers_called(probe, LIBC + AGAIN + script)
    assert (rows["number"] < 511).sum() == len(rows) - 1
    [row] = rows[rows["number"] == 2**32 - 1]
    assert row["failed"] >= len(numbers)


def test_a_32_bit_call_is_not_taken_for_the_64_bit_call_of_its_number(probe: ActivityProbe) -> None:
    code = code_of_32_bit_call("b8 92000000 89fb")  # eax = 146: there it is writev; ebx = edi, the argument
    rows = numbers_called(
        probe, MACHINE_CODE + AGAIN + "    for _ in range(100): assert call(-1) == -9\n    say()\n", code
    )
    assert not (rows["number"] == RARE).any()
    assert rows["failed"][rows["number"] == 2**32 - 1].sum() >= 100


def test_what_lasts_longer_than_the_histogram_tells_is_in_its_last_slot(probe: ActivityProbe) -> None:
    number = {"x86_64": 128, "aarch64": 137}[platform.machine()]  # rt_sigtimedwait: hardly anybody calls it
    rows = numbers_called(
        probe, "import signal\n" + AGAIN + "    signal.sigtimedwait([signal.SIGUSR1], 4.4)\n    say()\n"
    )
    [row] = rows[rows["number"] == number]
    assert row["durations"][31] >= 1, "4.4 s is more than 2^32 ns"


def test_time_asleep_in_a_call_is_part_of_it_and_falls_into_its_slot(probe: ActivityProbe) -> None:
    with child(AGAIN + "    time.sleep(0.2)\n    say()\n") as sleeper:
        sleeper.settle()
        sleeper.tell()
        sleeper.settle()
        row = row_of(table(probe, ActivitySection.CALLERS), sleeper.pid)
        rows = table(probe, ActivitySection.SYSCALLS)
    assert row["call_ns"] >= 200_000_000
    assert rows is not None
    assert rows["durations"][:, 27].sum() >= 1, "134 to 268 ms"


def test_the_calls_of_all_threads_are_their_processs(probe: ActivityProbe) -> None:
    work = "    many = [threading.Thread(target=lambda: [os.getppid() for _ in range(count)]) for _ in range(4)]\n"
    turn = (
        AGAIN + work + "    [one.start() for one in many]; [one.join() for one in many]; count = 2500 - count; say()\n"
    )
    with child("count = 2500\n" + turn) as busy:
        busy.settle()
        busy.tell()
        busy.settle()
        assert row_of(table(probe, ActivitySection.CALLERS), busy.pid)["calls"] >= CALLS


def test_a_row_bears_its_processs_name_whichever_thread_called_first(door: Libbpf) -> None:
    rename = "    ctypes.CDLL(None).prctl(15, b'one-of-its-hands')\n"  # PR_SET_NAME
    work = "def work():\n" + rename + "    say()\n    while True: time.sleep(0.01)\n"
    start = "import ctypes\n" + work + "threading.Thread(target=work, daemon=True).start()\n"
    with child(start + "while True: wait()\n") as busy:
        busy.settle()
        with opened(Syscalls(door)) as probe:
            until(lambda: len(rows_of(table(probe, ActivitySection.CALLERS), busy.pid)), "its thread has a row")
            row = row_of(table(probe, ActivitySection.CALLERS), busy.pid)
        assert bytes(row["actor"]["comm"]) == Path(f"/proc/{busy.pid}/comm").read_bytes().strip()


def test_who_does_not_see_all_gets_his_own_rows_and_no_sums_of_others(probe: ActivityProbe) -> None:
    become = "os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
    with child(become + AGAIN + "    say()\n") as own:
        own.settle()
        own.tell()
        own.settle()
        os.getppid()
        for mode in (Mode.SEES_OWN, Mode.SEES_AS_PROC):
            viewer = Visibility(mode, NOBODY)
            rows = table(probe, ActivitySection.CALLERS, viewer)
            assert rows is not None
            assert set(rows["actor"]["uid"]) == {NOBODY}
            assert own.pid in rows["actor"]["pid"]
            assert table(probe, ActivitySection.SYSCALLS, viewer) is None
        assert os.getpid() in row_pids(probe)


def row_pids(probe: ActivityProbe) -> set[int]:
    rows = table(probe, ActivitySection.CALLERS)
    assert rows is not None
    return set(rows["actor"]["pid"].tolist())


@pytest.mark.parametrize("uids", [(NOBODY, NOBODY, 0), (0, NOBODY, NOBODY)])
def test_what_a_process_does_as_another_user_has_a_row_of_its_own(
    probe: ActivityProbe, uids: tuple[int, int, int]
) -> None:
    turn = f"say(); wait(); os.setresuid{uids}; say(); wait()"
    with child(turn) as setuid:
        setuid.settle()
        setuid.tell()
        setuid.settle()
        rows = rows_of(table(probe, ActivitySection.CALLERS), setuid.pid)
        owners = {(int(row["actor"]["uid"]), int(row["actor"]["uids_differ"])) for row in rows}
        shown = table(probe, ActivitySection.CALLERS, Visibility(Mode.SEES_OWN, NOBODY))
    assert owners == {(0, 0), (NOBODY, 1)}
    assert len(rows_of(shown, setuid.pid)) == 0


def test_more_processes_than_the_map_holds_are_counted_together(small_door: Libbpf) -> None:
    """Users stand in for processes: the map has a row for each, and they are quicker to make."""
    script = (
        "    for uid in range(100000, 100000 + 2000):\n"
        "        os.setresuid(uid, uid, 0); os.getppid(); os.setresuid(0, 0, 0)\n"
        "    say()\n"
    )
    with opened(Syscalls(small_door)) as probe, child(AGAIN + script) as many:
        many.settle()
        many.tell()
        many.settle()
        rows = table(probe, ActivitySection.CALLERS)
    assert rows is not None
    shown = 1024 if in_initial_pid_namespace() else 512  # some of the map's rows are of processes outside
    assert shown <= len(rows) <= 1024 + 257
    [overflow] = rows[rows["actor"]["pid"] == 0]
    assert overflow["actor"]["first_ns"] < boottime_ns()
    assert rows["calls"][(rows["actor"]["uid"] >= 100000) | (rows["actor"]["pid"] == 0)].sum() >= 2 * 2000


def test_rows_without_a_call_since_the_last_time_make_room(probe: ActivityProbe) -> None:
    with child(AGAIN + "    say()\n") as idle:
        idle.settle()
        idle.tell()
        idle.settle()
        probe.forget_idle()
        assert idle.pid in row_pids(probe)
        probe.forget_idle()
        assert idle.pid not in row_pids(probe)
        idle.tell()
        idle.settle()
        assert idle.pid in row_pids(probe)


def test_what_a_process_does_while_its_row_is_dropped_is_not_lost(
    probe: ActivityProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(probe, Syscalls)
    rows_reader = probe._callers._reader
    take = rows_reader.take
    woken: list[bytes] = []
    with child(AGAIN + "    [os.getppid() for _ in range(1000)]\n    say()\n") as busy:
        busy.settle()
        busy.tell()
        busy.settle()

        def take_late(key: bytes) -> bytes | None:
            """The child wakes up after the reading that found it idle."""
            if not woken:
                woken.append(key)
                busy.tell()
                busy.settle()
            return take(key)

        probe.forget_idle()
        before = overflow_calls(probe)
        monkeypatch.setattr(rows_reader, "take", take_late)
        probe.forget_idle()
        assert busy.pid not in row_pids(probe)
        assert overflow_calls(probe) - before >= 1000


def overflow_calls(probe: ActivityProbe) -> int:
    rows = table(probe, ActivitySection.CALLERS)
    assert rows is not None
    return int(rows["calls"][rows["actor"]["pid"] == 0].sum())


def test_losses_are_remembered_when_the_probe_is_closed_and_opened_again(door: Libbpf) -> None:
    probe = Syscalls(door)
    assert probe.lost() == 0
    with opened(probe):
        assert probe._settings is not None
        SETTINGS.pack_into(probe._settings, 0, 7)  # as the programs do when the kernel has no memory
        assert probe.lost() == 7
    assert probe.lost() == 7
    with opened(probe):
        assert probe.lost() == 7
