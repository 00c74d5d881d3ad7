"""What the probes need beside themselves where their programs come from BCC and see arguments of tracepoints only.

OomEvents, ThermalEvents and BlockIo need nothing: their programs fill the same maps.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.bcc import BccObject
from helper.probes import proc_files
from helper.probes.events import RareEvents
from helper.probes.process_events import ProcessEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.loaders.bcc import Bcc

RUN: Final = struct.Struct("@QII")  # struct run, bpf/bcc/process_maps.h
PROCESS: Final = struct.Struct("@QQQIIII16s")  # struct process, likewise
BPF_ANY, BPF_NOEXIST = 0, 1  # include/uapi/linux/bpf.h
OWNER_PID, OWNER_START_NS, MISSING = 96, 40, 128  # offsets in struct st_event_socket_closed, held by tests/contract
MISSING_OWNER: Final = 1 << 10


class ProcessEventsBySums(ProcessEvents):
    """The probe `process_events`, whose program sums run time itself: it begins with what /proc tells.

    A task that runs while it is being read may lose the time between reading and storing, some microseconds.
    """

    def __init__(self, door: Bcc) -> None:
        super().__init__(door)
        self._door = door

    def open(self) -> None:
        super().open()
        runs, processes = self._opened().map_fd("runs"), self._opened().map_fd("processes")
        for pid in proc_files.pids():
            stat = proc_files.stat_of(pid)
            if stat is None:
                continue
            running_ns = 0
            for tid in proc_files.names_in(f"/proc/{pid}/task"):
                taken = proc_files.schedstat_of(f"/proc/{pid}/task/{tid}")
                if taken is not None:
                    running_ns += taken[0]
                    self._store(runs, int(tid), RUN.pack(taken[0], 0, 0), BPF_ANY)
            gone_ns = max(0, stat.run_ns - running_ns)
            row = PROCESS.pack(stat.start_ns, gone_ns, 0, int(stat.fields[1]), 0, 0, 0, b"")
            self._store(processes, stat.pid, row, BPF_NOEXIST)

    def lost(self) -> int:
        """Exits without a record, and those at which the kernel skipped a program."""
        return super().lost() + missed_by(self._opened(), "sched_process_exit", "sched_process_free")

    def _store(self, fd: int, key: int, value: bytes, flags: int) -> None:
        """A full map, or an entry that is there already, changes nothing."""
        self._door.calls.bpf_map_update_elem(fd, ctypes.byref(ctypes.c_uint32(key)), value, flags)


class TcpStates(RareEvents):
    """The probe `socket_events` as far as inet_sock_set_state tells: each connection's end, without its bytes.

    The tracepoint has the pid that connected; its start, and so its identity, comes from /proc as long as it lives.
    """

    name = "socket_events"

    def drain(self, sink: Callable[[bytes], None]) -> None:
        super().drain(lambda record: sink(with_owner(record)))

    def lost(self) -> int:
        """Events that found no room, and changes of state at which the kernel skipped the program."""
        return super().lost() + missed_by(self._opened(), "inet_sock_set_state")


def missed_by(held: object, *tracepoints: str) -> int:
    """BccObject.missed, of the object that these probes have from Bcc."""
    assert isinstance(held, BccObject)  # noqa: S101 - their door is a Bcc
    return held.missed(*tracepoints)


def with_owner(record: bytes) -> bytes:
    """The record with its owner's start if that process still lives; else without owner."""
    told = bytearray(record)
    (pid,) = struct.unpack_from("@I", told, OWNER_PID)
    (missing,) = struct.unpack_from("@I", told, MISSING)
    stat = proc_files.stat_of(str(pid)) if pid else None
    if stat is None:
        struct.pack_into("@I", told, OWNER_PID, 0)
    else:
        struct.pack_into("@Q", told, OWNER_START_NS, stat.start_ns)
        struct.pack_into("@I", told, MISSING, missing & ~MISSING_OWNER)
    return bytes(told)
