"""Promises of `adapters/notifications.py`, kept with real notification services."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest

from smoothtask_gui.adapters.loop import is_lost_connection
from smoothtask_gui.adapters.notification_port import NotificationService
from smoothtask_gui.adapters.notifications import ABSENT, DesktopNotifications
from smoothtask_gui.adapters.session_bus import SessionBus
from smoothtask_gui.domain.incident import Action, IncidentState, Severity
from tests.desktop.conftest import PATIENCE_S, MakeDesk, Scene
from tests.fakes.incidents import runaway

SERVICES = ("xfce4-notifyd", "dunst")


class Person:
    """What the app's side was told."""

    def __init__(self) -> None:
        self.actions: asyncio.Queue[tuple[int, Action]] = asyncio.Queue()
        self.dismissed: asyncio.Queue[int] = asyncio.Queue()
        self.services: list[NotificationService] = []
        self._news = asyncio.Event()

    def hear(self, service: NotificationService) -> None:
        self.services.append(service)
        self._news.set()

    async def until_available(self, *, available: bool) -> None:
        while self.services[-1].available is not available:
            self._news.clear()
            await self._news.wait()


def talk(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    conversation: Callable[[DesktopNotifications, Person], Awaitable[None]],
) -> Person:
    """Run `conversation` on the scene's session bus."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", scene.desk.env["DBUS_SESSION_BUS_ADDRESS"])
    person = Person()

    unexpected: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: None if is_lost_connection(context) else unexpected.append(context)
        )
        bus = await SessionBus.connect()
        notifications = DesktopNotifications(bus, "dialog-information")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await notifications.start(
                    lambda *pressed: person.actions.put_nowait(pressed), person.dismissed.put_nowait, person.hear
                )
                await conversation(notifications, person)
        finally:
            await bus.close()

    asyncio.run(run())
    gc.collect()
    assert unexpected == []
    return person


@pytest.mark.parametrize("service", SERVICES)
def test_an_update_takes_the_place_of_the_notification_it_updates(
    make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    scene = make_bus_scene(notify=service)

    async def conversation(notifications: DesktopNotifications, _person: Person) -> None:
        await notifications.show(runaway(7, title="first"))
        await notifications.show(runaway(8, title="another"))
        await notifications.show(runaway(7, title="second", severity=Severity.CRITICAL))
        await notifications.show(runaway(7, title="over", state=IncidentState.RESOLVED))

    person = talk(scene, monkeypatch, conversation)
    scene.until(lambda: scene.notified('string "over"'), "the last call is logged")
    calls = {title: replaced_id(scene, title) for title in ("first", "another", "second", "over")}
    assert calls["first"] == calls["another"] == 0
    assert calls["second"] == calls["over"] > 0
    shows_buttons = service != "dunst"  # its actions are in a menu
    assert person.services[-1] == NotificationService(True, ANY, shows_buttons, "")
    assert person.services[-1].name != ""


def replaced_id(scene: Scene, title: str) -> int:
    call = next(call for call in scene.bus_log.split("member=Notify\n")[1:] if f'string "{title}"' in call)
    return int(call.split("uint32 ")[1].split()[0])


@pytest.mark.parametrize("service", SERVICES)
def test_text_from_outside_is_shown_literally(
    make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    scene = make_bus_scene(notify=service)
    evil = runaway(
        1, title="</b><img src=x>\x1b[31m\u202e" + "A" * 5000, body="<b>bold</b> & co\x00\nsecond\udc80 line"
    )

    async def conversation(notifications: DesktopNotifications, _person: Person) -> None:
        await notifications.show(evil)

    talk(scene, monkeypatch, conversation)
    scene.until(lambda: scene.notified("second"), "the call is logged")
    assert r"&lt;b&gt;bold&lt;/b&gt; &amp; co\x00" in scene.bus_log
    assert r"second\udc80 line" in scene.bus_log
    assert r"</b><img src=x>\x1b[31m\u202e" in scene.bus_log
    assert "A" * 256 not in scene.bus_log
    scene.picture(f"notification-hostile-{service}")


def test_a_button_is_routed_with_its_incident_and_a_withdrawn_notification_goes(
    make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_bus_scene()

    async def conversation(notifications: DesktopNotifications, person: Person) -> None:
        await notifications.show(runaway(41))
        await asyncio.to_thread(scene.press, "Stop", "node")
        assert await person.actions.get() == (41, Action.STOP)
        await notifications.show(runaway(42))
        await asyncio.to_thread(scene.until, scene.notification, "it is shown")
        await notifications.withdraw(42)
        await asyncio.to_thread(scene.until, lambda: scene.notification() is None, "it is gone")

    person = talk(scene, monkeypatch, conversation)
    assert person.dismissed.empty()


def test_a_press_is_heard_as_often_as_it_comes(make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_bus_scene()

    async def conversation(notifications: DesktopNotifications, person: Person) -> None:
        for _ in range(2):
            await notifications.show(runaway(5))
            await asyncio.to_thread(scene.press, "Stop", "node")
            assert await person.actions.get() == (5, Action.STOP)
            await asyncio.to_thread(scene.until, lambda: scene.notification() is None, "the server closed it")

    talk(scene, monkeypatch, conversation)


def test_a_dismissal_is_told(make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_bus_scene()

    async def conversation(notifications: DesktopNotifications, person: Person) -> None:
        await notifications.show(runaway(6))
        x, y, _, _ = await asyncio.to_thread(scene.until, scene.notification, "it is shown")
        await asyncio.to_thread(scene.click, x + 60, y + 20)  # xfce4-notifyd closes on a click beside its buttons
        assert await person.dismissed.get() == 6

    talk(scene, monkeypatch, conversation)


def test_without_a_service_that_is_said_and_what_is_open_is_shown_when_one_comes(
    make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_bus_scene(notify="none")

    async def conversation(notifications: DesktopNotifications, person: Person) -> None:
        await notifications.show(runaway(1, title="still open"))
        await notifications.show(runaway(2, title="over before"))
        await notifications.show(replace(runaway(2, title="over"), state=IncidentState.RESOLVED))
        assert [service.message for service in person.services] == [ABSENT]
        for name in ("dunst", "xfce4-notifyd"):  # one after the other: a restarted service is a new one
            scene.desk.start(name)
            await person.until_available(available=True)
            scene.desk.stop(name)
            await person.until_available(available=False)

    person = talk(scene, monkeypatch, conversation)
    shown = [call for call in scene.bus_log.split("member=Notify\n")[1:] if "still open" in call]
    assert len(shown) == 2  # one for each service
    assert "over before" not in scene.bus_log
    assert [service.name for service in person.services if service.name] == ["dunst", "Xfce Notify Daemon"]


def test_a_bus_that_dies_harms_nobody(make_bus_scene: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_bus_scene()

    async def conversation(notifications: DesktopNotifications, person: Person) -> None:
        await notifications.show(runaway(1))
        scene.desk.stop("dbus-daemon")
        await person.until_available(available=False)
        await notifications.show(runaway(2))
        await notifications.withdraw(1)
        await notifications.tell("title", "body")

    talk(scene, monkeypatch, conversation)
