"""A probe that fails in the middle of its work: it is unloaded with its reason, and the ticks go on without it."""

from helper.probes.visibility import EVERYBODY
from helper.sampler import packets
from helper.sampler.probe_set import Slot, State, kinds_of
from helper.sampler.readings import Readings
from tests.fakes.probes import ROW_BYTES, FakeExits, FakeTasks

SECOND_NS = 10**9


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
        self.now_ns += SECOND_NS
        moment_ns = self.readings.begin()
        return [section.kind for section in self.readings.take(EVERYBODY, moment_ns).sections]


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
