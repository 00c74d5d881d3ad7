"""A frame: one tick's readings in a sealed memfd, written once and handed to every reader of the same class.

Sealed against writing, growing and shrinking, so a reader may map it without fear that it changes: memfd_create(2).
"""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from helper.sampler.packets import Section, frame_header

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one visibility class sees at one moment. The rows lie in a shared buffer, valid until the next one."""

    sections: tuple[Section, ...]
    boottime_ns: int
    snapshot_ns: int


@dataclass(frozen=True, slots=True)
class Frame:
    """`rights`: the descriptor as sendmsg(2) passes it on."""

    descriptor: int
    byte_count: int
    rights: Sequence[tuple[int, int, bytes]]


@contextmanager
def sealed_frame(snapshot: Snapshot, period_ms: int) -> Iterator[Frame]:
    """The frame of `snapshot` in a sealed memfd; our copy of the descriptor is closed at the end.

    The descriptor comes from an open(2) of its own: kept_frames.py says why.
    """
    header = frame_header(snapshot.sections, period_ms, snapshot.boottime_ns, snapshot.snapshot_ns)
    pieces = [memoryview(header), *(memoryview(section.rows) for section in snapshot.sections)]
    byte_count = sum(map(len, pieces))
    made = os.memfd_create("smoothtask-frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        descriptor = os.open(f"/proc/self/fd/{made}", os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.close(made)
    try:
        if os.writev(descriptor, pieces) != byte_count:
            raise OSError(f"a frame of {byte_count} bytes was not written whole")
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        yield Frame(descriptor, byte_count, _rights(descriptor))
    finally:
        os.close(descriptor)


def _rights(descriptor: int) -> list[tuple[int, int, bytes]]:
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("@i", descriptor))]
