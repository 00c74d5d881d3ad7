"""What the clients of both halves of the helper share: the way to the system bus, and the bus's errors as sentences.

A connection stays open until it is closed: a caller that leaves the bus loses its streams and its pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.bus import BusError, connect
from smoothtask_gui.domain.text import one_line

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

FREEDESKTOP: Final = "org.freedesktop.DBus.Error."
OURS: Final = "io.github.smoothtask.Error."

Sentences = Mapping[str, str]
"""Prefix of an error's name → sentence, the first that fits; {said} is what the error itself says."""

_UPDATE: Final = (
    "This app and the helper don't fit together ({said}): update smoothtask and smoothtask-helper to one version."
)
_OF_THE_BUS: Final[Sentences] = MappingProxyType(
    {
        FREEDESKTOP + "Spawn": "The helper could not be started: {said} (journalctl -u {unit} says more).",
        FREEDESKTOP + "AccessDenied": "The bus policy does not let this user call the helper: {said}.",
        FREEDESKTOP + "NoReply": "The helper did not answer: {said} (journalctl -u {unit} says more).",
        FREEDESKTOP + "Unknown": _UPDATE,
        FREEDESKTOP + "InvalidArgs": _UPDATE,
    }
)


def translate(error: BusError, own: Sentences, unit: str, **words: str) -> str:
    """The sentence for a person: from `own`, which may name further `words`, else what the bus's errors mean."""
    said = one_line(str(error)).rstrip(".") or error.name
    for prefix, sentence in (*own.items(), *_OF_THE_BUS.items()):
        if error.name.startswith(prefix):
            return sentence.format(said=said, unit=unit, **words)
    return f"The helper can't be reached: {said}."


class HelperBus:
    """One connection, made when first wanted and anew when it broke. `address` replaces the system bus in tests."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._connecting = asyncio.Lock()

    async def connected(self) -> MessageBus:
        """The connection. Raises BusError."""
        async with self._connecting:
            if self._bus is None or not self._bus.connected:
                self._bus = await connect(system=True, address=self._address)
            return self._bus

    async def close(self) -> None:
        """Leave the bus, and all that hangs on being there."""
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            with contextlib.suppress(OSError, EOFError):  # it left before we did
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
