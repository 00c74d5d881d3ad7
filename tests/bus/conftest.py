"""Real dbus-daemon, polkitd and sampler in a throw-away box; the callers are processes of users that are only there."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.bus.boxes import Box
from tests.bus.stand_ins import StandIn, StartStandIn


@pytest.fixture(scope="session")
def shared_box() -> Iterator[Box]:
    box = Box()
    yield box
    complaints = box.complaints()
    box.close()
    assert complaints == []


@pytest.fixture
def box(shared_box: Box) -> Iterator[Box]:
    """The one box for all tests that don't need another kind; its callers end with the test."""
    yield shared_box
    shared_box.end_callers()


@pytest.fixture(scope="session")
def shared_control_box() -> Iterator[Box]:
    box = Box("--control-argument=--most-actions", "--control-argument=1000")
    yield box
    complaints = box.complaints()
    box.close()
    assert complaints == []


@pytest.fixture
def control_box(shared_control_box: Box) -> Iterator[Box]:
    """One box for all tests of Control, whose quota many tests in a row don't use up; its callers end with the test."""
    yield shared_control_box
    shared_control_box.end_callers()


@pytest.fixture
def open_box() -> Iterator[Callable[..., Box]]:
    """Opens boxes with options of their own."""
    boxes: list[Box] = []

    def open_one(*options: str) -> Box:
        boxes.append(Box(*options))
        return boxes[-1]

    yield open_one
    for box in boxes:
        box.close()


@pytest.fixture
def stand_in(open_box: Callable[..., Box]) -> Iterator[StartStandIn]:
    running: list[StandIn] = []

    def start(mode: str, patience: Sequence[str]) -> tuple[Box, StandIn]:
        box = open_box("--no-polkit", *patience)
        running.append(StandIn(box, mode))
        return box, running[-1]

    yield start
    for each in running:
        each.end()
