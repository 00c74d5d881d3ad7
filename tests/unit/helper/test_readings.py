"""A probe that fails in the middle of its work: it is unloaded with its reason, and the ticks go on without it."""

import pytest

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
