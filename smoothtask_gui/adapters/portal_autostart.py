"""Start with the session out of a Flatpak: the desktop's Background portal is asked, as a sandbox can't write entries.

org.freedesktop.portal.Background (xdg-desktop-portal's documentation, version 1): the call returns a request whose
Response signal brings the answer, at once or after the person was asked. The portal doesn't tell later what it
answered, so that is noted in a file of ours; what the person changes in the desktop's own settings isn't seen. How it
fails: AutostartError or FileError, as sentences.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.autostart import AutostartError
from smoothtask_gui.adapters.bus import BUS, PROMPT_TIMEOUT_S, BusError, Peer
from smoothtask_gui.adapters.files import FileError, read_text, replace_text, require_regular

if TYPE_CHECKING:
    from pathlib import Path

    from dbus_fast import Message

    from smoothtask_gui.adapters.session_bus import SessionBus

SERVICE: Final = "org.freedesktop.portal.Desktop"
PORTAL: Final = Peer(SERVICE, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Background")
REQUEST: Final = "org.freedesktop.portal.Request"
GRANTED: Final = 0
"""The Response's first value: 1 is that the person called it off, 2 anything else."""
REASON: Final = "To notice overheating and runaway programs from the start"
NOTE: Final = "starts-with-the-session"


class PortalAutostart:
    """Asks on `bus` for `command`, and keeps the answer in `folder`; a person may take `patience_s` for it."""

    def __init__(
        self, bus: SessionBus | None, folder: Path, command: list[str], patience_s: float = PROMPT_TIMEOUT_S
    ) -> None:
        self._patience_s = patience_s
        self._bus = bus
        self._note = folder / NOTE
        self._command = command
        self._tokens = itertools.count(1)

    def is_on(self) -> bool:
        """What the portal answered last; FileError if the note can't be read."""
        return read_text(self._note) is not None

    async def turn(self, *, on: bool) -> None:
        """Ask for it, or take it back; AutostartError if the answer is no."""
        try:
            granted = await self._ask(on=on)
        except BusError as error:
            raise AutostartError(
                f"The desktop can't start SmoothTask with the session: its Background portal doesn't answer ({error})."
            ) from error
        if granted is not on:
            raise AutostartError(
                "The desktop refused to start SmoothTask with the session. Its own settings for apps may allow it."
                if on
                else "The desktop still starts SmoothTask with the session. Its own settings for apps end that."
            )
        self._keep(on=on)

    def _keep(self, *, on: bool) -> None:
        if on:
            replace_text(self._note, "The desktop was asked for it, and agreed.\n")
            return
        require_regular(self._note)
        try:
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise FileError(f"{self._note} can't be removed: {error.strerror}") from error

    async def _ask(self, *, on: bool) -> bool:
        """Whether it starts with the session from now on. Raises BusError."""
        from dbus_fast import Variant  # noqa: PLC0415 - as in bus.py

        if self._bus is None:
            raise BusError("there is no session bus")
        token = f"smoothtask{next(self._tokens)}"
        sender = (self._bus.connection.unique_name or "").removeprefix(":").replace(".", "_")
        answer = _Answer(f"{PORTAL.path}/request/{sender}/{token}")
        options = {
            "handle_token": Variant("s", token),
            "reason": Variant("s", REASON),
            "autostart": Variant("b", on),
            "commandline": Variant("as", [*self._command, "--hidden"]),
        }
        await self._bus.call(BUS, "AddMatch", "s", answer.rule)  # the answer may come before the call's own reply
        self._bus.connection.add_message_handler(answer.receive)
        try:
            await self._bus.call(PORTAL, "RequestBackground", "sa{sv}", "", options)
            async with asyncio.timeout(self._patience_s):
                return await answer.came
        except TimeoutError as error:
            raise BusError(f"no answer within {self._patience_s:g} s") from error
        finally:
            self._bus.connection.remove_message_handler(answer.receive)
            with suppress(BusError):  # the bus is gone, and its rules with it
                await self._bus.call(BUS, "RemoveMatch", "s", answer.rule)


class _Answer:
    """The Response of one request."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.rule = f"type='signal',sender='{SERVICE}',interface='{REQUEST}',member='Response',path='{path}'"
        self.came: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def receive(self, message: Message) -> None:
        if (message.path, message.member, message.interface) != (self._path, "Response", REQUEST):
            return
        if message.signature != "ua{sv}" or self.came.done():
            return
        response, results = message.body
        found = results.get("autostart")
        self.came.set_result(response == GRANTED and found is not None and found.value is True)
