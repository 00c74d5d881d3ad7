"""Running a loaded program by hand, with a context of our choice (BPF_PROG_TEST_RUN)."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helper.loaders.libbpf import Libbpf


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
