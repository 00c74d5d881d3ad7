"""Promises of `adapters/considerate.py` and of quiet hours."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from smoothtask_gui.adapters.considerate import ConsiderateNotifications
from smoothtask_gui.adapters.quietness import DesktopQuietness
from smoothtask_gui.domain.focus import Focus
from smoothtask_gui.domain.incident import Hushed, IncidentState, Severity
from smoothtask_gui.domain.quiet_hours import QuietHours, parse_quiet_hours
from smoothtask_gui.domain.settings import Settings, problems
from tests.fakes.focus import FakeFocus, windows
from tests.fakes.incidents import runaway
from tests.fakes.notifications import FakeNotifications


class Room:
    """Notifications with manners in surroundings that the test chooses."""

    def __init__(self) -> None:
        self.why: Hushed | None = None
        self.asked = 0
        self.held: list[tuple[int, Hushed]] = []
        self.over = asyncio.Event()
        self.inner = FakeNotifications()
        self.notifications = ConsiderateNotifications(
            self.inner, self, lambda *what: self.held.append(what), self.over.set, poll_s=0.01
        )

    async def reason(self) -> Hushed | None:
        self.asked += 1
        return self.why

    @property
    def shown(self) -> list[int]:
        return [incident.id for incident in self.inner.shown]


def play(story: Callable[[Room], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60):
            await story(Room())

    asyncio.run(run())


def test_what_is_not_critical_waits_and_is_told_of_when_the_quiet_is_over() -> None:
    async def story(room: Room) -> None:
        room.why = Hushed.FULL_SCREEN
        await room.notifications.show(runaway(1))
        assert room.shown == []
        assert room.held == [(1, Hushed.FULL_SCREEN)]
        assert not room.over.is_set()
        room.why = None
        await room.over.wait()
        await room.notifications.show(runaway(1))
        assert room.shown == [1]

    play(story)


def test_what_is_critical_is_shown_at_once_without_asking() -> None:
    async def story(room: Room) -> None:
        room.why = Hushed.DO_NOT_DISTURB
        await room.notifications.show(runaway(1, severity=Severity.CRITICAL))
        assert room.shown == [1]
        assert room.asked == 0

    play(story)


def test_nothing_is_asked_while_nothing_is_to_be_said() -> None:
    async def story(room: Room) -> None:
        await room.notifications.show(runaway(1))
        asked = room.asked
        await asyncio.sleep(0.1)
        assert room.asked == asked == 1

    play(story)


def test_what_was_shown_before_is_taken_back_when_it_changes_in_the_quiet() -> None:
    async def story(room: Room) -> None:
        await room.notifications.show(runaway(1))
        room.why = Hushed.QUIET_HOURS
        await room.notifications.show(runaway(1, title="it is over", state=IncidentState.RESOLVED))
        assert room.shown == [1]
        assert room.inner.withdrawn == [1]
        assert room.held == []  # over: there is nothing left to announce

    play(story)


def test_what_is_said_about_the_app_itself_is_said_at_once() -> None:
    async def story(room: Room) -> None:
        room.why = Hushed.DO_NOT_DISTURB
        await room.notifications.tell("SmoothTask", "node has ended already.")
        assert len(room.inner.told) == 1

    play(story)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("22:00-07:00", (1320, 420)), (" 9:05 - 17:30 ", (545, 1050)), ("00:00-23:59", (0, 1439))],
)
def test_a_span_is_read_and_written_alike(text: str, minutes: tuple[int, int]) -> None:
    hours = parse_quiet_hours(text)
    assert hours == QuietHours(*minutes)
    assert parse_quiet_hours(str(hours)) == hours


@pytest.mark.parametrize(
    "text", ["22-07", "22:00", "24:00-07:00", "22:60-07:00", "07:00-07:00", "x", "22:00-07:00-08:00"]
)
def test_what_is_no_span_is_refused_with_a_sentence(text: str) -> None:
    assert repr(text) in problems(Settings(quiet_hours=text))["quiet_hours"]


def test_a_span_over_midnight_covers_both_its_ends() -> None:
    hours = QuietHours(22 * 60, 7 * 60)
    assert [hour for hour in range(24) if hours.cover(hour * 60)] == [0, 1, 2, 3, 4, 5, 6, 22, 23]
    assert [hour for hour in range(24) if QuietHours(9 * 60, 12 * 60).cover(hour * 60)] == [9, 10, 11]


@pytest.mark.parametrize(("minute", "why"), [(23 * 60, Hushed.QUIET_HOURS), (12 * 60, None)])
def test_quiet_hours_count_in_local_time_and_need_no_bus(minute: int, why: Hushed | None) -> None:
    settings = Settings(quiet_hours="22:00-07:00", respect_full_screen=False)
    quietness = DesktopQuietness(lambda: settings, None, FakeNotifications().server, FakeFocus(), lambda: minute)
    assert asyncio.run(quietness.reason()) is why


def test_without_quiet_hours_nothing_is_quiet() -> None:
    settings = Settings(respect_full_screen=False, respect_do_not_disturb=False)
    assert (
        asyncio.run(DesktopQuietness(lambda: settings, None, FakeNotifications().server, FakeFocus()).reason()) is None
    )


@pytest.mark.parametrize(
    ("focus", "why"),
    [
        (windows(7, active=7, full_screen=True), Hushed.FULL_SCREEN),
        (windows(7, active=7), None),
        (Focus(full_screen=True), None),
        (None, None),
    ],
    ids=["full screen", "a window", "not known", "nobody tells"],
)
def test_a_window_known_to_fill_the_screen_is_not_disturbed(focus: Focus | None, why: Hushed | None) -> None:
    settings = Settings(respect_do_not_disturb=False)
    quietness = DesktopQuietness(lambda: settings, None, FakeNotifications().server, FakeFocus(focus))
    assert asyncio.run(quietness.reason()) is why
