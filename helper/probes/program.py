"""What every probe does with its object: constants, load, attach, cost, close."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import BpfObject, Libbpf
from helper.probes.probe import ProbeCost

INITIAL_PID_NAMESPACE: Final = 0xEFFFFFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
CONSTANTS: Final = struct.Struct("@II")  # struct st_constants, bpf/settings.h
OWN_PID_NAMESPACE: Final = Path("/proc/self/ns/pid")
COUNTING_RUNS: Final = Path("/proc/sys/kernel/bpf_stats_enabled")


def load(door: Libbpf, name: str, leave_out: tuple[str, ...] = (), entries: dict[str, int] | None = None) -> BpfObject:
    """Loads and attaches an object of the package; raises LoaderError and leaves nothing behind."""
    bpf_object = door.open(name)
    try:
        bpf_object.set_constants(".rodata.constants", constants())
        for map_name, count in (entries or {}).items():
            bpf_object.set_entries(map_name, count)
        for program in leave_out:
            bpf_object.leave_out(program)
        bpf_object.load()
        bpf_object.attach()
    except LoaderError:
        bpf_object.close()
        raise
    return bpf_object


def constants() -> bytes:
    """`struct st_constants` of this process: the inode of its pid namespace (0: the initial one) and the page size."""
    inode = OWN_PID_NAMESPACE.stat().st_ino
    return CONSTANTS.pack(0 if inode == INITIAL_PID_NAMESPACE else inode, mmap.PAGESIZE)


def cost_of(bpf_object: BpfObject) -> ProbeCost:
    """Read from /proc/self/fdinfo (bpf_prog_show_fdinfo and bpf_map_show_fdinfo, kernel/bpf/syscall.c)."""
    programs, maps = bpf_object.fds()
    shown = [_fdinfo(fd) for fd in programs]
    memory = sum(each.get("memlock", 0) for each in [*shown, *map(_fdinfo, maps)])
    if not _runs_are_counted():
        return ProbeCost(None, None, memory)
    return ProbeCost(sum(each["run_cnt"] for each in shown), sum(each["run_time_ns"] for each in shown), memory)


def _runs_are_counted() -> bool:
    try:
        return COUNTING_RUNS.read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


def _fdinfo(fd: int) -> dict[str, int]:
    text = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
    pairs = (line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {key: int(value) for key, value in pairs if value.strip().isdigit()}
