"""Probes that come and go: who gets their sections, what fails alone, and how often a failed one is tried again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.map_memory import MapMemory
from helper.probes.probe import ProbeCost
from helper.probes.syscalls import SYSCALL, rows_of_numbers
from helper.probes.visibility import Mode, Visibility
from helper.sampler import packets
from helper.sampler.activity import Activity
from helper.sampler.probe_set import FIRST_PAUSE_S, LONGEST_PAUSE_S, NOT_COUNTED, ProbeSet, Slot, State, kinds_of
from helper.sampler.readings import Readings
from tests.fakes.activity import FakeActivity
from tests.fakes.probes import ROW_BYTES, FakeTasks

VIEWER = Visibility(Mode.SEES_AS_PROC, 1000)


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def running(probe: FakeActivity, clock: Clock | None = None) -> Slot:
    slot = Slot(probe, kinds_of(probe.name), clock_s=clock or Clock())
    slot.open()
    return slot


def test_only_sections_of_the_kinds_asked_for_are_read() -> None:
    calls, files = FakeActivity(), FakeActivity("file_activity", section=21)
    activity = Activity([(running(calls), calls), (running(files), files)])
    assert [section.kind for section in activity.sections(VIEWER, packets.KIND_FILES)] == [21]
    assert (calls.read, files.read) == (0, 1)


def test_a_probe_that_cannot_be_read_is_closed_with_its_reason_and_the_others_go_on() -> None:
    calls, files = FakeActivity(), FakeActivity("file_activity", section=21)
    slots = running(calls), running(files)
    activity = Activity(zip(slots, (calls, files), strict=True))
    calls.broken = True
    assert [section.kind for section in activity.sections(VIEWER, packets.KINDS)] == [21]
    assert [slot.state for slot in slots] == [State.FAILED, State.RUNNING]
    assert "step: read" in slots[0].reason
    assert "the verifier's last line" in slots[0].reason
    assert calls.closed == 1


def test_making_room_comes_once_a_minute_and_may_fail_alone() -> None:
    calls, files = FakeActivity(), FakeActivity("file_activity")
    slot = running(calls)
    activity = Activity([(slot, calls), (running(files), files)])
    for second in (100, 130, 161):
        activity.forget_idle(second * 10**9)
    assert files.forgotten == 2
    calls.broken = True
    activity.forget_idle(300 * 10**9)
    assert (slot.state, files.forgotten) == (State.FAILED, 3)


def test_losses_are_told_by_kind_and_outlive_the_probe() -> None:
    calls = FakeActivity(lost_count=7)
    slot = running(calls)
    activity = Activity([(slot, calls)])
    slot.close()
    assert activity.lost(packets.KIND_SYSCALLS) == 7
    assert activity.lost(packets.KIND_FILES) == 0


def test_one_snapshot_of_tasks_serves_streams_with_and_without_opt_in_kinds() -> None:
    tasks, calls = FakeTasks(), FakeActivity()
    slot = Slot(tasks, kinds_of(tasks.name))
    slot.open()
    readings = Readings((slot, tasks, ROW_BYTES), None, activity=Activity([(running(calls), calls)]))
    moment_ns = readings.begin()
    plain = readings.take(VIEWER, moment_ns, packets.KIND_TASKS)
    more = readings.take(VIEWER, moment_ns, packets.KIND_TASKS | packets.KIND_SYSCALLS)
    assert [section.kind for section in plain.sections] == [1]
    assert [section.kind for section in more.sections] == [1, 19]
    assert len(tasks.asked) == 1
    readings.take(VIEWER, moment_ns + 1)
    assert len(tasks.asked) == 2


def test_a_failed_probe_is_tried_again_after_pauses_that_double_up_to_an_hour() -> None:
    clock, probe = Clock(), FakeActivity(broken=True)
    slot = running(probe, clock)
    probes = ProbeSet((slot,), "core")
    pauses_s = []
    for _ in range(9):
        began_s = clock.now_s
        while not any(probes.wanted(packets.KIND_SYSCALLS)):
            clock.now_s += 1
        pauses_s.append(clock.now_s - began_s)
        slot.open()
    assert pauses_s[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses_s[-1] == LONGEST_PAUSE_S
    assert probe.opened == 10


def test_a_failure_after_an_hour_without_one_has_the_first_pause_again_and_one_before_that_a_longer_one() -> None:
    clock, probe = Clock(), FakeActivity(broken=True)
    slot = running(probe, clock)
    probe.broken = False
    for ran_s, pause_s in ((LONGEST_PAUSE_S - 1, 2 * FIRST_PAUSE_S), (LONGEST_PAUSE_S, FIRST_PAUSE_S)):
        clock.now_s = slot.again_s
        slot.open()
        clock.now_s += ran_s
        slot.fail(LoaderError(probe.name, "read", 5))
        assert slot.again_s - clock.now_s == pause_s


def test_asking_a_failed_probe_within_its_pause_does_not_touch_the_kernel() -> None:
    probe = FakeActivity(broken=True)
    slot = running(probe)
    for _ in range(1000):
        slot.open()
    assert probe.opened == 1


def test_a_probe_that_runs_again_has_no_reason_any_more() -> None:
    clock, probe = Clock(), FakeActivity(broken=True)
    slot = running(probe, clock)
    probe.broken = False
    clock.now_s = FIRST_PAUSE_S
    slot.open()
    assert (slot.state, slot.reason) == (State.RUNNING, "")


def test_what_nobody_asks_for_is_closed_only_if_it_is_opt_in() -> None:
    calls, reclaim = FakeActivity(), FakeActivity("memory_reclaim", section=16)
    slots = running(calls), running(reclaim)
    probes = ProbeSet(slots, "core")
    probes.close_unwanted(packets.KIND_SYSCALLS)
    assert [slot.state for slot in slots] == [State.RUNNING, State.RUNNING]
    probes.close_unwanted(packets.KIND_TASKS)
    assert [slot.state for slot in slots] == [State.OFF, State.RUNNING]
    assert [row[1] for row in probes.rows()] == ["off", "running"]


def test_a_running_probe_with_nothing_in_the_kernel_waits_and_says_for_what() -> None:
    probe = FakeActivity()
    probes = ProbeSet((running(probe),), "core")
    assert [row[:3] for row in probes.rows()] == [["syscalls", "running", ""]]
    probe.waits_for = "every graphics card sleeps"
    assert [row[:3] for row in probes.rows()] == [["syscalls", "waiting", "every graphics card sleeps"]]


def test_a_probe_that_has_several_ways_says_which_one_runs_in_its_row_and_in_the_journal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    probes = ProbeSet((running(FakeActivity(way="counted on foot")),), "core")
    assert [row[:3] for row in probes.rows()] == [["syscalls", "running", "counted on foot"]]
    assert "probe syscalls is running: counted on foot" in capsys.readouterr().err


def test_a_system_call_that_was_only_just_put_into_the_map_has_no_row_yet() -> None:
    never, once = bytes(2 * SYSCALL.size), bytes(SYSCALL.size) + b"\x07" + bytes(7) + b"\x01" + bytes(SYSCALL.size - 9)
    found = rows_of_numbers(never + once, 2 * SYSCALL.size)
    assert found == once[SYSCALL.size :]


class Counted(FakeActivity):
    """A probe of whose programs the kernel counts the runs, or doesn't."""

    run_ns: int | None = None

    def cost(self) -> ProbeCost:
        return ProbeCost(None if self.run_ns is None else 1, self.run_ns, 4096)


