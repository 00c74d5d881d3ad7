"""Client of the sampler, io.github.smoothtask.Sampler1 (resources/dbus/ documents it).

Errors of the bus, of polkit and of the helper become one sentence each: what failed, why, and what a person can do. The
connection stays open as long as the stream is wanted: a caller that leaves the bus loses its streams.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from smoothtask_gui.adapters import helper_bus
from smoothtask_gui.adapters.bus import BusError, Peer, call, get_properties, get_property
from smoothtask_gui.adapters.helper_bus import FREEDESKTOP, OURS, HelperBus, Sentences
from smoothtask_gui.domain.own_cost import HelperCost, ProbeCost
from smoothtask_gui.sources.protocol import SourceError

SAMPLER: Final = Peer(
    "io.github.smoothtask.Sampler1", "/io/github/smoothtask/Sampler1", "io.github.smoothtask.Sampler1"
)
NOT_COUNTED: Final = 2**64 - 1
"""What the sampler sends for a count that the kernel doesn't keep."""

UNIT: Final = "smoothtask-sampler"

_SENTENCES: Final[Sentences] = MappingProxyType(
    {
        FREEDESKTOP + "ServiceUnknown": (
            "The helper is not installed: install the package smoothtask-helper "
            "to see short-lived processes and events."
        ),
        FREEDESKTOP + "NameHasNoOwner": "The helper is not installed: install the package smoothtask-helper.",
        OURS + "NotAuthorized": (
            "The helper refused: {said}. "
            "Only the user of an active local session may watch processes without a password."
        ),
        OURS + "LimitsExceeded": "The helper refused: {said}. Close another program that uses it.",
        OURS + "Unavailable": "The helper can't measure here: {said}.",
        OURS: "The helper refused: {said}.",
    }
)
_SENTENCES_OF_CONSENT: Final[Sentences] = MappingProxyType(
    {
        **_SENTENCES,
        OURS + "NotAuthorized": (
            "No administrator has agreed. You can ask again; if no password prompt appears, your session isn't the "
            "active local one or lacks a polkit agent. The helper said: {said}."
        ),
    }
)
"""For streams with what others do in full."""


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


def translate(error: BusError, *, others_in_full: bool = False) -> str:
    """The sentence for a person; `others_in_full`: that is what was asked for."""
    return helper_bus.translate(error, _SENTENCES_OF_CONSENT if others_in_full else _SENTENCES, UNIT)


class SamplerClient:
    """One connection to the sampler's bus, made at the first call. `address` replaces the system bus in tests."""

    def __init__(self, address: str | None = None) -> None:
        self._bus = HelperBus(address)

    async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
        """Open a stream and return its descriptor, which the caller closes. Raises SourceError.

        `interactive` lets polkit ask for a password: only after a click. Of an older helper those kinds are asked for
        that it knows; its hello says which.
        """
        try:
            bus = await self._bus.connected()
            try:
                reply = await call(bus, SAMPLER, "OpenStream", "uu", [period_ms, kinds], interactive=interactive)
            except BusError as error:
                if error.name != OURS + "InvalidArgument":
                    raise
                known = kinds & await self._known_kinds(error)
                reply = await call(bus, SAMPLER, "OpenStream", "uu", [period_ms, known], interactive=interactive)
        except BusError as error:
            from smoothtask_gui.sources.records import Kinds  # noqa: PLC0415  # numpy: `smoothtask probes` needs none

            raise SourceError(translate(error, others_in_full=bool(kinds & Kinds.OTHERS_IN_FULL))) from error
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
            await call(await self._bus.connected(), SAMPLER, "ChangePeriod", "tu", [stream_id, period_ms])
        except BusError as error:
            raise SourceError(translate(error)) from error

    async def facts(self) -> SamplerFacts:
        """The sampler's properties; starts it if need be. Raises SourceError."""
        try:
            found = await get_properties(await self._bus.connected(), SAMPLER)
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
        await self._bus.close()

    async def _known_kinds(self, refused: BusError) -> int:
        """What the helper's streams can be asked for; it `refused` more. Raises SourceError if it doesn't tell."""
        try:
            return int(await get_property(await self._bus.connected(), SAMPLER, "Kinds"))
        except (BusError, TypeError, ValueError) as error:
            raise SourceError(
                f"The helper is older than this app ({str(refused).rstrip('.')}): update the package smoothtask-helper."
            ) from error


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
