"""Which programs and maps of bpf/default.bpf.c belong to which probe, and how several probes are loaded at once.

One refused program makes libbpf give up a whole object. So its log is searched for the culprit, the culprit's probe (or
the program alone, where it is optional) is left out, and the rest is loaded again: at most once for each program. Where
the log names nobody, each probe is loaded by itself. Programs at the return of kernel functions are left out all at
once, from the start where the kernel is known to take none (helper/loaders/function_exits.py); others run instead.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import VERIFIER_LOG, LoaderError
from helper.loaders.together import Loaded, Part
from helper.probes.map_sizes import entries_for
from helper.probes.message_programs import AT_MESSAGES, RUNS_MAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from helper.loaders.function_exits import FunctionExits
    from helper.loaders.libbpf import BpfObject, Libbpf

OBJECT: Final = "default"
SOCKET_MEMORIES: Final = "socket_memories"
AT_DATAGRAMS: Final = ("udp4_sent", "udp4_received", "udp6_sent", "udp6_received", "accepted")
_TASK_BY_TASK: Final = Part("task_snapshot", ("task_snapshot",), (".data.task_snapshot",))
_ALL: Final = (
    Part(
        "task_snapshot",
        ("walk_tasks",),
        (".data.task_snapshot", "task_rows"),
        iterated=(("walk_tasks", ".data.task_snapshot"),),
        calls=b"bpf_iter_task_new",
        fallback=_TASK_BY_TASK,
    ),
    Part(
        "process_events",
        ("count_fork", "count_exec", "remember_identity", "count_exit", "count_unreaped"),
        (".data.process_events", "identities", "rollups", "process_events_ring", "counters"),
    ),
    Part("oom_events", ("report_oom_kill",), (".data.oom_events", "oom_events_ring")),
    Part(
        "thermal_events",
        ("report_temperature", "report_trip", "report_cooling"),
        (".data.thermal_events", "thermal_events_ring"),
        optional=("report_temperature", "report_trip", "report_cooling"),
    ),
    Part(
        "sockets",
        ("tcp_sockets", "udp_sockets", "remembered_sockets"),
        (".data.sockets", SOCKET_MEMORIES, "known_sockets"),
        optional=("remembered_sockets",),
        iterated=(("remembered_sockets", SOCKET_MEMORIES),),
    ),
    Part("socket_owners", ("socket_owners",), (".data.socket_owners", SOCKET_MEMORIES)),
    Part(
        "socket_events",
        ("follow_connection", "credit_closer", *AT_DATAGRAMS, *AT_MESSAGES),
        (".data.socket_events", SOCKET_MEMORIES, "socket_events_ring", "traffic", RUNS_MAP),
        optional=(*AT_DATAGRAMS, *AT_MESSAGES),
        exits=AT_DATAGRAMS,
        instead=AT_MESSAGES,
        instead_maps=(RUNS_MAP,),
    ),
    Part("block_io", ("count_request",), (".data.block_io", "disks")),
)
PARTS: Final = {part.name: part for part in _ALL}
_NAMED: Final = re.compile(r"(?:prog|map) '([^']+)'")  # how libbpf names who it speaks of


def load_parts(
    door: Libbpf, names: Sequence[str], constants: bytes, shared_maps: Mapping[str, int]
) -> dict[str, Loaded | LoaderError]:
    """Loads these probes' parts, nothing attached; what became of each. Parts that failed leave nothing behind."""
    failed: dict[str, LoaderError] = {}
    outcomes: dict[str, Loaded | LoaderError] = {}
    chosen = {name: _fitting(door, PARTS[name]) for name in names}
    while wanted := [chosen[name] for name in names if name not in outcomes]:
        refusal = door.function_exits.refusal
        spared = [name for part in wanted for name in (part.exits if refusal else part.instead + part.instead_maps)]
        left_out = failed | (dict.fromkeys(spared, refusal) if refusal else {})
        bare = [part for part in wanted if not set(part.programs) - set(left_out)]
        outcomes |= {part.name: _named(part, left_out[part.programs[0]]) for part in bare}
        if bare:
            continue
        try:
            whole = _load(door, wanted, (*left_out, *spared), constants, shared_maps)
        except LoaderError as reason:
            given_up = _blame(reason, wanted, failed, door.function_exits)
            replaced = _replaced(reason, given_up, chosen)
            failed |= {program: given_up[name] for name in replaced for program in chosen[name].programs}
            chosen |= replaced
            outcomes |= {name: error for name, error in given_up.items() if name not in replaced}
            if not _culprits(reason, wanted) and not _is_for_all(reason, wanted):
                alone = [load_parts(door, [part.name], constants, shared_maps) for part in wanted]
                return outcomes | {name: found for each in alone for name, found in each.items()}
            continue
        for part in wanted:
            tried = {*part.programs, *PARTS[part.name].programs}
            missing = {program: left_out[program] for program in tried & left_out.keys()}
            outcomes[part.name] = Loaded(whole.part(part), missing)
        whole.close()
    return outcomes


