"""A probe that fails in the middle of its work: it is unloaded with its reason, and the ticks go on without it."""

import struct

import pytest

from helper.probes.probe import TaskReading
from helper.probes.row_table import EXITED, TASK
from helper.probes.visibility import EVERYBODY, Mode, Visibility
from helper.sampler import packets
from helper.sampler.frames import Snapshot
from helper.sampler.probe_set import Slot, State, kinds_of
from helper.sampler.readings import HELD_UP_NS, TRIES, Readings
from tests.fakes.probes import ROW_BYTES, FakeExits, FakeTasks

SECOND_NS = 10**9
OTHER = Visibility(Mode.SEES_OWN, 1000)


class Desk:
    """Both probes of a tick, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND_NS
        self.tasks, self.exits = FakeTasks(), FakeExits()
        self.slots = [Slot(probe, kinds_of(probe.name)) for probe in (self.tasks, self.exits)]
        for slot in self.slots:
            slot.open()
        self.readings = Readings(
            (self.slots[0], self.tasks, ROW_BYTES), (self.slots[1], self.exits, 104), clock_ns=lambda: self.now_ns
        )

    def tick(self) -> list[int]:
        """The sections of the next second."""
        return [section.kind for section in self.take().sections]

    def take(self) -> Snapshot:
        """The snapshot of the next second."""
        self.now_ns += SECOND_NS
        return self.readings.take(EVERYBODY, self.readings.begin())

    def hold_up(self, *delays_ns: int) -> None:
        """So long is the sampler held up before each of its next readings of tasks, then no more."""
        waiting = list(delays_ns)

        def wait() -> None:
            self.now_ns += waiting.pop(0) if waiting else 0

        self.tasks.clock_ns, self.tasks.before_reading = lambda: self.now_ns, wait


def test_a_probe_that_can_no_longer_be_read_is_unloaded_and_the_tick_comes_without_its_section() -> None:
    desk = Desk()
    assert desk.tick() == [packets.SECTION_TASKS, packets.SECTION_EXITED, packets.SECTION_COUNTERS]
    desk.exits.broken = True
    assert desk.tick() == [packets.SECTION_TASKS]
    assert (desk.slots[1].state, desk.exits.closed) == (State.FAILED, 1)
    assert "process_events" in desk.slots[1].reason
    assert "step: read" in desk.slots[1].reason


def test_a_probe_that_fails_while_it_makes_room_takes_no_tick_with_it() -> None:
    desk = Desk()
    desk.tick()
    desk.exits.broken = True
    desk.now_ns += 61 * SECOND_NS
    assert desk.tick() == [packets.SECTION_TASKS]
    assert desk.slots[1].state is State.FAILED
    assert desk.tick() == [packets.SECTION_TASKS]


@pytest.mark.parametrize(
    ("delays_ns", "readings"),
    [
        ((), 1),
        ((HELD_UP_NS,), 1),
        ((300 * 10**6,), 2),
        ((300 * 10**6, 5 * 10**6), 3),
        ((300 * 10**6,) * TRIES, TRIES),
        ((300 * 10**6,) * (TRIES + 1), TRIES),
    ],
)
def test_a_thread_that_never_rests_has_one_core_however_long_the_sampler_is_held_up(
    delays_ns: tuple[int, ...], readings: int
) -> None:
    desk = Desk()
    desk.hold_up()
    before_ns, run_before_ns = desk.take().boottime_ns, desk.tasks.run_ns
    desk.tasks.asked.clear()
    desk.hold_up(*delays_ns)
    after_ns, run_after_ns = desk.take().boottime_ns, desk.tasks.run_ns
    interval_ns = after_ns - before_ns
    assert abs(run_after_ns - run_before_ns - interval_ns) <= HELD_UP_NS
    assert len(desk.tasks.asked) == readings
    assert desk.exits.begun_ns == desk.tasks.asked[-1], "who is born later is left out, and its exit is rolled up"


def test_a_snapshot_that_was_read_twice_tells_when_it_began_and_how_long_it_took() -> None:
    desk = Desk()
    desk.hold_up(300 * 10**6)
    snapshot = desk.take()
    assert snapshot.boottime_ns == desk.now_ns
    assert snapshot.snapshot_ns == 0


def test_readers_of_one_moment_are_told_the_same_however_late_it_was_read() -> None:
    desk = Desk()
    desk.hold_up(300 * 10**6)
    desk.now_ns += SECOND_NS
    moment_ns = desk.readings.begin()
    first, second = (desk.readings.take(viewer, moment_ns).boottime_ns for viewer in (EVERYBODY, OTHER))
    assert first == second == moment_ns + 300 * 10**6


class OwnedTasks(FakeTasks):
    """A task row for each of `owners`."""

    owners = (1000, 1001)

    def read_into(self, buffer: memoryview, born_before_ns: int = 0) -> TaskReading:
        self.rows = len(self.owners)
        reading = super().read_into(buffer, born_before_ns)
        for place, owner in enumerate(self.owners):
            struct.pack_into("@I", buffer, place * ROW_BYTES + TASK.owner, owner)
        return reading


class OwnedExits(FakeExits):
    """Roll-ups of two users."""

    def read_exited(self) -> bytes:
        rows = bytearray(2 * EXITED.record_bytes)
        for place, owner in enumerate((1000, 1001)):
            struct.pack_into("@I", rows, place * EXITED.record_bytes + EXITED.owner, owner)
        return bytes(rows)


def test_who_sees_only_his_own_gets_no_row_of_others_neither_alive_nor_gone() -> None:
    tasks, exits = OwnedTasks(), OwnedExits()
    slots = [Slot(probe, kinds_of(probe.name)) for probe in (tasks, exits)]
    for slot in slots:
        slot.open()
    readings = Readings((slots[0], tasks, ROW_BYTES), (slots[1], exits, EXITED.record_bytes))
    moment_ns = readings.begin()
    for viewer, owners in ((OTHER, [1000]), (EVERYBODY, [1000, 1001]), (Visibility(Mode.SEES_OWN, 1001), [1001])):
        alive, gone, _ = readings.take(viewer, moment_ns).sections
        for section, at in ((alive, TASK.owner), (gone, EXITED.owner)):
            starts = range(0, len(section.rows), section.record_bytes)
            assert [struct.unpack_from("@I", section.rows, start + at)[0] for start in starts] == owners


def test_more_tasks_than_a_frame_takes_are_cut_short_and_it_is_said() -> None:
    desk = Desk()
    assert not desk.take().sections[0].truncated
    desk.tasks.rows = 65_537
    cut = desk.take().sections[0]
    assert cut.truncated
    assert len(cut.rows) == 65_536 * ROW_BYTES


def test_room_is_made_once_a_minute_and_not_at_each_tick() -> None:
    desk = Desk()
    made_ns: list[int] = []

    def forget(now_ns: int) -> int:
        made_ns.append(now_ns)
        return 0

    desk.exits.forget_idle = forget  # type: ignore[method-assign]  # a note of when it is called
    for _ in range(130):
        desk.tick()
    assert len(made_ns) == 3, "at the first tick, and twice in the two minutes after it"
