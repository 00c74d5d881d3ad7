"""Reading one pass of an iterator, in whole rows, straight into the caller's memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from helper.loaders.errors import LoaderError
from helper.probes.probe import Reading

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject


def read_pass(bpf_object: BpfObject, program: str, room: memoryview, row_bytes: int) -> Reading:
    """Fills `room` (writable, of bytes) with whole rows of one new pass.

    Where rows don't fit, the pass is still made to its end: its program may do more than write rows.
    Raises LoaderError (step read) if the kernel ends the pass early.
    """
    room = room[: len(room) // row_bytes * row_bytes]
    fd = bpf_object.new_iteration(program)
    try:
        filled = 0
        while filled < len(room):
            count = _read(fd, room[filled:])
            if not count:
                return Reading(filled, truncated=False)
            filled += count
        rest = memoryview(bytearray(row_bytes * 64))
        truncated = False
        while _read(fd, rest):
            truncated = True
        return Reading(filled, truncated)
    except OSError as reason:
        raise LoaderError(program, "read", reason.errno or 0) from reason
    finally:
        os.close(fd)


def _read(fd: int, room: memoryview) -> int:
    """EAGAIN is how bpf_seq_read() (kernel/bpf/bpf_iter.c) takes a breath after a million objects without a row."""
    while True:
        try:
            return os.readv(fd, [room])
        except BlockingIOError:
            continue
