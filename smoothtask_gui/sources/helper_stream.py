"""The helper's stream as a source: packets in, batches and events out.

Who opens the stream is injected (`StreamOpener`), so that this file knows nothing of D-Bus. Reading pauses while the
consumer works: then the socket fills and the helper counts ticks as lost, instead of memory growing here.

How it fails, each as `SourceError`: the helper ends the stream or dies (end of file), breaks the format, or falls
silent for three periods (what was shown last would be stale).
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from smoothtask_gui.domain.batch import PROCESS, Batch, CoolingEvent, Lost, OomKill, ProcessExit, ThermalEvent
from smoothtask_gui.domain.network import SOCKET, Network, SocketMissing
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.frames import Frame, FrameError, Rows, decode_frame, read_sealed
from smoothtask_gui.sources.open_stream import SILENT_AT_LEAST_S, OpenStream
from smoothtask_gui.sources.packets import Bye, Hello, OomVictim, SocketClosed, Tick, decode_packet
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.records import Kinds, Visibility

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smoothtask_gui.domain.activity import Activity
    from smoothtask_gui.domain.batch import KernelEvent, SystemReading
    from smoothtask_gui.sources.packets import Decoded
    from smoothtask_gui.sources.protocol import Item
    from smoothtask_gui.sources.surroundings import Surroundings

KINDS: Final = int(
    Kinds.TASKS | Kinds.PROCESS_EXITS | Kinds.OOM | Kinds.THERMAL | Kinds.SOCKETS | Kinds.SOCKET_CLOSES | Kinds.BLOCK_IO
) | int(ActivityKinds.RECLAIM | ActivityKinds.CPU_FREQUENCY | ActivityKinds.ENERGY | ActivityKinds.GPU)
"""What every stream of ours asks for; what costs others something is asked for by name."""
NOTHING_MORE: Final = ActivityKinds(0)
_UNSEEN: Final[dict[int, tuple[str, str]]] = {
    Visibility.AS_PROC: (
        "io",
        "disk reads and writes of other users' processes: they need the administrator's consent",
    ),
    Visibility.OWN: ("processes", "other users' processes: /proc is mounted with hidepid on this machine"),
}


class StreamOpener(Protocol):
    """Port to the helper; `adapters.sampler_client.SamplerClient` is the real one."""

    async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
        """Return the stream's descriptor, which the caller closes. Raises SourceError."""

    async def change_period(self, stream_id: int, period_ms: int) -> None:
        """Change the period of an open stream. Raises SourceError."""

    async def close(self) -> None:
        """Let go of the connection; open streams end."""


