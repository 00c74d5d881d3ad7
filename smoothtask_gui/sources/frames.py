"""Decodes frames (docs/api/stream-format.md): one snapshot of all tasks, in a sealed memfd.

The bytes come from another process, so nothing in them is believed: each length and offset is checked before it is
used, and whatever is wrong raises `FrameError` with the place. Sections of unknown kind are skipped and records longer
than ours are read by their prefix, so that an older app reads a newer helper of the same stream version.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.activity import TABLES, Activity
from smoothtask_gui.domain.batch import EXITED, PROCESS, Missing
from smoothtask_gui.domain.block import Block, picked
from smoothtask_gui.domain.network import BLOCK_IO, SOCKET, SOCKET_OWNER, TRAFFIC, SocketMissing
from smoothtask_gui.sources import records
from smoothtask_gui.sources.activity import ActivitySection
from smoothtask_gui.sources.protocol import SourceError

Rows = npt.NDArray[np.void]

MAX_FRAME_BYTES: Final = 256 << 20
"""4,194,304 tasks (PID_MAX_LIMIT) would be 544 MiB; a machine with a twentieth of that isn't a desktop."""
MAX_SECTIONS: Final = 64
SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL

_COUNTERS: Final = (
    "start_ns",
    "run_ns",
    "run_delay_ns",
    "rss_bytes",
    "minor_faults",
    "major_faults",
    "read_bytes",
    "write_bytes",
    "voluntary_switches",
    "involuntary_switches",
    "cgroup_id",
)
_OF_TASK, _OF_PROCESS = Block(records.TASK, _COUNTERS), Block(PROCESS, _COUNTERS)
_NOT_SUMMED: Final = [_OF_TASK.place(name) for name in ("start_ns", "rss_bytes", "cgroup_id")]
"""The fields of a thread row that don't count towards its process (`struct st_task`)."""
_THREAD_MISSING: Final = int(Missing.IO | Missing.RUN_DELAY)
_COPIED: Final = ("pid", "parent_pid", "uid", "threads", "missing", "state")


class _Section(NamedTuple):
    """One of a frame's sections; `place` is its number in the frame."""

    place: int
    record_bytes: int
    records: int
    offset: int
    is_truncated: bool


Sections = dict[int, list[_Section]]  # by kind


class FrameError(SourceError):
    """A packet or frame isn't what docs/api/stream-format.md says; the message names what and where."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded snapshot. What the frame has no section of is None."""

    boottime_ns: int
    snapshot_ns: int
    period_ms: int
    processes: Rows  # dtype PROCESS, ordered by pid
    exited: Rows | None  # dtype EXITED
    lost_exits: int | None
    truncated: bool  # the helper had more processes than room
    sockets: Rows | None = None  # dtype SOCKET
    traffic: Rows | None = None  # dtype TRAFFIC
    block_io: Rows | None = None  # dtype BLOCK_IO
    sockets_truncated: bool = False
    activity: Activity = field(default_factory=Activity)


def decode_frame(frame: bytes | bytearray | memoryview) -> Frame:
    """Decode one whole frame; the result keeps no reference to `frame`. Raises FrameError."""
    head = _head(frame)
    sections = _sections(frame, head)
    tasks = _rows(frame, sections, records.SectionKind.TASKS, records.TASK)
    exited = _rows(frame, sections, records.SectionKind.EXITED, EXITED)
    counters = _rows(frame, sections, records.SectionKind.COUNTERS, records.COUNTERS)
    return Frame(
        boottime_ns=int(head["boottime_ns"]),
        snapshot_ns=int(head["snapshot_ns"]),
        period_ms=int(head["period_ms"]),
        processes=sum_threads(tasks) if tasks is not None else np.empty(0, PROCESS),
        exited=_packed(exited) if exited is not None else None,
        lost_exits=int(counters["lost_exits"][0]) if counters is not None and len(counters) else None,
        truncated=_truncated(sections, records.SectionKind.TASKS),
        sockets=_sockets(frame, sections),
        traffic=_copied(_rows(frame, sections, records.SectionKind.TRAFFIC, TRAFFIC)),
        block_io=_copied(_rows(frame, sections, records.SectionKind.BLOCK_IO, BLOCK_IO)),
        sockets_truncated=_truncated(sections, records.SectionKind.SOCKETS),
        activity=_activity(frame, sections),
    )


def _truncated(sections: Sections, kind: records.SectionKind) -> bool:
    return any(section.is_truncated for section in sections.get(kind, ()))


