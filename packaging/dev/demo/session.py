"""The session bus as a bystander sees it: notifications as they are sent, buttons as they are pressed, tray icons.

It listens with BecomeMonitor (D-Bus specification), so it sees what the real app tells the real notification daemon.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

NOTIFICATIONS = "org.freedesktop.Notifications"
WATCHER = "org.kde.StatusNotifierWatcher"


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification that was sent: its words and its buttons (key, label), as xfce4-notifyd draws them.

    The click on the body ("default") is one of them: it has a label.
    """

    title: str
    body: str
    buttons: tuple[tuple[str, str], ...]


class Bystander:
    """Call `watch` once; then take from `shown` and `pressed`."""

    def __init__(self) -> None:
        self.shown: asyncio.Queue[Shown] = asyncio.Queue()
        self.pressed: asyncio.Queue[str] = asyncio.Queue()

    async def watch(self) -> None:
        self._bus = await MessageBus().connect()
        monitor = await MessageBus().connect()
        rules = [f"interface='{NOTIFICATIONS}'"]
        become = Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus.Monitoring",
            member="BecomeMonitor",
            signature="asu",
            body=[rules, 0],
        )
        await monitor.call(become)
        monitor.add_message_handler(self._heard)  # after it: as a monitor it would swallow the reply
        self._monitor = monitor

    def _heard(self, message: Message) -> bool:
        if message.message_type is MessageType.METHOD_CALL and message.member == "Notify":
            title, body, actions = message.body[3], message.body[4], message.body[5]
            pairs = zip(actions[::2], actions[1::2], strict=True)
            self.shown.put_nowait(Shown(title, body, tuple(pairs)))
        elif message.member == "ActionInvoked":
            self.pressed.put_nowait(message.body[1])
        return True  # a monitor answers nothing

    async def tray_icons(self) -> list[str] | None:
        """Names of the tray's icons; None where no tray runs."""
        get = Message(
            destination=WATCHER,
            path="/StatusNotifierWatcher",
            interface="org.freedesktop.DBus.Properties",
            member="Get",
            signature="ss",
            body=[WATCHER, "RegisteredStatusNotifierItems"],
        )
        reply: Any = await self._bus.call(get)
        return None if reply.message_type is MessageType.ERROR else list(reply.body[0].value)