class HelperSource:
    """`Source` over the helper's stream.

    Exits of processes come with the first batch that no longer shows the process (`Batch.exits`); other events are
    yielded at once.
    """

    def __init__(
        self,
        opener: StreamOpener,
        surroundings: Surroundings,
        *,
        others_in_full: bool = False,
        opt_in: ActivityKinds = NOTHING_MORE,
        silent_at_least_s: float = SILENT_AT_LEAST_S,
    ) -> None:
        self._silent_at_least_s = silent_at_least_s
        self._opener = opener
        self._surroundings = surroundings
        self._kinds = KINDS | opt_in | (Kinds.OTHERS_IN_FULL if others_in_full else 0)
        self._open: OpenStream | None = None

    @property
    def name(self) -> str:
        return "helper"

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield batches and events. Raises SourceError."""
        try:
            fd = await self._opener.open_stream(period_ms, int(self._kinds))
            with OpenStream(fd, period_ms, self._silent_at_least_s) as opened:
                tick_reader = _TickReader(self._surroundings, int(self._kinds))
                self._open = opened
                while True:
                    packet, fds = await opened.receive()
                    try:
                        item = decode_packet(packet)
                        if isinstance(item, Tick):
                            batch = await tick_reader.batch(item, fds)
                            yield batch
                            opened.heard_tick()
                            for change in self._surroundings.cooling.unheard(batch):
                                yield change
                            continue
                    finally:
                        for received in fds:
                            os.close(received)
                    if isinstance(item, Bye):
                        raise SourceError(f"The helper ended the stream: {item.reason}.")
                    if isinstance(item, Hello):
                        await self._begin(opened, item, period_ms)
                    for event in tick_reader.keep(item):
                        yield event
        finally:
            self._open = None
            self._surroundings.close()
            await self._opener.close()

    async def _begin(self, opened: OpenStream, hello: Hello, period_ms: int) -> None:
        opened.stream_id = hello.stream_id
        if opened.period_ms != period_ms:  # changed before the helper said hello
            await self.change_period(opened.period_ms)

    async def change_period(self, period_ms: int) -> None:
        """Ask the helper for it; if that fails the open stream ends with the reason."""
        opened = self._open
        if opened is None:
            return
        opened.change_period(period_ms)
        if opened.stream_id is None:
            return
        try:
            await self._opener.change_period(opened.stream_id, period_ms)
        except SourceError as error:
            opened.end(f"The period could not be changed: {error}")


class _TickReader:
    """Makes a batch of a tick; holds what outlives it."""

    def __init__(self, surroundings: Surroundings, kinds: int) -> None:
        self._kinds = kinds
        self.hello: Hello | None = None
        self.exits: list[ProcessExit] = []
        self.closes: list[Rows] = []
        self._surroundings = surroundings
        self._buffer = bytearray()
        self._lost_exits_at_start: int | None = None
        self._shown = np.empty(0, PROCESS)
        self._unidentified = 0

    async def batch(self, tick: Tick, fds: list[int]) -> Batch:
        system = self._surroundings.read_system()
        if len(fds) != 1:
            raise FrameError(f"a tick packet came with {len(fds)} descriptors, one is needed")
        frame = decode_frame(read_sealed(fds[0], tick.frame_bytes, self._buffer))
        self._shown = frame.processes
        age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - frame.boottime_ns
        realtime_ns = time.time_ns() - age_ns
        gpus = await self._surroundings.read_gpus()
        return Batch(
            boottime_ns=frame.boottime_ns,
            realtime_ns=realtime_ns,
            source="helper",
            processes=frame.processes,
            exited=frame.exited,
            system=_with_energy(system, frame.activity),
            sensors=await self._surroundings.read_sensors(),
            exits=self._gone(frame),
            lost=Lost(tick.lost_ticks, tick.lost_events + self._unidentified, self._lost_exits(frame)),
            unavailable=self._unavailable(frame)
            | _without_energy(self._surroundings.unavailable, frame.activity)
            | (_unseen_jobs(frame.activity) if gpus else {}),
            gpus=gpus,
            parts=await self._surroundings.read_parts(),
            traits=self._surroundings.read_traits(frame.processes),
            clocks=self._surroundings.read_clocks(),
            network=self._network(frame),
            block_io=frame.block_io,
            activity=frame.activity,
        )

    def keep(self, item: Decoded) -> tuple[KernelEvent, ...]:
        """Keep what belongs to the next batch; what is for now comes back."""
        if isinstance(item, Hello):
            self.hello = item
        elif isinstance(item, ProcessExit):
            self.exits.append(item)
        elif isinstance(item, SocketClosed):
            self.closes.append(item.row)
        elif isinstance(item, OomVictim):
            victim = self.identify(item)
            return () if victim is None else (victim,)
        elif isinstance(item, CoolingEvent):
            return self._surroundings.cooling.identify(item)
        elif isinstance(item, OomKill | ThermalEvent):
            return (item,)
        return ()

    def _network(self, frame: Frame) -> Network | None:
        closes = np.concatenate(self.closes) if self.closes else np.empty(0, SOCKET)
        self.closes = []
        if frame.sockets is None or frame.traffic is None or self.hello is None:
            return None
        sees_all = self.hello.visibility == Visibility.ALL
        return Network(
            frame.sockets, frame.traffic, closes, None if sees_all else self.hello.uid, frame.sockets_truncated
        )

    def identify(self, victim: OomVictim) -> OomKill | None:
        """The victim as the latest frame shows it; None (and one event lost) if it lived between two frames."""
        at = int(np.searchsorted(self._shown["pid"], victim.pid))
        if at == len(self._shown) or self._shown["pid"][at] != victim.pid:
            self._unidentified += 1
            return None
        row = self._shown[at]
        comm = bytes(row["comm"]).decode("utf-8", "backslashreplace")
        return OomKill(
            victim.boottime_ns, victim.pid, int(row["uid"]), int(row["start_ns"]), int(row["rss_bytes"]), comm
        )

    def _gone(self, frame: Frame) -> tuple[ProcessExit, ...]:
        """Exits of processes that the frame doesn't show any more; the others wait.

        An exit may overtake a frame that still has the process's row: its time would count twice, then vanish.
        """
        if not self.exits:
            return ()
        pids = frame.processes["pid"]
        found = np.searchsorted(pids, [leaving.pid for leaving in self.exits])
        gone: list[ProcessExit] = []
        waiting: list[ProcessExit] = []
        for leaving, at in zip(self.exits, found.tolist(), strict=True):
            shown = at < len(pids) and pids[at] == leaving.pid and frame.processes["start_ns"][at] == leaving.start_ns
            (waiting if shown else gone).append(leaving)
        self.exits = waiting
        return tuple(gone)

    def _lost_exits(self, frame: Frame) -> int:
        if frame.lost_exits is None:
            return 0
        if self._lost_exits_at_start is None:
            self._lost_exits_at_start = frame.lost_exits
        return max(0, frame.lost_exits - self._lost_exits_at_start)

    def _unavailable(self, frame: Frame) -> dict[str, str]:
        unavailable = {}
        if self.hello is not None and self.hello.visibility in _UNSEEN:
            key, reason = _UNSEEN[self.hello.visibility]
            unavailable[key] = reason
        if self.hello is not None and self._kinds & ~self.hello.kinds:
            unavailable["kinds"] = "what the helper can't tell yet: it is older than this app; update smoothtask-helper"
        if frame.exited is None:
            unavailable["exited"] = "short-lived processes: the helper's process_events probe isn't running"
        unavailable |= _unseen_network(frame, self.hello)
        if frame.truncated:
            unavailable["rows"] = "some processes: there were more than a frame holds"
        reading = frame.activity.unix_reading
        if reading is not None and np.any(reading["truncated"]):
            unavailable["unix_sockets"] = "some unix sockets, or who holds them: there were more than a frame holds"
        return unavailable


def _with_energy(system: SystemReading, activity: Activity) -> SystemReading:
    """The helper may read RAPL where this user may not."""
    if activity.energy is None or not len(activity.energy):
        return system
    row = activity.energy[0]
    return replace(system, package_energy_uj=int(row["energy_uj"]), package_energy_ns=int(row["read_ns"]))


def _without_energy(unavailable: dict[str, str], activity: Activity) -> dict[str, str]:
    if activity.energy is None:
        return unavailable
    return {key: reason for key, reason in unavailable.items() if key != "energy"}


def _unseen_jobs(activity: Activity) -> dict[str, str]:
    """Of a machine with cards: which of their probes tell nothing, and where the reason is."""
    subjects = {
        "gpu_users": "use of graphics cards by processes whose driver doesn't tell: the helper's probe gpu_jobs",
        "gpu_waiters": "waits for graphics cards: the helper's probe gpu_fences",
        "gpu_memory": "memory of graphics cards by tracepoint: the helper's probe gpu_memory",
    }
    return {
        name: f"{subject} isn't running, or all cards sleep (smoothtask probes says why)"
        for name, subject in subjects.items()
        if getattr(activity, name) is None
    }


def _unseen_network(frame: Frame, hello: Hello | None) -> dict[str, str]:
    """Why connections, or some of them, aren't seen."""
    unavailable = {}
    if frame.sockets is None or frame.traffic is None:
        unavailable["network"] = (
            "connections and network bytes of processes: the helper's probes of sockets are not running (yet)"
        )
    elif hello is not None and hello.visibility != Visibility.ALL:
        unavailable["network"] = (
            "connections and network bytes of other users' processes: they need the administrator's consent"
        )
    if frame.sockets_truncated:
        unavailable["connections"] = "some connections: there were more than a frame holds"
    if frame.traffic is not None and np.any(frame.traffic["missing"] & SocketMissing.TRAFFIC):
        unavailable["datagrams"] = (
            "datagrams (UDP): some were not counted, or none can be (smoothtask probes says why, at socket_events)"
        )
    return unavailable
