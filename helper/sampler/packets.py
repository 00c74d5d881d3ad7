"""The layout of packets and frames: the structs of the stream in bpf/records.h, as docs/api/stream-format.md tells it.

Pure: numbers in, bytes out. tests/contract compares the sizes with records.h.
"""

import struct
from dataclasses import dataclass
from typing import Final

STREAM_VERSION: Final = 1
PACKET_MAGIC: Final = 0x4B505453
FRAME_MAGIC: Final = 0x52465453

HELLO, TICK, EVENT, BYE = 1, 2, 3, 4  # enum st_packet_kind
BYE_SHUTDOWN, BYE_REVOKED, BYE_FAILED = 1, 2, 3  # enum st_bye_reason
SECTION_TASKS, SECTION_EXITED, SECTION_COUNTERS = 1, 2, 3  # enum st_section_kind
SECTION_SOCKETS, SECTION_SOCKET_OWNERS, SECTION_TRAFFIC, SECTION_BLOCK_IO = 4, 5, 6, 7

KIND_TASKS: Final = 1 << 0  # enum st_kinds
KIND_PROCESS_EXITS: Final = 1 << 1
KIND_OOM: Final = 1 << 2
KIND_THERMAL: Final = 1 << 3
KIND_SOCKETS: Final = 1 << 4
KIND_SOCKET_CLOSES: Final = 1 << 5
KIND_BLOCK_IO: Final = 1 << 6
KIND_OTHERS_IN_FULL: Final = 1 << 16
KIND_RECLAIM: Final = 1 << 8  # enum st_activity_kind
KIND_CPU_FREQUENCY: Final = 1 << 9
KIND_RUN_QUEUE: Final = 1 << 10
KIND_SYSCALLS: Final = 1 << 11
KIND_FILES: Final = 1 << 12
KIND_ENERGY: Final = 1 << 13
KIND_GPU: Final = 1 << 14
KIND_UNIX_SOCKETS: Final = 1 << 15
KINDS_OPT_IN: Final = KIND_RUN_QUEUE | KIND_SYSCALLS | KIND_FILES | KIND_UNIX_SOCKETS
KINDS_ACTIVITY: Final = KIND_RECLAIM | KIND_CPU_FREQUENCY | KIND_ENERGY | KIND_GPU | KINDS_OPT_IN
EVENT_KINDS: Final = KIND_PROCESS_EXITS | KIND_OOM | KIND_THERMAL | KIND_SOCKET_CLOSES
KINDS_IN_FRAMES: Final = KIND_TASKS | KIND_SOCKETS | KIND_BLOCK_IO | KINDS_ACTIVITY
"""Kinds that bring sections; the others bring events."""
KINDS: Final = EVENT_KINDS | KINDS_IN_FRAMES

PACKET: Final = struct.Struct("@IHHII")
HELLO_BODY: Final = struct.Struct("@QIIII")
TICK_BODY: Final = struct.Struct("@QQQQ")
_TICK: Final = struct.Struct(PACKET.format + TICK_BODY.format.removeprefix("@"))
BYE_BODY: Final = struct.Struct("@II")
FRAME: Final = struct.Struct("@IHHIIQQQ")
SECTION: Final = struct.Struct("@IIIIQ")
EVENT_HEAD: Final = struct.Struct("@IIQ")


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind; `rows` holds whole records of `record_bytes` each."""

    kind: int
    record_bytes: int
    rows: memoryview | bytes | bytearray
    truncated: bool = False


def packet(kind: int, body: bytes) -> bytes:
    """A whole packet: head and body."""
    return PACKET.pack(PACKET_MAGIC, STREAM_VERSION, kind, PACKET.size + len(body), 0) + body


def hello(stream_id: int, period_ms: int, kinds: int, visibility: int, uid: int) -> bytes:
    return packet(HELLO, HELLO_BODY.pack(stream_id, period_ms, kinds, visibility, uid))


def tick(sequence: int, lost_ticks: int, lost_events: int, frame_bytes: int) -> bytes:
    return _TICK.pack(PACKET_MAGIC, STREAM_VERSION, TICK, _TICK.size, 0, sequence, lost_ticks, lost_events, frame_bytes)


def bye(reason: int) -> bytes:
    return packet(BYE, BYE_BODY.pack(reason, 0))


def frame_header(sections: tuple[Section, ...], period_ms: int, boottime_ns: int, snapshot_ns: int) -> bytes:
    """`struct st_frame` and the section table; the sections follow in this order, gapless (all multiples of 8)."""
    header_bytes = FRAME.size + SECTION.size * len(sections)
    offset = header_bytes
    table = b""
    for section in sections:
        count = len(section.rows) // section.record_bytes
        table += SECTION.pack(section.kind, section.record_bytes, count, section.truncated, offset)
        offset += len(section.rows)
    head = FRAME.pack(
        FRAME_MAGIC, STREAM_VERSION, len(sections), header_bytes, period_ms, offset, boottime_ns, snapshot_ns
    )
    return head + table
