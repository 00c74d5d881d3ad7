"""Whether something on this desktop shows tray icons, and since when.

Qt chooses its tray backend when an icon is created, by whether a StatusNotifier host is registered at that moment, and
never again (QDBusMenuConnection's constructor). So the icon must be created after a host registered, and anew when a
host appears later: `on_host(True)` says when. A panel that restarts is Qt's own business, but a host that comes after a
time without any is announced again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.bus import BUS, BusError, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbus_fast import Message

    from smoothtask_gui.adapters.session_bus import SessionBus

WATCHER: Final = "org.kde.StatusNotifierWatcher"
WATCHER_PATH: Final = "/StatusNotifierWatcher"
REGISTERED: Final = "StatusNotifierHostRegistered"


class TrayHost:
    """Follows the StatusNotifierWatcher and its hosts."""

    def __init__(self, bus: SessionBus) -> None:
        self._bus = bus
        self._present = False

    async def start(self, on_host: Callable[[bool], None]) -> None:
        """Begin to follow; `on_host` is called now if there is a host, and at each change."""
        self._on_host = on_host
        self._bus.connection.add_message_handler(self._receive)
        try:
            await self._bus.call(BUS, "AddMatch", "s", f"type='signal',sender='{WATCHER}',member='{REGISTERED}'")
            if await self._bus.watch(WATCHER, self._owner_changed):
                await self._look_for_host()
        except BusError:
            return  # a bus that refuses this shows no icons; the window is there

    def _owner_changed(self, owner: str | None) -> None:
        if owner is None:
            self._set(present=False)
        else:
            self._bus.run(self._look_for_host())

    async def _look_for_host(self) -> None:
        properties = Peer(WATCHER, WATCHER_PATH, "org.freedesktop.DBus.Properties")
        try:
            answer: Any = await self._bus.call(properties, "Get", "ss", WATCHER, "IsStatusNotifierHostRegistered")
        except BusError:
            return  # it went again, or will say REGISTERED
        if answer[0].value is True:
            self._set(present=True)

    def _receive(self, message: Message) -> None:
        if message.member == REGISTERED and message.interface == WATCHER:
            self._set(present=True)

    def _set(self, *, present: bool) -> None:
        if present != self._present:
            self._present = present
            self._on_host(present)
