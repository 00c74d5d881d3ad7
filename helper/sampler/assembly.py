"""Puts the probes into their slots, in the order in which they are opened: what ticks are made of comes first.

Without libbpf there is no probe to open: the slots are unavailable and say so, the service answers all the same.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes.block_io import BlockIo
from helper.probes.oom_events import OomEvents
from helper.probes.probe import EventProbe, Probe, ProbeCost
from helper.probes.process_events import EXITED, ProcessEvents
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from helper.probes.task_snapshot import TASK_BYTES, TaskSnapshot
from helper.probes.thermal_events import ThermalEvents
from helper.sampler.block import Block
from helper.sampler.event_feed import EventSource
from helper.sampler.network import Network
from helper.sampler.probe_set import ProbeSet, Slot, kinds_of
from helper.sampler.readings import Readings

_NAMES: Final = (
    "task_snapshot",
    "process_events",
    "oom_events",
    "thermal_events",
    "socket_events",
    "sockets",
    "socket_owners",
    "block_io",
)


@dataclass(frozen=True, slots=True)
class Assembly:
    """The probes as the service needs them; `event_sources` by the name of their slot."""

    probes: ProbeSet
    readings: Readings
    event_sources: dict[str, EventSource]


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


def assemble(object_dir: Path) -> Assembly:
    """The probes whose objects lie in `object_dir`; nothing is loaded yet."""
    try:
        door = Libbpf(object_dir)
    except LoaderError as reason:
        slots = tuple(Slot(_Absent(name, reason), kinds_of(name)) for name in _NAMES)
        return Assembly(ProbeSet(slots, loader="none"), Readings(None, None), {})
    tasks, exits, oom, thermal = TaskSnapshot(door), ProcessEvents(door), OomEvents(door), ThermalEvents(door)
    memory = SocketMemory()
    closes, sockets, owners, disks = (
        SocketEvents(door, memory),
        Sockets(door, memory),
        SocketOwners(door, memory),
        BlockIo(door),
    )
    probes: tuple[Probe, ...] = (tasks, exits, oom, thermal, closes, sockets, owners, disks)
    by_name = {probe.name: Slot(probe, kinds_of(probe.name)) for probe in probes}
    network = Network(
        (by_name[sockets.name], sockets),
        (by_name[owners.name], owners),
        (by_name[closes.name], closes),
        (by_name[tasks.name], tasks),
    )
    readings = Readings(
        (by_name[tasks.name], tasks, TASK_BYTES),
        (by_name[exits.name], exits, EXITED.size),
        (network, Block(by_name[disks.name], disks)),
    )
    sources: tuple[EventProbe, ...] = (exits, oom, thermal, closes)
    return Assembly(ProbeSet(tuple(by_name.values()), loader="core"), readings, {each.name: each for each in sources})
