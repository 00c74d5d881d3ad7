"""The structs of bpf/records.h as numpy sees them.

One dtype a struct, in native byte order and with the header's explicit padding, so that offsets follow from the order
of the members. tests/contract compiles the header with a C compiler and compares every size and offset with these.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.batch import EXITED
from smoothtask_gui.domain.network import BLOCK_IO, SOCKET, SOCKET_OWNER, TRAFFIC
from smoothtask_gui.sources import activity

if TYPE_CHECKING:
    from collections.abc import Mapping

Dtype = np.dtype[np.void]

STREAM_VERSION: Final = 1
PACKET_MAGIC: Final = 0x4B505453
FRAME_MAGIC: Final = 0x52465453


class PacketKind(IntEnum):
    """`enum st_packet_kind`."""

    HELLO = 1
    TICK = 2
    EVENT = 3
    BYE = 4


class SectionKind(IntEnum):
    """`enum st_section_kind`."""

    TASKS = 1
    EXITED = 2
    COUNTERS = 3
    SOCKETS = 4
    SOCKET_OWNERS = 5
    TRAFFIC = 6
    BLOCK_IO = 7


class EventKind(IntEnum):
    """`enum st_event_kind`."""

    EXIT = 1
    OOM_KILL = 2
    TEMPERATURE = 3
    TRIP = 4
    COOLING = 5
    SOCKET_CLOSED = 6


class Visibility(IntEnum):
    """`enum st_visibility`."""

    ALL = 1
    AS_PROC = 2
    OWN = 3


class ByeReason(IntEnum):
    """`enum st_bye_reason`."""

    SHUTDOWN = 1
    REVOKED = 2
    FAILED = 3


class Kinds(IntFlag):
    """`enum st_kinds`: what a client asks for in OpenStream."""

    TASKS = 1 << 0
    PROCESS_EXITS = 1 << 1
    OOM = 1 << 2
    THERMAL = 1 << 3
    SOCKETS = 1 << 4
    SOCKET_CLOSES = 1 << 5
    BLOCK_IO = 1 << 6
    OTHERS_IN_FULL = 1 << 16


def _struct(fields: list[tuple[str, npt.DTypeLike]]) -> Dtype:
    return np.dtype(fields)


PACKET: Final = _struct([("magic", "u4"), ("version", "u2"), ("kind", "u2"), ("bytes", "u4"), ("pad", "u4")])

HELLO: Final = _struct([("stream_id", "u8"), ("period_ms", "u4"), ("kinds", "u4"), ("visibility", "u4"), ("uid", "u4")])

TICK: Final = _struct([("sequence", "u8"), ("lost_ticks", "u8"), ("lost_events", "u8"), ("frame_bytes", "u8")])

BYE: Final = _struct([("reason", "u4"), ("pad", "u4")])

FRAME: Final = _struct(
    [
        ("magic", "u4"),
        ("version", "u2"),
        ("section_count", "u2"),
        ("header_bytes", "u4"),
        ("period_ms", "u4"),
        ("frame_bytes", "u8"),
        ("boottime_ns", "u8"),
        ("snapshot_ns", "u8"),
    ]
)

SECTION: Final = _struct(
    [("kind", "u4"), ("record_bytes", "u4"), ("count", "u4"), ("truncated", "u4"), ("offset", "u8")]
)

COUNTERS: Final = _struct([("forks", "u8"), ("execs", "u8"), ("exits", "u8"), ("lost_exits", "u8")])

TASK: Final = _struct(
    [
        ("pid", "u4"),
        ("tgid", "u4"),
        ("parent_pid", "u4"),
        ("uid", "u4"),
        ("start_ns", "u8"),
        ("run_ns", "u8"),
        ("run_delay_ns", "u8"),
        ("rss_bytes", "u8"),
        ("minor_faults", "u8"),
        ("major_faults", "u8"),
        ("read_bytes", "u8"),
        ("write_bytes", "u8"),
        ("voluntary_switches", "u8"),
        ("involuntary_switches", "u8"),
        ("cgroup_id", "u8"),
        ("threads", "u4"),
        ("missing", "u4"),
        ("state", "S1"),
        ("is_kernel", "u1"),
        ("pad", "V2"),
        ("owner", "u4"),
        ("comm", "S16"),
    ]
)

EVENT: Final = _struct([("kind", "u4"), ("bytes", "u4"), ("boottime_ns", "u8")])

EVENT_EXIT: Final = _struct(
    [
        ("head", EVENT),
        ("pid", "u4"),
        ("parent_pid", "u4"),
        ("uid", "u4"),
        ("exit_code", "u4"),
        ("start_ns", "u8"),
        ("run_ns", "u8"),
        ("run_delay_ns", "u8"),
        ("major_faults", "u8"),
        ("read_bytes", "u8"),
        ("write_bytes", "u8"),
        ("cgroup_id", "u8"),
        ("missing", "u4"),
        ("uids_differ", "u4"),
        ("comm", "S16"),
    ]
)

EVENT_OOM_KILL: Final = _struct(
    [
        ("head", EVENT),
        ("pid", "u4"),
        ("uid", "u4"),
        ("start_ns", "u8"),
        ("rss_bytes", "u8"),
        ("total_vm_bytes", "u8"),
        ("cgroup_id", "u8"),
        ("oom_score_adj", "i4"),
        ("missing", "u4"),
        ("comm", "S16"),
    ]
)

NO_TEMPERATURE_MC: Final = -274_000
"""ST_NO_TEMPERATURE_MC."""

EVENT_THERMAL: Final = _struct(
    [
        ("head", EVENT),
        ("zone_id", "i4"),
        ("temperature_mc", "i4"),
        ("last_temperature_mc", "i4"),
        ("trip_index", "i4"),
        ("trip_type", "i4"),
        ("pad", "u4"),
        ("zone_type", "S24"),
    ]
)

EVENT_COOLING: Final = _struct(
    [
        ("head", EVENT),
        ("device_id", "i4"),
        ("pad", "u4"),
        ("target_state", "u8"),
        ("max_state", "u8"),
        ("device_type", "S24"),
    ]
)

EVENT_SOCKET_CLOSED: Final = _struct([("head", EVENT), ("socket", SOCKET)])

STRUCTS: Final[Mapping[str, Dtype]] = MappingProxyType(
    {
        "st_task": TASK,
        "st_exited": EXITED,
        "st_event": EVENT,
        "st_event_exit": EVENT_EXIT,
        "st_event_oom_kill": EVENT_OOM_KILL,
        "st_event_thermal": EVENT_THERMAL,
        "st_event_cooling": EVENT_COOLING,
        "st_event_socket_closed": EVENT_SOCKET_CLOSED,
        "st_block_io": BLOCK_IO,
        "st_socket": SOCKET,
        "st_socket_owner": SOCKET_OWNER,
        "st_traffic": TRAFFIC,
        "st_packet": PACKET,
        "st_hello": HELLO,
        "st_tick": TICK,
        "st_bye": BYE,
        "st_counters": COUNTERS,
        "st_section": SECTION,
        "st_frame": FRAME,
        **activity.STRUCTS,
    }
)
"""The header's name of each struct."""