def _activity(frame: bytes | bytearray | memoryview, sections: Sections) -> Activity:
    tables = {name: _copied(_rows(frame, sections, ActivitySection[name.upper()], dtype)) for name, dtype in TABLES}
    for name in ("reclaim", "callers", "file_users", "gpu_users", "gpu_waiters", "gpu_memory", "unix_holders"):
        rows = tables[name]
        if rows is not None:
            rows["comm"] = _comm(rows["comm"])
    return Activity(**tables)


def _copied(rows: Rows | None) -> Rows | None:
    return None if rows is None else np.array(rows)


def _sockets(frame: bytes | bytearray | memoryview, sections: Sections) -> Rows | None:
    """Sockets ordered by cookie, each once; those without an owner get one from the section of holders (lowest pid)."""
    found = _rows(frame, sections, records.SectionKind.SOCKETS, SOCKET)
    if found is None:
        return None
    sockets: Rows = np.array(found)
    if len(sockets) > 1:  # the kernel's tables may show a socket twice when they move meanwhile
        sockets = sockets[np.unique(sockets["cookie"], return_index=True)[1]]
    holders = _rows(frame, sections, records.SectionKind.SOCKET_OWNERS, SOCKET_OWNER)
    orphans = np.flatnonzero(((sockets["missing"] & SocketMissing.OWNER) != 0) & (sockets["inode"] != 0))
    if holders is None or not len(holders) or not len(orphans):
        return sockets
    ordered = holders[np.lexsort((holders["pid"], holders["inode"]))]
    at = np.minimum(np.searchsorted(ordered["inode"], sockets["inode"][orphans]), len(ordered) - 1)
    held = ordered["inode"][at] == sockets["inode"][orphans]
    orphans, at = orphans[held], at[held]
    sockets["pid"][orphans] = ordered["pid"][at]
    sockets["pid_start_ns"][orphans] = ordered["pid_start_ns"][at]
    sockets["missing"][orphans] &= np.uint32(~np.uint32(SocketMissing.OWNER))
    return sockets


