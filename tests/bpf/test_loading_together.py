"""All default probes in one load: one refused program costs its own probe, and no other."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes import (
    BlockIo,
    OomEvents,
    ProcessEvents,
    SocketEvents,
    SocketMemory,
    SocketOwners,
    Sockets,
    TaskSnapshot,
    ThermalEvents,
)
from helper.probes.parts import PARTS
from tests.bpf.altered import altered
from tests.bpf.machine import EVERYTHING, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.probes.probe import Probe

OUTSIDE_THE_CONTEXT = "if (bpf_ktime_get_boot_ns() & 1) return ((int *)ctx)[4000];"


def all_probes(door: Libbpf, memory: SocketMemory) -> list[Probe]:
    alone = [kind(door) for kind in (TaskSnapshot, ProcessEvents, OomEvents, ThermalEvents, BlockIo)]
    return [*alone, *(kind(door, memory) for kind in (SocketEvents, Sockets, SocketOwners))]


@pytest.fixture
def memory() -> Iterator[SocketMemory]:
    memory = SocketMemory()
    yield memory
    memory.close()


def outcomes(door: Libbpf, memory: SocketMemory) -> dict[str, LoaderError | None]:
    """Opens all probes as planned together, closes them; why each failed."""
    door.together.plan(PARTS)
    found: dict[str, LoaderError | None] = {}
    for probe in all_probes(door, memory):
        try:
            probe.open()
            found[probe.name] = None
            assert probe.cost().memory_bytes > 0
        except LoaderError as reason:
            found[probe.name] = reason
        probe.close()
    door.together.close()
    return found


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_all_default_probes_run_and_leave_nothing_behind(objects: Path, memory: SocketMemory) -> None:
    before = descriptors()
    assert outcomes(Libbpf(objects), memory) == dict.fromkeys(PARTS)
    memory.close()
    assert descriptors() == before


def test_the_kernel_s_type_information_is_read_once_for_all(objects: Path, memory: SocketMemory) -> None:
    door = Libbpf(objects)
    opened: list[str] = []
    whole = door.open
    door.open = lambda name: opened.append(name) or whole(name)  # type: ignore[method-assign, func-returns-value]
    outcomes(door, memory)
    assert opened == ["default"]


@pytest.mark.parametrize(
    ("signature", "probe"),
    [
        ("int report_oom_kill(u64 *ctx)\n{", "oom_events"),
        ("int udp_sockets(struct bpf_iter__udp *ctx)\n{", "sockets"),
    ],
)
def test_a_program_that_the_verifier_rejects_costs_its_own_probe_only(
    tmp_path: Path, memory: SocketMemory, signature: str, probe: str
) -> None:
    found = outcomes(altered(tmp_path, signature, f"{signature} {OUTSIDE_THE_CONTEXT}"), memory)
    reason = found.pop(probe)
    assert list(found.values()) == [None] * (len(PARTS) - 1)
    assert reason is not None
    assert "the kernel's verifier rejected the program" in str(reason)
    assert str(reason).startswith(f"{probe}: ")
    assert "invalid bpf_context access" in reason.log_tail


def test_a_program_that_the_verifier_rejects_is_replaced_by_the_one_that_does_the_same(
    tmp_path: Path, memory: SocketMemory
) -> None:
    signature = "int walk_tasks(struct bpf_iter__bpf_map_elem *ctx)\n{"
    door = altered(tmp_path, signature, f"{signature} {OUTSIDE_THE_CONTEXT}")
    assert outcomes(door, memory) == dict.fromkeys(PARTS)
    snapshot = TaskSnapshot(door)
    snapshot.open()
    assert len(take(snapshot, EVERYTHING)) > 0
    assert "invalid bpf_context access" in snapshot.missing_programs.pop("walk_tasks").log_tail
    assert not snapshot.missing_programs
    snapshot.close()


def test_a_probe_whose_programs_are_rejected_one_and_all_costs_nobody_else_anything(
    tmp_path: Path, memory: SocketMemory
) -> None:
    line = "if (row->start_ns >= snapshot_settings.born_before_ns)"
    found = outcomes(altered(tmp_path, line, f"void *ctx = task; {OUTSIDE_THE_CONTEXT} {line}"), memory)
    reason = found.pop("task_snapshot")
    assert list(found.values()) == [None] * (len(PARTS) - 1)
    assert "the kernel's verifier rejected the program" in str(reason)


def test_where_a_kernel_has_no_tracepoints_each_probe_of_them_says_so_and_the_iterators_run(
    tmp_path: Path, memory: SocketMemory
) -> None:
    found = outcomes(altered(tmp_path, '"tp_btf/', '"tp_btf/no_'), memory)
    failed = {name: str(reason) for name, reason in found.items() if reason is not None}
    assert set(failed) == {"process_events", "oom_events", "thermal_events", "socket_events", "block_io"}
    assert all("no such tracepoint" in said and said.startswith(name) for name, said in failed.items())


def test_a_map_that_the_kernel_refuses_costs_only_the_probes_that_use_it(tmp_path: Path, memory: SocketMemory) -> None:
    wrong = "__uint(map_flags, 1 << 20);\n\t__type(key, struct rollup_key)"
    door = altered(tmp_path, "__uint(map_flags, BPF_F_NO_PREALLOC);\n\t__type(key, struct rollup_key)", wrong)
    found = outcomes(door, memory)
    reason = found.pop("process_events")
    assert list(found.values()) == [None] * (len(PARTS) - 1)
    assert reason is not None
    assert reason.errno == errno.EINVAL


def test_without_the_object_every_probe_says_so(tmp_path: Path, memory: SocketMemory) -> None:
    found = outcomes(Libbpf(tmp_path), memory)
    assert all(str(reason).startswith(f"{name}: the object file is not there") for name, reason in found.items())


def test_a_probe_opened_again_is_loaded_by_itself_while_the_others_run(objects: Path, memory: SocketMemory) -> None:
    door = Libbpf(objects)
    door.together.plan(PARTS)
    probes = all_probes(door, memory)
    for probe in probes:
        probe.open()
    snapshot = probes[0]
    assert isinstance(snapshot, TaskSnapshot)
    snapshot.close()
    snapshot.open()
    assert len(take(snapshot, EVERYTHING)) > 0
    for probe in probes:
        probe.close()


def test_every_program_and_map_of_the_object_belongs_to_a_probe(door: Libbpf) -> None:
    bpf_object = door.open("default")
    programs = {name for name, _ in bpf_object._programs()}
    maps = {name for name, _ in bpf_object._maps()}
    bpf_object.close()
    parts = [part for each in PARTS.values() for part in (each, each.fallback) if part]
    assert programs == {name for part in parts for name in part.programs}
    assert maps - {".rodata.constants"} == {name for part in parts for name in part.maps}
