"""What every probe does with its object: constants, load, attach, cost, close.

A default probe is a part of one object (`parts.py`) and may be loaded together with others; all others have an object
of their own, of the probe's name.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.loaders.fdinfo import fdinfo
from helper.loaders.together import Loaded
from helper.probes.map_sizes import entries_for
from helper.probes.parts import PARTS, load_parts
from helper.probes.probe import ProbeCost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helper.loaders.libbpf import BpfObject, Libbpf

INITIAL_PID_NAMESPACE: Final = 0xEFFFFFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
CONSTANTS: Final = struct.Struct("@III")  # struct st_constants, bpf/settings.h
OWN_PID_NAMESPACE: Final = Path("/proc/self/ns/pid")
NO_MAPS: Final[Mapping[str, int]] = MappingProxyType({})
COUNTING_RUNS: Final = Path("/proc/sys/kernel/bpf_stats_enabled")


def load(
    door: Libbpf, name: str, optional: Sequence[str] = (), shared_maps: Mapping[str, int] = NO_MAPS
) -> tuple[BpfObject, dict[str, LoaderError]]:
    """Loads and attaches a probe's programs; `shared_maps` (name to descriptor) are maps of another object.

    One bad program makes libbpf give up the whole object: if that happens and there are optional programs, each is
    tried alone and those that fail are left out. An optional one that can't be attached stays loaded and never runs.
    Returns the object, and why each program that doesn't run doesn't.
    Raises LoaderError, and leaves nothing behind, if the rest fails, or if no program is left.
    """
    if name in PARTS and door.has_parts:
        return _load_part(door, name, shared_maps)
    try:
        return _load(door, name, (), shared_maps, optional)
    except LoaderError as reason:
        if not optional or reason.step != "load":
            raise
        failed = {program: error for program in optional if (error := _try_alone(door, name, program, optional))}
        if not failed:
            raise
        rest, unattached = _load(door, name, tuple(failed), shared_maps, optional)
        if rest.fds()[0]:
            return rest, failed | unattached
        rest.close()
        raise


def _load_part(door: Libbpf, name: str, shared_maps: Mapping[str, int]) -> tuple[BpfObject, dict[str, LoaderError]]:
    """Takes what was loaded with another probe's part, or loads it with all that are planned and not loaded yet.

    Loaded again, once, if a program at the return of a function can't be attached.
    """
    company = door.together.company_of(name)
    outcome = door.together.take(name)
    if isinstance(outcome, Loaded) and not all(_is_same(outcome.bpf_object, *each) for each in shared_maps.items()):
        outcome.bpf_object.close()  # loaded before the map was made that it must share
        outcome = None
    if outcome is None:
        loaded = load_parts(door, [name, *company], constants(door), shared_maps)
        outcome = loaded.pop(name)
        door.together.put(loaded)
    if isinstance(outcome, LoaderError):
        raise outcome
    try:
        failed = outcome.bpf_object.attach(PARTS[name].optional)
    except LoaderError:
        outcome.bpf_object.close()
        raise
    refused = [failed[program] for program in PARTS[name].exits if program in failed]
    if refused:
        outcome.bpf_object.close()
        door.function_exits.rule_out(refused[0])
        return _load_part(door, name, shared_maps)
    return outcome.bpf_object, {**outcome.missing, **failed}


def _is_same(bpf_object: BpfObject, map_name: str, fd: int) -> bool:
    return fdinfo(bpf_object.map_fd(map_name))["map_id"] == fdinfo(fd)["map_id"]


def _try_alone(door: Libbpf, name: str, program: str, optional: Sequence[str]) -> LoaderError | None:
    try:
        _load(door, name, tuple(other for other in optional if other != program), NO_MAPS, ())[0].close()
    except LoaderError as reason:
        return reason
    return None


def _load(
    door: Libbpf, name: str, leave_out: Sequence[str], shared_maps: Mapping[str, int], optional: Sequence[str]
) -> tuple[BpfObject, dict[str, LoaderError]]:
    """The object, and why optional programs aren't attached; LoaderError if none is."""
    bpf_object = door.open(name)
    try:
        bpf_object.resize(entries_for(door.machine))
        bpf_object.set_constants(".rodata.constants", constants(door))
        for map_name, fd in shared_maps.items():
            bpf_object.reuse_map(map_name, fd)
        for program in leave_out:
            bpf_object.leave_out(program)
        bpf_object.load()
        unattached = bpf_object.attach(optional)
        if unattached and not bpf_object.is_attached:
            raise next(iter(unattached.values()))
    except LoaderError:
        bpf_object.close()
        raise
    return bpf_object, unattached


def constants(door: Libbpf) -> bytes:
    """`struct st_constants`: the inode of our pid namespace (0: the initial one), page size, what the kernel has."""
    inode = OWN_PID_NAMESPACE.stat().st_ino
    return CONSTANTS.pack(0 if inode == INITIAL_PID_NAMESPACE else inode, mmap.PAGESIZE, door.accept_takes_struct)


def cost_of(bpf_object: BpfObject) -> ProbeCost:
    """Read from /proc/self/fdinfo (bpf_prog_show_fdinfo and bpf_map_show_fdinfo, kernel/bpf/syscall.c)."""
    programs, maps = bpf_object.fds()
    shown = [fdinfo(fd) for fd in programs]
    in_maps = sum(fdinfo(fd).get("memlock", 0) for fd in maps)
    memory = in_maps + sum(each.get("memlock", 0) for each in shown)
    if not _runs_are_counted():
        return ProbeCost(None, None, memory, in_maps)
    runs, run_ns = (sum(each[key] for each in shown) for key in ("run_cnt", "run_time_ns"))
    return ProbeCost(runs, run_ns, memory, in_maps)


def _runs_are_counted() -> bool:
    try:
        return COUNTING_RUNS.read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False
