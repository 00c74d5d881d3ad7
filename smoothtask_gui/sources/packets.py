"""Decodes the packets of a stream (docs/api/stream-format.md) into what the app works with.

A packet that breaks the format raises `FrameError`; packets and events of a kind this version doesn't know give None,
so that a newer helper of the same stream version can say more than an older app hears.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.batch import CoolingEvent, KernelEvent, Missing, OomKill, ProcessExit, ThermalEvent
from smoothtask_gui.domain.network import SOCKET
from smoothtask_gui.sources import records
from smoothtask_gui.sources.frames import FrameError

PACKET_BYTES: Final = 65536
"""Room to receive one packet (docs/api/stream-format.md)."""

_TRIP_TYPES: Final = ("active", "passive", "hot", "critical")
"""`enum thermal_trip_type`, include/uapi/linux/thermal.h."""

_BYE_REASONS: Final[dict[int, str]] = {
    records.ByeReason.SHUTDOWN: "the helper was stopped",
    records.ByeReason.REVOKED: "the permission to watch processes was taken back",
    records.ByeReason.FAILED: "the helper failed; its journal says why (journalctl -u smoothtask-sampler)",
}


@dataclass(frozen=True, slots=True)
class Hello:
    """First packet of a stream."""

    stream_id: int
    period_ms: int
    kinds: records.Kinds
    visibility: int  # records.Visibility, or one of a newer helper
    uid: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A frame of `frame_bytes` travels with this packet; the losses are cumulative."""

    sequence: int
    lost_ticks: int
    lost_events: int
    frame_bytes: int


@dataclass(frozen=True, slots=True)
class Bye:
    """The helper ends the stream; `reason` is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class OomVictim:
    """An OOM kill of which the kernel tells the pid only (before 6.9): whoever saw the process knows the rest."""

    boottime_ns: int
    pid: int


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """A TCP connection is over; `row` is its last reading, one row of dtype SOCKET."""

    row: npt.NDArray[np.void]


Decoded = Hello | Tick | Bye | OomVictim | SocketClosed | KernelEvent | None


def decode_packet(packet: bytes) -> Decoded:
    """Decode one whole packet, None for kinds this version doesn't know. Raises FrameError."""
    head = _struct(packet, 0, records.PACKET, "the packet's head")
    if head["magic"] != records.PACKET_MAGIC:
        raise FrameError(f"a packet begins with {int(head['magic']):#010x}, not {records.PACKET_MAGIC:#010x}")
    if head["version"] > records.STREAM_VERSION:
        raise FrameError(
            f"the helper speaks stream version {head['version']}, this app only {records.STREAM_VERSION}: "
            "update the app"
        )
    if head["version"] == 0:
        raise FrameError("a packet has version 0, which does not exist")
    if head["bytes"] != len(packet):
        raise FrameError(f"a packet says it has {head['bytes']} bytes, it has {len(packet)}")
    match int(head["kind"]):
        case records.PacketKind.HELLO:
            return _hello(packet)
        case records.PacketKind.TICK:
            tick = _body(packet, records.TICK, "a tick packet")
            return Tick(*(int(tick[name]) for name in ("sequence", "lost_ticks", "lost_events", "frame_bytes")))
        case records.PacketKind.EVENT:
            return _event(packet)
        case records.PacketKind.BYE:
            reason = int(_body(packet, records.BYE, "a bye packet")["reason"])
            return Bye(_BYE_REASONS.get(reason, f"the helper gave reason {reason}"))
        case _:
            return None


def _struct(packet: bytes, offset: int, dtype: records.Dtype, what: str) -> np.void:
    if len(packet) - offset < dtype.itemsize:
        raise FrameError(f"{what} needs {dtype.itemsize} bytes at offset {offset}, the packet has {len(packet)}")
    found: np.void = np.frombuffer(packet, dtype, 1, offset)[0]
    return found


def _body(packet: bytes, dtype: records.Dtype, what: str) -> np.void:
    return _struct(packet, records.PACKET.itemsize, dtype, what)


