"""What the tests of the activity probes share: opened probes, and their tables by the members' names."""

from __future__ import annotations

import platform
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from smoothtask_gui.sources.activity import STRUCTS, ActivitySection
from tests.bpf.machine import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from helper.probes.activity import ActivityProbe
    from helper.probes.visibility import Visibility

DTYPES: Final = {
    ActivitySection.RECLAIM: STRUCTS["st_reclaim"],
    ActivitySection.CPU_FREQUENCY: STRUCTS["st_cpu_frequency"],
    ActivitySection.RUN_QUEUE: STRUCTS["st_run_queue"],
    ActivitySection.CALLERS: STRUCTS["st_caller"],
    ActivitySection.SYSCALLS: STRUCTS["st_syscall"],
    ActivitySection.FILE_USERS: STRUCTS["st_file_user"],
    ActivitySection.FILE_SYSTEMS: STRUCTS["st_file_system"],
    ActivitySection.GPU_USERS: STRUCTS["st_gpu_user"],
    ActivitySection.GPU_WAITERS: STRUCTS["st_gpu_waiter"],
    ActivitySection.GPU_MEMORY: STRUCTS["st_gpu_memory"],
}


MACHINE_CODE: Final = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7); code.write(bytes.fromhex(sys.argv[1]))
call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
"""
"""For a child: call(number) runs what its first argument has in hexadecimal."""


def code_of_32_bit_call(instructions: str) -> str:
    """`instructions` of x86, then int 0x80, by which a 64-bit process makes a 32-bit call; ebx is put back."""
    if platform.machine() != "x86_64":
        pytest.skip("a 64-bit process can't make a 32-bit call here")
    return f"53 {instructions} cd80 5b c3"


@contextmanager
def opened(probe: ActivityProbe) -> Iterator[ActivityProbe]:
    probe.open()
    try:
        yield probe
    finally:
        probe.close()


def table(
    probe: ActivityProbe, section: ActivitySection, visibility: Visibility = EVERYTHING
) -> npt.NDArray[np.void] | None:
    """The rows of one section as this viewer gets them; None if he gets no such section."""
    for found in (each.seen_by(visibility) for each in probe.tables()):
        if found is not None and found.section == section:
            assert found.record_bytes == DTYPES[section].itemsize
            return np.frombuffer(found.rows, DTYPES[section])
    return None


def rows_of(rows: npt.NDArray[np.void] | None, pid: int) -> npt.NDArray[np.void]:
    assert rows is not None
    return rows[rows["actor"]["pid"] == pid]


def row_of(rows: npt.NDArray[np.void] | None, pid: int) -> np.void:
    found = rows_of(rows, pid)
    assert len(found) == 1, f"{len(found)} rows of process {pid}"
    return found[0]
