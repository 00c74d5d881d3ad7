"""A promise a row of `notification_servers.py`, and the portal; Xfce's and dunst's own are in the desktop lane."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from smoothtask_gui.adapters.notification_servers import SERVERS, QuietSource, server_of
from smoothtask_gui.adapters.notifications import ABSENT, DesktopNotifications
from smoothtask_gui.adapters.portal_notifications import PORTAL
from smoothtask_gui.adapters.quietness import DesktopQuietness
from smoothtask_gui.adapters.session_bus import SessionBus
from smoothtask_gui.domain.incident import Action, Hushed, IncidentState, Severity
from smoothtask_gui.domain.joining import arrange
from smoothtask_gui.domain.settings import Settings
from tests.fakes.focus import FakeFocus
from tests.fakes.incidents import runaway
from tests.fakes.notification_server import NAME, FakeServer

if TYPE_CHECKING:
    from smoothtask_gui.adapters.notification_port import NotificationService

HEAT = arrange("overheating", (Action.SHOW, Action.STOP, Action.SNOOZE))
PATIENCE_S = 60
BUSY_WAIT_S = 0.01


class Talk:
    """The app's side."""

    def __init__(self, bus: SessionBus, *, sandboxed: bool = False) -> None:
        self.bus = bus
        self.pressed: asyncio.Queue[tuple[int, Action]] = asyncio.Queue()
        self.services: list[NotificationService] = []
        self.notifications = DesktopNotifications(
            bus, "dialog-information", sandboxed=sandboxed, busy_wait_s=BUSY_WAIT_S
        )

    async def start(self) -> None:
        await self.notifications.start(
            lambda *what: self.pressed.put_nowait(what), lambda _: None, self.services.append
        )

    async def is_quiet(self) -> Hushed | None:
        settings = Settings(respect_full_screen=False)
        return await DesktopQuietness(lambda: settings, self.bus, self.notifications.server, FakeFocus()).reason()


def play(
    address: str, server: FakeServer | None, story: Callable[[Talk], Awaitable[None]], *, sandboxed: bool = False
) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            if server is not None:
                await server.serve(address)
            bus = await SessionBus.connect()
            try:
                talk = Talk(bus, sandboxed=sandboxed)
                await talk.start()
                await story(talk)
            finally:
                await bus.close()
                if server is not None:
                    server.leave()

    asyncio.run(run())


def labels(server: FakeServer) -> list[str]:
    """What is on the buttons of the latest notification, the click on its body left out."""
    actions = server.shown[-1].actions
    return [label for key, label in zip(actions[::2], actions[1::2], strict=True) if key != "default"]


def test_each_row_names_its_evidence_and_is_found_by_name_and_vendor() -> None:
    for row in SERVERS:
        assert row.evidence
        assert server_of(row.name, row.vendor) is row
    assert server_of("dunst", "somebody else").evidence.startswith("https://specifications.freedesktop.org")


def test_gnome_gets_the_three_buttons_that_it_shows_and_the_best_ones(address: str) -> None:
    server = FakeServer(
        "gnome-shell", "GNOME", ("actions", "body", "body-markup", "icon-static", "persistence", "sound")
    )

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5, actions=HEAT))
        await server.press(1, "pause")
        assert await talk.pressed.get() == (5, Action.PAUSE)

    play(address, server, story)
    assert labels(server) == ["Pause", "Limit", "Show"]
    assert server_of("gnome-shell", "GNOME").quiet is QuietSource.GSETTINGS


def test_gnomes_switch_is_asked_of_its_own_tool(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    answers = {"false": Hushed.DO_NOT_DISTURB, "true": None, "": None}
    tool = tmp_path / "gsettings"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))
        for said, quiet in answers.items():
            tool.write_text(
                f'#!/bin/sh\n[ "$*" = "get org.gnome.desktop.notifications show-banners" ] && echo {said}\n'
            )
            tool.chmod(0o755)
            assert await talk.is_quiet() is quiet

    play(address, FakeServer("gnome-shell", "GNOME"), story)


def test_plasmas_do_not_disturb_is_its_inhibited_property(address: str) -> None:
    server = FakeServer("Plasma", "KDE")

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))
        assert await talk.is_quiet() is None  # older ones have no such property
        for inhibited, quiet in ((True, Hushed.DO_NOT_DISTURB), (False, None)):
            server.properties[NAME, "Inhibited"] = inhibited
            assert await talk.is_quiet() is quiet

    play(address, server, story)


def test_what_plasma_refuses_in_a_burst_is_sent_again(address: str) -> None:
    server = FakeServer(
        "Plasma", "KDE", refusals=["org.freedesktop.Notifications.Error.ExcessNotificationGeneration"] * 2
    )

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))
        assert talk.services[-1].available

    play(address, server, story)
    assert len(server.shown) == 1


def test_any_other_refusal_is_said_at_once(address: str) -> None:
    server = FakeServer("Plasma", "KDE", refusals=["org.freedesktop.DBus.Error.AccessDenied"])

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))
        assert not talk.services[-1].available
        assert "not now; alerts stay in the tray" in talk.services[-1].message

    play(address, server, story)
    assert server.shown == []