def _fitting(door: Libbpf, part: Part) -> Part:
    return part.fallback if part.fallback and part.calls and not door.lends(part.calls) else part


def _replaced(reason: LoaderError, given_up: Iterable[str], chosen: Mapping[str, Part]) -> dict[str, Part]:
    """What is tried in the place of parts that are given up."""
    if _is_forbidden(reason):
        return {}
    return {name: fallback for name in given_up if (fallback := chosen[name].fallback)}


def _load(
    door: Libbpf, parts: Sequence[Part], left_out: Sequence[str], constants: bytes, shared_maps: Mapping[str, int]
) -> BpfObject:
    bpf_object = door.open(OBJECT)
    try:
        bpf_object.keep_only(parts)
        bpf_object.resize(entries_for(door.machine))
        bpf_object.set_constants(".rodata.constants", constants)
        for map_name, fd in shared_maps.items():
            bpf_object.reuse_map(map_name, fd)
        for program in left_out:
            bpf_object.leave_out(program)
        bpf_object.load()
    except LoaderError:
        bpf_object.close()
        raise
    return bpf_object


def _is_for_all(reason: LoaderError, wanted: Sequence[Part]) -> bool:
    """Whether trying again with less is in vain: no file, no right, or nobody else to blame."""
    return _is_forbidden(reason) or len(wanted) == 1


def _is_forbidden(reason: LoaderError) -> bool:
    """Whether it is none of the programs that the kernel refuses."""
    refused = reason.errno == errno.EPERM and VERIFIER_LOG not in reason.log_tail
    return reason.step != "load" or refused


def _culprits(reason: LoaderError, wanted: Sequence[Part]) -> list[tuple[Part, str]]:
    """Whose program or map libbpf named last, and its name."""
    for name in reversed(_NAMED.findall(reason.log_tail)):
        found = [(part, name) for part in wanted if name in part.programs or name in part.maps]
        if found:
            return found
    return []


def _blame(
    reason: LoaderError, wanted: Sequence[Part], failed: dict[str, LoaderError], exits: FunctionExits
) -> dict[str, LoaderError]:
    """The parts that are given up; an optional program is put in `failed` instead, or rules out the `exits`."""
    culprits = _culprits(reason, wanted)
    if not exits.refusal and any(name in part.exits for part, name in culprits):
        exits.rule_out(reason)
        return {}
    optional = [(part, name) for part, name in culprits if name in part.optional and name not in failed]
    if optional:
        failed |= {name: _named(part, reason) for part, name in optional}
        return {}
    given_up = wanted if _is_for_all(reason, wanted) else [part for part, _ in culprits]
    return {part.name: _named(part, reason) for part in given_up}


def _named(part: Part, reason: LoaderError) -> LoaderError:
    """The same failure, told of the probe that people know."""
    return LoaderError(part.name, reason.step, reason.errno, reason.log_tail, reason.hint)
