"""Client of the sampler, io.github.smoothtask.Sampler1 (resources/dbus/ documents it).

Errors of the bus, of polkit and of the helper become one sentence each: what failed, why, and what a person can do. The
connection stays open as long as the stream is wanted: a caller that leaves the bus loses its streams.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.bus import BusError, Peer, call, connect, get_properties
from smoothtask_gui.domain.own_cost import HelperCost, ProbeCost
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

SAMPLER: Final = Peer(
    "io.github.smoothtask.Sampler1", "/io/github/smoothtask/Sampler1", "io.github.smoothtask.Sampler1"
)
NOT_COUNTED: Final = 2**64 - 1
"""What the sampler sends for a count that the kernel doesn't keep."""

_FREEDESKTOP: Final = "org.freedesktop.DBus.Error."
_OURS: Final = "io.github.smoothtask.Error."
_SENTENCES: Final = (
    # (prefix of the error's name, sentence; {} is what the error itself says)
    (
        _FREEDESKTOP + "ServiceUnknown",
        "The helper is not installed: install the package smoothtask-helper to see short-lived processes and events.",
    ),
    (_FREEDESKTOP + "NameHasNoOwner", "The helper is not installed: install the package smoothtask-helper."),
    (_FREEDESKTOP + "Spawn", "The helper could not be started: {} (journalctl -u smoothtask-sampler says more)."),
    (_FREEDESKTOP + "AccessDenied", "The bus policy does not let this user call the helper: {}."),
    (_FREEDESKTOP + "NoReply", "The helper did not answer: {} (journalctl -u smoothtask-sampler says more)."),
    (
        _OURS + "NotAuthorized",
        "The helper refused: {}. Only the user of an active local session may watch processes without a password.",
    ),
    (_OURS + "LimitsExceeded", "The helper refused: {}. Close another program that uses it."),
    (_OURS + "Unavailable", "The helper can't measure here: {}."),
    (_OURS, "The helper refused: {}."),
)


@dataclass(frozen=True, slots=True)
class SamplerFacts:
    """The sampler's properties."""

    version: str
    stream_version: int
    loader: str
    cost: HelperCost
    kernel_facts: tuple[tuple[str, str, str], ...]  # name, value, explanation

    @property
    def probes(self) -> tuple[ProbeCost, ...]:
        return self.cost.probes


def translate(error: BusError) -> str:
    """The sentence for a person."""
    said = str(error).strip().rstrip(".") or error.name
    for prefix, sentence in _SENTENCES:
        if error.name.startswith(prefix):
            return sentence.format(said)
    return f"The helper can't be reached: {said}."


class SamplerClient:
    """One connection to the sampler's bus, made at the first call. `address` replaces the system bus in tests."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._bus: MessageBus | None = None

    async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
        """Open a stream and return its descriptor, which the caller closes. Raises SourceError.

        `interactive` lets polkit ask for a password: only after a click.
        """
        try:
            reply = await call(
                await self._connected(), SAMPLER, "OpenStream", "uu", [period_ms, kinds], interactive=interactive
            )
        except BusError as error:
            raise SourceError(translate(error)) from error
        fds = list(reply.unix_fds)
        index = reply.body[0] if reply.signature == "h" else -1
        if not 0 <= index < len(fds):
            for fd in fds:
                os.close(fd)
            raise SourceError(
                "The helper's answer to OpenStream holds no descriptor: its version may not fit this app."
            )
        stream = fds.pop(index)
        for fd in fds:
            os.close(fd)
        return stream

    async def change_period(self, stream_id: int, period_ms: int) -> None:
        """Change the period of an open stream. Raises SourceError."""
        try:
            await call(await self._connected(), SAMPLER, "ChangePeriod", "tu", [stream_id, period_ms])
        except BusError as error:
            raise SourceError(translate(error)) from error

    async def facts(self) -> SamplerFacts:
        """The sampler's properties; starts it if need be. Raises SourceError."""
        try:
            found = await get_properties(await self._connected(), SAMPLER)
        except BusError as error:
            raise SourceError(translate(error)) from error
        try:
            return SamplerFacts(
                version=str(found["Version"]),
                stream_version=int(found["StreamVersion"]),
                loader=str(found["Loader"]),
                cost=_cost(found["OwnCost"], found["Probes"], found.get("ProbeMemory", [])),
                kernel_facts=tuple((str(name), str(value), str(why)) for name, value, why in found["KernelFacts"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"The helper's properties don't fit this app ({error}): update both.") from error

    async def close(self) -> None:
        """Leave the bus; open streams end."""
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            with contextlib.suppress(OSError, EOFError):  # it left before we did
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def _connected(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            self._bus = await connect(system=True, address=self._address)
        return self._bus


def _cost(row: list[Any], probes: list[list[Any]], memory: list[list[Any]]) -> HelperCost:
    """`memory` is empty of a helper that has no property ProbeMemory yet."""
    in_maps = {str(name): tuple(map(_counted, counts)) for name, *counts in memory}
    cpu_ns, programs_ns, resident_bytes, kernel_bytes, uptime_ns, streams = (int(value) for value in row)
    return HelperCost(
        cpu_ns,
        _counted(programs_ns),
        resident_bytes,
        kernel_bytes,
        uptime_ns,
        streams,
        tuple(_probe(probe, in_maps.get(str(probe[0]), ())) for probe in probes),
    )


def _probe(row: list[Any], in_maps: tuple[int | None, ...]) -> ProbeCost:
    name, state, reason, runs, run_ns, memory_bytes = row
    return ProbeCost(str(name), str(state), str(reason), _counted(runs), _counted(run_ns), int(memory_bytes), *in_maps)


def _counted(value: int) -> int | None:
    return None if value == NOT_COUNTED else int(value)
