"""A look at the count of datagrams: when the next one is due, what the journal says, what a failure does."""

import pytest

from helper.loaders.errors import LoaderError
from helper.probes.probe import ProbeCost
from helper.sampler.message_watch import MessageWatch
from helper.sampler.probe_set import Slot, State, kinds_of


class FakeEvents:
    """A probe whose next look a test decides on."""

    name = "socket_events"

    def __init__(self) -> None:
        self.is_paused = False
        self.will_be_paused = False
        self.broken = False
        self.slowest: list[int] = []

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing is open."""

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 0, way="paused" if self.is_paused else "counting")

    def look(self, slowest_ms: int) -> int | None:
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        self.slowest.append(slowest_ms)
        self.is_paused = self.will_be_paused
        return 1000


@pytest.fixture
def events() -> FakeEvents:
    return FakeEvents()


@pytest.fixture
def slot(events: FakeEvents) -> Slot:
    slot = Slot(events, kinds_of(events.name))
    slot.open()
    return slot


def test_a_probe_that_isn_t_running_isn_t_asked(events: FakeEvents, slot: Slot) -> None:
    slot.close()
    assert MessageWatch(slot, events).look(1000) is None
    assert events.slowest == []


def test_the_journal_tells_each_pause_and_its_end_once(
    events: FakeEvents, slot: Slot, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = MessageWatch(slot, events)
    capsys.readouterr()
    for events.will_be_paused in (False, True, True, False, False):
        assert watch.look(2000) == 1000
    assert events.slowest == [2000] * 5
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["paused", "counting"]
    assert all("socket_events" in line for line in lines)


def test_a_look_that_fails_is_the_probe_s_failure(events: FakeEvents, slot: Slot) -> None:
    events.broken = True
    assert MessageWatch(slot, events).look(1000) is None
    assert slot.state is State.FAILED
