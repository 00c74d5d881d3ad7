"""Puts the probes into their slots, in the order in which they are opened: what ticks are made of comes first.

Without type information in the kernel the programs come from BCC, and task rows from /proc. Without libbpf there is no
probe to open: the slots are unavailable and say so, the service answers all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from helper.loaders.choice import Choice
from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.loaders.map_memory import MapMemory
from helper.loaders.perf_events import PerfEvents
from helper.probes.block_io import BlockIo
from helper.probes.cpu_frequency import CpuFrequency
from helper.probes.energy import Energy
from helper.probes.estimates import estimates_of
from helper.probes.file_activity import FileActivity
from helper.probes.gpu_fences import GpuFences
from helper.probes.gpu_jobs import GpuJobs
from helper.probes.gpu_memory import GpuMemory
from helper.probes.known_sockets import KnownSockets
from helper.probes.memory_reclaim import MemoryReclaim
from helper.probes.oom_events import OomEvents
from helper.probes.parts import PARTS
from helper.probes.probe import EventProbe, Probe, ProbeCost
from helper.probes.process_events import EXITED, ProcessEvents
from helper.probes.row_table import TASK_BYTES
from helper.probes.run_queue import RunQueue
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from helper.probes.syscalls import Syscalls
from helper.probes.task_snapshot import TaskSnapshot
from helper.probes.thermal_events import ThermalEvents
from helper.probes.unix_sockets import UnixSockets
from helper.sampler.activity import Activity
from helper.sampler.block import Block
from helper.sampler.event_feed import EventSource
from helper.sampler.message_watch import MessageWatch, never
from helper.sampler.network import Network
from helper.sampler.probe_set import ProbeSet, Slot, kinds_of
from helper.sampler.readings import Readings
from helper.sampler.unix import Unix

if TYPE_CHECKING:
    from helper.probes.bcc_programs import TcpStates
    from helper.probes.proc_snapshot import ProcSnapshot

_ACTIVITY: Final = (MemoryReclaim, CpuFrequency, RunQueue, Syscalls, FileActivity, GpuJobs, GpuFences, GpuMemory)
_NAMES: Final = (*PARTS, UnixSockets.name, *(kind.name for kind in _ACTIVITY), Energy.name)


@dataclass(frozen=True, slots=True)
class Assembly:
    """The probes as the service needs them; `event_sources` by the name of their slot; `look`: what Hub calls so."""

    probes: ProbeSet
    readings: Readings
    event_sources: dict[str, EventSource]
    look: Callable[[int], int | None] = never


@dataclass(frozen=True, slots=True)
class _Absent:
    """Stands in the slot of a probe that can't even be made."""

    name: str
    reason: LoaderError

    def open(self) -> None:
        raise self.reason

    def close(self) -> None:
        """Nothing is open."""

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 0)


def assemble(object_dir: Path, bcc_dir: Path, choice: Choice) -> Assembly:
    """The probes of the chosen loader, whose objects or sources lie in these folders; nothing is loaded yet."""
    memory = SocketMemory()
    try:
        door, five = _of_bcc(bcc_dir) if choice.loader == "bcc" else _of_core(object_dir, memory)
    except LoaderError as reason:
        slots = tuple(Slot(_Absent(name, reason), kinds_of(name)) for name in _NAMES)
        return Assembly(ProbeSet(slots, Choice("none", str(reason))), Readings(None, None), {})
    tasks, exits, oom, thermal, closes = five
    sockets, owners, disks = Sockets(door, memory), SocketOwners(door, memory), BlockIo(door)
    unix = UnixSockets(door)
    activity = [*(kind(door) for kind in _ACTIVITY), Energy(PerfEvents())]
    probes: tuple[Probe, ...] = (tasks, exits, oom, thermal, closes, sockets, owners, disks, unix, *activity)
    slots = tuple(Slot(probe, kinds_of(probe.name)) for probe in probes)
    by_name = {slot.probe.name: slot for slot in slots}
    network = Network(
        (by_name[sockets.name], KnownSockets(sockets, memory)),
        (by_name[owners.name], owners),
        (by_name[closes.name], closes) if isinstance(closes, SocketEvents) else None,
        (by_name[tasks.name], tasks),
    )
    parts = (network, Block(by_name[disks.name], disks), Unix(by_name[unix.name], unix))
    tables = Activity(zip(slots[-len(activity) :], activity, strict=True))
    readings = Readings((slots[0], tasks, TASK_BYTES), (slots[1], exits, EXITED.size), parts, tables)
    sources: tuple[EventProbe, ...] = (exits, oom, thermal, closes)

    def together(names: list[str]) -> None:
        door.together.plan(name for name in names if name in PARTS)

    def estimates() -> dict[str, MapMemory]:
        return estimates_of(door, [probe.name for probe in probes])

    look = MessageWatch(by_name[closes.name], closes).look if isinstance(closes, SocketEvents) else never
    named: dict[str, EventSource] = {source.name: source for source in sources}
    return Assembly(ProbeSet(slots, choice, together, estimates), readings, named, look)


_Five: TypeAlias = (
    "tuple[TaskSnapshot | ProcSnapshot, ProcessEvents, OomEvents, ThermalEvents, SocketEvents | TcpStates]"
)


def _of_core(object_dir: Path, memory: SocketMemory) -> tuple[Libbpf, _Five]:
    door = Libbpf(object_dir)
    closes = SocketEvents(door, memory)
    return door, (TaskSnapshot(door), ProcessEvents(door), OomEvents(door), ThermalEvents(door), closes)


def _of_bcc(bcc_dir: Path) -> tuple[Libbpf, _Five]:
    """Imports what only this loader needs."""
    from helper.loaders.bcc import Bcc  # noqa: PLC0415
    from helper.probes.bcc_programs import ProcessEventsBySums, TcpStates  # noqa: PLC0415
    from helper.probes.proc_snapshot import ProcSnapshot  # noqa: PLC0415

    door = Bcc(bcc_dir)
    return door, (ProcSnapshot(), ProcessEventsBySums(door), OomEvents(door), ThermalEvents(door), TcpStates(door))
