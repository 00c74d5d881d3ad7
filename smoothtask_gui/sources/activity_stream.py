"""A stream of the helper for the opt-in probes alone, open while a person looks; `HelperSource` is the other one.

The helper loads a probe with the first stream that asks for it and unloads it when the last such stream ends, so ending
this one ends the cost. What probes cost is asked for every few ticks. A stream that is refused or breaks off is a
reading with the reason, and is asked for again after a pause that doubles. What all users do together takes an
administrator's consent: where that is refused the stream goes on without. Only the first try may open a prompt.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final, Protocol

from smoothtask_gui.domain.activity_rates import rates_between
from smoothtask_gui.domain.activity_reading import ActivityReading, Others
from smoothtask_gui.domain.mounts import with_mounts
from smoothtask_gui.domain.own_cost import probe_use
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.auto import Backoff
from smoothtask_gui.sources.frames import decode_frame, read_sealed
from smoothtask_gui.sources.helper_stream import StreamOpener
from smoothtask_gui.sources.mounts import mount_points
from smoothtask_gui.sources.open_stream import OpenStream
from smoothtask_gui.sources.packets import Bye, Hello, Tick, decode_packet
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.records import Kinds, Visibility

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smoothtask_gui.adapters.sampler_client import SamplerFacts
    from smoothtask_gui.domain.own_cost import ProbeCost, ProbeUse
    from smoothtask_gui.sources.frames import Frame

PROBES: Final = {
    ActivityKinds.SYSCALLS: "syscalls",
    ActivityKinds.FILES: "file_activity",
    ActivityKinds.RUN_QUEUE: "run_queue",
    ActivityKinds.UNIX_SOCKETS: "unix_sockets",
}
COST_EVERY_TICKS: Final = 3


class ActivityPort(StreamOpener, Protocol):
    """`adapters.sampler_client.SamplerClient`."""

    async def facts(self) -> SamplerFacts:
        """What each probe costs, among others. Raises SourceError."""


async def activity_readings(
    port: ActivityPort,
    kinds: ActivityKinds,
    period_ms: int,
    backoff: Backoff | None = None,
    others: Others = Others.UNSEEN,
) -> AsyncGenerator[ActivityReading]:
    """A reading each tick, from the second on, and one with a reason each time the stream can't be had or ends.

    Goes on until it is closed. A refusal of `others` is a reading too.
    """
    backoff = backoff or Backoff()
    while True:
        began_s = time.monotonic()
        try:
            fd = await _open(port, kinds, period_ms, others)
            others = Others.UNSEEN if others is Others.UNSEEN else Others.AGREED
            async for reading in _readings(port, fd, kinds, period_ms):
                yield reading
        except _NotAgreedError as error:
            others = Others.UNSEEN
            yield ActivityReading(refusal=str(error))
            continue
        except SourceError as error:
            yield ActivityReading(reason=str(error))
        finally:
            await port.close()
        await asyncio.sleep(backoff.pause_s(time.monotonic() - began_s))


class _NotAgreedError(SourceError):
    """A stream with what all users do was refused."""


async def _open(port: ActivityPort, kinds: ActivityKinds, period_ms: int, others: Others) -> int:
    if others is Others.UNSEEN:
        return await port.open_stream(period_ms, int(kinds))
    wanted = int(kinds) | Kinds.OTHERS_IN_FULL
    try:
        return await port.open_stream(period_ms, wanted, interactive=others is Others.ASKED_FOR)
    except SourceError as error:
        raise _NotAgreedError(str(error)) from error


async def _readings(
    port: ActivityPort, fd: int, kinds: ActivityKinds, period_ms: int
) -> AsyncGenerator[ActivityReading]:
    with OpenStream(fd, period_ms) as opened:
        buffer, costs = bytearray(), _Costs(port, kinds)
        before: Frame | None = None
        sees_all = False
        while True:
            packet, fds = await opened.receive()
            try:
                item = decode_packet(packet)
                if isinstance(item, Bye):
                    raise SourceError(f"The helper ended the stream: {item.reason}.")
                if isinstance(item, Hello):
                    sees_all = item.visibility == Visibility.ALL
                if not isinstance(item, Tick) or len(fds) != 1:
                    continue
                frame = decode_frame(read_sealed(fds[0], item.frame_bytes, buffer))
            finally:
                for received in fds:
                    os.close(received)
            opened.heard_tick()
            if before is not None:
                rates = rates_between(before.activity, frame.activity, before.boottime_ns, frame.boottime_ns)
                if rates.file_systems:
                    rates = with_mounts(rates, mount_points())
                yield ActivityReading(rates, await costs.latest(), sees_all=sees_all)
            before = frame


class _Costs:
    """What the probes cost, asked for now and then."""

    def __init__(self, port: ActivityPort, kinds: ActivityKinds) -> None:
        self._port = port
        self._names = tuple(name for kind, name in PROBES.items() if kind & kinds)
        self._asked = 0
        self._before: dict[str, tuple[int, ProbeCost]] = {}
        self._uses: tuple[ProbeUse, ...] = ()

    async def latest(self) -> tuple[ProbeUse, ...]:
        if self._asked % COST_EVERY_TICKS == 0:
            now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            probes = [probe for probe in (await self._port.facts()).probes if probe.name in self._names]
            self._uses = tuple(self._use(probe, now_ns) for probe in probes)
            self._before = {probe.name: (now_ns, probe) for probe in probes}
        self._asked += 1
        return self._uses

    def _use(self, probe: ProbeCost, now_ns: int) -> ProbeUse:
        before_ns, before = self._before.get(probe.name, (now_ns, None))
        return probe_use(before, probe, now_ns - before_ns)
