"""What is done to a loaded object by hand: a program run with a context of our choice, a ring that is full."""

from __future__ import annotations

import ctypes
import mmap
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from helper.loaders.fdinfo import fdinfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf


POSITION: Final = struct.Struct("@Q")


@contextmanager
def full_ring(fd: int) -> Iterator[None]:
    """To the kernel the ring buffer is full until the block ends, as where its reader has read nothing for long.

    The first page has the reader's position, which is the reader's to write, the second the writers' (bpf_ringbuf,
    kernel/bpf/ringbuf.c). Nothing may be read meanwhile.
    """
    with (
        mmap.mmap(fd, mmap.PAGESIZE) as readers,
        mmap.mmap(fd, mmap.PAGESIZE, prot=mmap.PROT_READ, offset=mmap.PAGESIZE) as writers,
    ):
        (read_until,) = POSITION.unpack_from(readers)
        (written_until,) = POSITION.unpack_from(writers)
        POSITION.pack_into(readers, 0, (written_until - fdinfo(fd)["max_entries"]) % 2**64)
        try:
            yield
        finally:
            POSITION.pack_into(readers, 0, read_until)


class _Options(ctypes.Structure):
    """`struct bpf_test_run_opts` of libbpf's bpf.h, up to retval and with room for the rest."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_sizes", ctypes.c_uint32 * 2),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("rest", ctypes.c_uint32 * 5),
    )


def run_program(door: Libbpf, program_fd: int, context: ctypes.Array[ctypes.c_uint64]) -> int:
    """What the program returned. Raises LoaderError if the kernel did not run it."""
    size = ctypes.sizeof(_Options)
    options = _Options(sz=size, ctx_in=ctypes.addressof(context), ctx_size_in=ctypes.sizeof(context))
    call = door.calls.bpf_prog_test_run_opts
    call.argtypes, call.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_int
    door.check("a test run", "run", call(program_fd, ctypes.addressof(options)))
    return int(options.retval)