@pytest.mark.parametrize(("name", "vendor"), [("mako", "emersion"), ("dunst", "knopwob")])
def test_servers_with_a_menu_get_every_action_and_are_not_said_to_show_buttons(
    address: str, name: str, vendor: str
) -> None:
    server = FakeServer(name, vendor)

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5, actions=HEAT))
        assert not talk.services[-1].shows_buttons

    play(address, server, story)
    assert labels(server) == ["Pause", "Limit", "Show", "Stop", "Snooze", "Expected"]


def test_dunsts_pause_counts_as_do_not_disturb(address: str) -> None:
    server = FakeServer("dunst", "knopwob", properties={("org.dunstproject.cmd0", "paused"): True})

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))
        assert await talk.is_quiet() is Hushed.DO_NOT_DISTURB

    play(address, server, story)


def test_notify_osd_gets_no_action_at_all_for_it_would_open_a_dialog(address: str) -> None:
    server = FakeServer("notify-osd", "Canonical Ltd", ("body", "body-markup"))

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))

    play(address, server, story)
    assert server.shown[-1].actions == ()


def test_budgie_gets_titles_escaped_and_the_old_notification_closed(address: str) -> None:
    server = FakeServer("Raven", "Budgie Desktop Developers", replaces=False)

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5, title="<b>evil</b>"))
        await talk.notifications.show(runaway(5, title="second"))

    play(address, server, story)
    assert server.shown[0].title == "&lt;b&gt;evil&lt;/b&gt;"
    assert server.closed == [1]
    assert server.shown[1].replaces == 0


def test_deadd_gets_the_old_notification_closed(address: str) -> None:
    server = FakeServer("haskell-notification-daemon", "abc", replaces=False)

    async def story(talk: Talk) -> None:
        for title in ("first", "second"):
            await talk.notifications.show(runaway(5, title=title))

    play(address, server, story)
    assert server.closed == [1]


def test_a_server_that_is_not_listed_is_taken_at_its_word(address: str) -> None:
    server = FakeServer("new-one", "somebody", ("body",))

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5, title="<b>", body="<b>"))
        await talk.notifications.show(runaway(5, severity=Severity.CRITICAL))

    play(address, server, story)
    assert server.shown[0].actions == ()
    assert (server.shown[0].title, server.shown[0].body) == ("<b>", "<b>")
    assert [shown.replaces for shown in server.shown] == [0, 1]
    assert [shown.urgency for shown in server.shown] == [1, 2]


class FakePortal:
    """org.freedesktop.portal.Notification, as far as it is used."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, dict[str, Any]]] = []
        self.removed: list[str] = []

    async def serve(self, address: str) -> None:
        self.bus = await MessageBus(bus_address=address).connect()
        self.bus.add_message_handler(self._receive)
        await self.bus.request_name(PORTAL.name)

    def leave(self) -> None:
        self.bus.disconnect()

    async def press(self, identifier: str, action: str) -> None:
        body = [identifier, action, []]
        await self.bus.send(Message.new_signal(PORTAL.path, PORTAL.interface, "ActionInvoked", "ssav", body))

    def _receive(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.interface != PORTAL.interface:
            return None
        assert message.signature == {"AddNotification": "sa{sv}", "RemoveNotification": "s"}[message.member or ""]
        if message.member == "AddNotification":
            self.shown.append((message.body[0], {key: value.value for key, value in message.body[1].items()}))
        else:
            self.removed.append(message.body[0])
        return Message.new_method_return(message)


def test_in_a_sandbox_the_portal_stands_in(address: str) -> None:
    portal = FakePortal()

    async def story(talk: Talk) -> None:
        assert talk.services[-1].available
        await talk.notifications.show(runaway(5, title="</b>\x1b[31m", actions=HEAT))
        await talk.notifications.show(runaway(5, title="second", actions=HEAT, severity=Severity.CRITICAL))
        for action, routed in (("pause", Action.PAUSE), ("default", Action.SHOW)):
            await portal.press("5", action)
            assert await talk.pressed.get() == (5, routed)
        await portal.press("6", "pause")
        await talk.notifications.withdraw(5)
        await talk.notifications.show(runaway(7, state=IncidentState.RESOLVED))

    play(address, portal, story, sandboxed=True)  # type: ignore[arg-type]  # it serves and leaves as a server does
    (first, content), (second, update), (_, over) = portal.shown
    assert first == second == "5"
    assert content["title"] == r"</b>\x1b[31m"
    assert [button["label"].value for button in content["buttons"]] == ["Pause", "Limit", "Show"]
    assert (content["priority"], update["priority"], over["priority"]) == ("normal", "urgent", "low")
    assert portal.removed == ["5"]


def test_a_sandbox_that_may_talk_to_the_service_does(address: str) -> None:
    server = FakeServer("Plasma", "KDE")

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))

    play(address, server, story, sandboxed=True)
    assert len(server.shown) == 1


def test_outside_a_sandbox_no_portal_is_asked(address: str) -> None:
    portal = FakePortal()

    async def story(talk: Talk) -> None:
        await talk.notifications.show(runaway(5))
        assert talk.services[-1].message == ABSENT

    play(address, portal, story)  # type: ignore[arg-type]
    assert portal.shown == []
