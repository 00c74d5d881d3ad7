"""Whether the surroundings want quiet: the person's quiet hours, the desktop's do-not-disturb, a full-screen window.

Asked when something is about to be announced, and while something is held back; in between nothing is polled. Where a
server's do-not-disturb is readable says its row (`notification_servers.py`). What can't be read counts as "not quiet":
the server then still does what it was told.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Protocol

from smoothtask_gui.adapters.bus import BusError, Peer
from smoothtask_gui.adapters.notification_servers import QuietSource
from smoothtask_gui.domain.focus import is_full_screen
from smoothtask_gui.domain.incident import Hushed
from smoothtask_gui.domain.quiet_hours import parse_quiet_hours

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from smoothtask_gui.adapters.notification_servers import Server
    from smoothtask_gui.adapters.session_bus import SessionBus
    from smoothtask_gui.domain.focus import FocusPort
    from smoothtask_gui.domain.settings import Settings

PROPERTIES: Final = Peer(
    "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.DBus.Properties"
)
XFCONF: Final = Peer("org.xfce.Xfconf", "/org/xfce/Xfconf", "org.xfce.Xfconf")
GSETTINGS: Final = ("gsettings", "get", "org.gnome.desktop.notifications", "show-banners")
GSETTINGS_S: Final = 5.0


class Quietness(Protocol):
    """Who is asked before anything is announced."""

    async def reason(self) -> Hushed | None:
        """Why it is quiet now, None when it isn't."""


class DesktopQuietness:
    """`Quietness` of this session. `bus` is None without one; `server` says whose do-not-disturb counts."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        bus: SessionBus | None,
        server: Callable[[], Awaitable[Server]],
        focus: FocusPort,
        local_minute: Callable[[], int] = lambda: time.localtime().tm_hour * 60 + time.localtime().tm_min,
    ) -> None:
        self._settings, self._bus, self._server, self._local_minute = settings, bus, server, local_minute
        self._focus = focus

    async def reason(self) -> Hushed | None:
        settings = self._settings()
        hours = parse_quiet_hours(settings.quiet_hours)
        if hours is not None and hours.cover(self._local_minute()):
            return Hushed.QUIET_HOURS
        if settings.respect_do_not_disturb and await self._is_inhibited():
            return Hushed.DO_NOT_DISTURB
        if settings.respect_full_screen and is_full_screen(self._focus.latest):
            return Hushed.FULL_SCREEN
        return None

    async def _is_inhibited(self) -> bool:
        source = (await self._server()).quiet
        if source is QuietSource.GSETTINGS:
            return await _banners_are_off()
        if self._bus is None:
            return False
        try:
            match source:
                case QuietSource.XFCONF:
                    answer = await self._bus.call(XFCONF, "GetProperty", "ss", "xfce4-notifyd", "/do-not-disturb")
                case QuietSource.DUNST:
                    answer = await self._bus.call(PROPERTIES, "Get", "ss", "org.dunstproject.cmd0", "paused")
                case _:
                    answer = await self._bus.call(PROPERTIES, "Get", "ss", PROPERTIES.name, "Inhibited")
        except BusError:  # not set, or the server has no such thing
            return False
        return answer[0].value is True


async def _banners_are_off() -> bool:
    """Whether GNOME's "Do Not Disturb" is on. No library reads dconf without GLib; its own tool does."""
    try:
        process = await asyncio.create_subprocess_exec(
            *GSETTINGS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(GSETTINGS_S):
            answer, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    except OSError:  # no such tool
        return False
    return answer.strip() == b"false"