def read_sealed(fd: int, frame_bytes: int, buffer: bytearray) -> memoryview:
    """Read the memfd `fd` of `frame_bytes` into `buffer` (grown if need be) and return the part read.

    Raises FrameError if the file isn't a memfd sealed against every change, or has another size than announced.
    """
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        size = os.fstat(fd).st_size
    except OSError as error:
        raise FrameError(f"the frame's file descriptor is not a sealed memfd: {error.strerror}") from error
    if seals & SEALS != SEALS:
        raise FrameError(f"the frame's memfd is not sealed: seals are {seals:#x}, {SEALS:#x} are needed")
    if size != frame_bytes:
        raise FrameError(f"the frame's memfd holds {size} bytes, the tick announced {frame_bytes}")
    if size > MAX_FRAME_BYTES:
        raise FrameError(f"the frame has {size} bytes, at most {MAX_FRAME_BYTES} are accepted")
    if len(buffer) < size:
        buffer.extend(bytes(size + size // 4 - len(buffer)))
    view = memoryview(buffer)[:size]
    try:
        count = os.preadv(fd, [view], 0)
    except OSError as error:
        raise FrameError(f"the frame's memfd can't be read: {error.strerror}") from error
    if count != size:
        raise FrameError(f"the frame's memfd gave {count} of {size} bytes")
    return view


def sum_threads(tasks: Rows) -> Rows:
    """Turn task rows (dtype TASK) into process rows (dtype PROCESS), ordered by pid.

    A process's totals are its own row plus the rows of its live threads. Threads whose process has no row (it was
    reaped while the snapshot ran, or the snapshot was cut short) belong to nobody and are left out.
    """
    is_process = tasks["pid"] == tasks["tgid"]
    leaders = picked(tasks, is_process)
    if np.any(leaders["pid"][1:] <= leaders["pid"][:-1]):
        leaders = leaders[np.unique(leaders["pid"], return_index=True)[1]]
    processes = np.zeros(len(leaders), PROCESS)
    for name in _COPIED:
        processes[name] = leaders[name]
    _OF_PROCESS.of(processes)[:] = _OF_TASK.of(leaders)
    processes["is_kernel"] = leaders["is_kernel"] != 0
    processes["comm"] = _comm(leaders["comm"])
    if len(leaders) and not is_process.all():
        _add_threads(processes, picked(tasks, ~is_process))
    return processes


def _add_threads(processes: Rows, threads: Rows) -> None:
    at = np.searchsorted(processes["pid"], threads["tgid"])
    at[at == len(processes)] = 0
    known = processes["pid"][at] == threads["tgid"]
    if not known.any():
        return
    order = np.argsort(at, kind="stable")
    order = order[known[order]]
    threads, at = picked(threads, order), at[order]
    starts = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
    owners = at[starts]
    summed = np.add.reduceat(_OF_TASK.of(threads), starts, axis=0)
    summed[:, _NOT_SUMMED] = 0
    _OF_PROCESS.of(processes)[owners] += summed
    processes["missing"][owners] |= np.bitwise_or.reduceat(threads["missing"] & _THREAD_MISSING, starts)


def _comm(comm: npt.NDArray[np.bytes_]) -> npt.NDArray[np.bytes_]:
    """Clear what stands after the first NUL: the kernel's own copy isn't always padded with zeros."""
    if len(comm) == 0:
        return comm
    octets = np.ascontiguousarray(comm).view("u1").reshape(len(comm), -1)
    ended = octets[:, :-1] == 0
    if not np.any(ended & (octets[:, 1:] != 0)):
        return comm
    cleared = octets.copy()
    cleared[:, 1:][np.logical_or.accumulate(ended, axis=1)] = 0
    return cleared.view(comm.dtype).reshape(len(comm))


def _packed(rows: Rows) -> Rows:
    packed = np.array(rows)
    packed["comm"] = _comm(packed["comm"])
    return packed


def _head(frame: bytes | bytearray | memoryview) -> np.void:
    if len(frame) < records.FRAME.itemsize:
        raise FrameError(f"the frame has {len(frame)} bytes, its head alone needs {records.FRAME.itemsize}")
    head: np.void = np.frombuffer(frame, records.FRAME, 1)[0]
    if head["magic"] != records.FRAME_MAGIC:
        raise FrameError(f"the frame begins with {int(head['magic']):#010x}, not {records.FRAME_MAGIC:#010x}")
    if head["version"] > records.STREAM_VERSION:
        raise FrameError(
            f"the helper speaks stream version {head['version']}, this app only {records.STREAM_VERSION}: "
            "update the app"
        )
    if head["version"] == 0:
        raise FrameError("the frame has version 0, which does not exist")
    if head["frame_bytes"] != len(frame):
        raise FrameError(f"the frame says it has {head['frame_bytes']} bytes, it has {len(frame)}")
    return head


def _sections(frame: bytes | bytearray | memoryview, head: np.void) -> Sections:
    count = int(head["section_count"])
    if count > MAX_SECTIONS:
        raise FrameError(f"the frame has {count} sections, at most {MAX_SECTIONS} are accepted")
    needed = records.FRAME.itemsize + count * records.SECTION.itemsize
    if not needed <= int(head["header_bytes"]) <= len(frame):
        raise FrameError(
            f"the frame's header_bytes is {head['header_bytes']}; {count} sections need {needed}, "
            f"the frame has {len(frame)}"
        )
    rows = np.frombuffer(frame, records.SECTION, count, records.FRAME.itemsize)
    found: Sections = {}
    for place, (kind, record_bytes, length, truncated, offset) in enumerate(rows.tolist()):
        found.setdefault(kind, []).append(_Section(place, record_bytes, length, offset, bool(truncated)))
    return found


def _rows(
    frame: bytes | bytearray | memoryview,
    sections: Sections,
    kind: records.SectionKind | ActivitySection,
    dtype: records.Dtype,
) -> Rows | None:
    found = sections.get(kind)
    if found is None:
        return None
    if len(found) > 1:
        raise FrameError(f"the frame has {len(found)} sections of kind {kind} ({kind.name}), at most one is allowed")
    place, record_bytes, count, offset, _ = found[0]
    where = f"section {place} ({kind.name})"
    if record_bytes < dtype.itemsize:
        raise FrameError(
            f"{where}: records of {record_bytes} bytes, {dtype.itemsize} are needed: "
            "the helper is older than this app; update the package smoothtask-helper"
        )
    if record_bytes > len(frame) and count:
        raise FrameError(f"{where}: records of {record_bytes} bytes in a frame of {len(frame)}")
    if offset > len(frame) or count * record_bytes > len(frame) - offset:
        raise FrameError(
            f"{where}: {count} records of {record_bytes} bytes at offset {offset} exceed the frame's {len(frame)} bytes"
        )
    if count == 0:
        return np.empty(0, dtype)
    return np.ndarray((count,), dtype, frame, offset, (record_bytes,))
