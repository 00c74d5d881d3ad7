"""One file per BPF object: its reader. See `probe.py` for what they have in common.

`EVENT_KINDS` says which kinds of a stream (`enum st_kinds`) the probes of rare events serve; which sections of a tick
come from which probe is in helper/sampler/assembly.py. The probes of sockets share a `SocketMemory`.
"""

from __future__ import annotations

from typing import Final

from helper.probes.block_io import BlockIo
from helper.probes.known_sockets import KnownSockets
from helper.probes.oom_events import OomEvents
from helper.probes.process_events import ProcessEvents
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import OwnerSearch, SocketOwners
from helper.probes.sockets import Sockets
from helper.probes.task_snapshot import TaskSnapshot
from helper.probes.thermal_events import ThermalEvents
from helper.probes.unix_sockets import UnixSockets

KIND_TASKS: Final = 1 << 0
KIND_PROCESS_EXITS: Final = 1 << 1
KIND_OOM: Final = 1 << 2
KIND_THERMAL: Final = 1 << 3

EVENT_KINDS: Final = {ProcessEvents: KIND_PROCESS_EXITS, OomEvents: KIND_OOM, ThermalEvents: KIND_THERMAL}

__all__ = [
    "EVENT_KINDS",
    "KIND_OOM",
    "KIND_PROCESS_EXITS",
    "KIND_TASKS",
    "KIND_THERMAL",
    "BlockIo",
    "KnownSockets",
    "OomEvents",
    "OwnerSearch",
    "ProcessEvents",
    "SocketEvents",
    "SocketMemory",
    "SocketOwners",
    "Sockets",
    "TaskSnapshot",
    "ThermalEvents",
    "UnixSockets",
]