def test_run_time_is_that_of_all_programs_or_not_known() -> None:
    one, other = Counted(), Counted("file_activity")
    slots = running(one), running(other)
    probes = ProbeSet(slots, "core")
    assert probes.run_ns() == NOT_COUNTED
    one.run_ns = 5
    assert probes.run_ns() == NOT_COUNTED, "a part of the sum would be taken for all of it"
    assert [row[3:5] for row in probes.rows()] == [[1, 5], [NOT_COUNTED, NOT_COUNTED]]
    other.run_ns = 7
    assert probes.run_ns() == 12
    slots[1].close()
    assert probes.run_ns() == 5


@pytest.mark.parametrize("step", ["library", "btf", "hardware"])
def test_what_this_machine_does_not_have_is_unavailable_and_never_tried_again(step: str) -> None:
    class Absent(FakeActivity):
        def open(self) -> None:
            self.opened += 1
            raise LoaderError(self.name, step, 2)

    clock, probe = Clock(), Absent()
    slot = running(probe, clock)
    assert slot.state is State.UNAVAILABLE
    clock.now_s = 10 * LONGEST_PAUSE_S
    slot.open()
    assert (slot.state, probe.opened) == (State.UNAVAILABLE, 1)
    assert not any(ProbeSet((slot,), "core").wanted(packets.KIND_SYSCALLS))


def test_whoever_listens_lets_go_of_a_probe_before_it_is_closed() -> None:
    probe = FakeActivity()
    slot = running(probe)
    seen: list[int] = []
    slot.before_close = lambda: seen.append(probe.closed)
    slot.close()
    assert (seen, probe.closed) == ([0], 1)


def test_memory_is_told_as_reckoned_as_it_is_and_when_full_and_reckoned_once() -> None:
    asked: list[int] = []

    def estimates() -> dict[str, MapMemory]:
        asked.append(1)
        return {"syscalls": MapMemory(fresh_bytes=10, full_bytes=30)}

    class Mapped(FakeActivity):
        def cost(self) -> ProbeCost:
            return ProbeCost(None, None, 4096, map_bytes=20)

    slots = running(Mapped()), running(FakeActivity("energy"))
    probes = ProbeSet(slots, "core", estimates=estimates)
    for _ in range(2):
        assert probes.memory_rows()[0] == ["syscalls", 10, 20, 30]
        assert probes.memory_rows()[1] == ["energy", NOT_COUNTED, 0, NOT_COUNTED]
    assert asked == [1]


def test_tables_are_read_anew_for_each_tick_and_once_for_all_who_ask_in_it() -> None:
    probe = FakeActivity()
    readings = Readings(None, None, activity=Activity([(running(probe), probe)]))
    for tick in (1, 2, 3):
        probe.rows = bytes([tick]) * 16
        moment_ns = readings.begin()
        for viewer in (VIEWER, VIEWER._replace(uid=1001)):
            (section,) = readings.take(viewer, moment_ns, packets.KIND_SYSCALLS).sections
            assert bytes(section.rows) == probe.rows
        assert probe.read == tick


def test_a_probe_that_is_off_is_not_asked_to_make_room() -> None:
    probe = FakeActivity()
    slot = running(probe)
    slot.close()
    Activity([(slot, probe)]).forget_idle(100 * 10**9)
    assert probe.forgotten == 0