def _hello(packet: bytes) -> Hello:
    hello = _body(packet, records.HELLO, "the hello packet")
    return Hello(
        stream_id=int(hello["stream_id"]),
        period_ms=int(hello["period_ms"]),
        kinds=records.Kinds(int(hello["kinds"])),
        visibility=int(hello["visibility"]),
        uid=int(hello["uid"]),
    )


def _event(packet: bytes) -> KernelEvent | OomVictim | SocketClosed | None:
    head = _body(packet, records.EVENT, "an event packet")
    room = len(packet) - records.PACKET.itemsize
    if not records.EVENT.itemsize <= int(head["bytes"]) <= room:
        raise FrameError(f"an event of kind {head['kind']} says it has {head['bytes']} bytes, there are {room}")
    match int(head["kind"]):
        case records.EventKind.EXIT:
            return _exit(_body(packet, records.EVENT_EXIT, "an exit event"))
        case records.EventKind.OOM_KILL:
            return _oom_kill(_body(packet, records.EVENT_OOM_KILL, "an OOM kill event"))
        case records.EventKind.TEMPERATURE | records.EventKind.TRIP:
            return _thermal(_body(packet, records.EVENT_THERMAL, "a thermal event"))
        case records.EventKind.COOLING:
            return _cooling(_body(packet, records.EVENT_COOLING, "a cooling event"))
        case records.EventKind.SOCKET_CLOSED:
            closed = _body(packet, records.EVENT_SOCKET_CLOSED, "an event of a closed connection")
            return SocketClosed(np.array([closed["socket"]], SOCKET))
        case _:
            return None


def _text(octets: bytes) -> str:
    return octets.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _celsius(thousandths: int) -> float | None:
    """None for THERMAL_TEMP_INVALID, the kernel's word for a zone that has no reading (include/linux/thermal.h)."""
    return None if thousandths <= records.NO_TEMPERATURE_MC else thousandths / 1000


def _exit(event: np.void) -> ProcessExit:
    has_io = not int(event["missing"]) & Missing.IO
    return ProcessExit(
        boottime_ns=int(event["head"]["boottime_ns"]),
        pid=int(event["pid"]),
        parent_pid=int(event["parent_pid"]),
        uid=int(event["uid"]),
        start_ns=int(event["start_ns"]),
        run_ns=int(event["run_ns"]),
        exit_code=None if int(event["missing"]) & Missing.EXIT_CODE else int(event["exit_code"]),
        comm=_text(event["comm"]),
        read_bytes=int(event["read_bytes"]) if has_io else None,
        write_bytes=int(event["write_bytes"]) if has_io else None,
    )


def _oom_kill(event: np.void) -> OomKill | OomVictim:
    if int(event["missing"]) & Missing.IDENTITY:
        return OomVictim(int(event["head"]["boottime_ns"]), int(event["pid"]))
    return OomKill(
        boottime_ns=int(event["head"]["boottime_ns"]),
        pid=int(event["pid"]),
        uid=int(event["uid"]),
        start_ns=int(event["start_ns"]),
        rss_bytes=int(event["rss_bytes"]),
        comm=_text(event["comm"]),
    )


def _thermal(event: np.void) -> ThermalEvent:
    is_trip = int(event["head"]["kind"]) == records.EventKind.TRIP
    trip_type = int(event["trip_type"])
    return ThermalEvent(
        boottime_ns=int(event["head"]["boottime_ns"]),
        zone_id=int(event["zone_id"]),
        zone_type=_text(event["zone_type"]),
        temperature_c=_celsius(int(event["temperature_mc"])),
        last_temperature_c=_celsius(int(event["last_temperature_mc"])),
        trip_index=int(event["trip_index"]) if is_trip else None,
        trip_type=_TRIP_TYPES[trip_type] if is_trip and 0 <= trip_type < len(_TRIP_TYPES) else None,
    )


def _cooling(event: np.void) -> CoolingEvent:
    return CoolingEvent(
        boottime_ns=int(event["head"]["boottime_ns"]),
        device_id=int(event["device_id"]),
        device_type=_text(event["device_type"]),
        target_state=int(event["target_state"]),
        max_state=int(event["max_state"]),
    )
