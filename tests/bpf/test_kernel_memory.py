"""What the probes say they hold in the kernel, against what the kernel says of this process's descriptors.

And what was reckoned of their maps before anything was loaded, against the same.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.loaders.choice import Choice
from helper.loaders.fdinfo import fdinfo
from helper.loaders.libbpf import CONSTANTS_SECTION
from helper.probes.estimates import estimates_of
from helper.probes.map_sizes import entries_for
from helper.probes.parts import AT_DATAGRAMS, OBJECT, PARTS
from helper.probes.process_events import EXITED, KEY, ProcessEvents
from helper.probes.program import constants
from helper.sampler.assembly import Assembly, assemble
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf

OWN = Path("/proc/self/fdinfo")
BOUND_BYTES = 8 << 20


@pytest.fixture
def assembly(objects: Path) -> Iterator[Assembly]:
    made = assemble(objects, ROOT / "bpf" / "bcc", Choice("core", ""))
    yield made
    made.probes.close()


def held() -> dict[tuple[str, int], int]:
    """memlock of each map and program that this process holds, once however many descriptors it has."""
    found = {}
    for entry in OWN.iterdir():
        try:
            text = entry.read_text(encoding="ascii")
        except FileNotFoundError:  # the folder's own descriptor
            continue
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        for kind in ("map_id", "prog_id"):
            if kind in fields and "memlock" in fields and f"{kind[:-3]}_type" in fields:
                found[kind, int(fields[kind])] = int(fields["memlock"])
    return found


def open_all(made: Assembly, kinds: int) -> None:
    for slot in made.probes.slots:
        if slot.kinds & kinds:
            slot.open()


def test_the_memory_that_is_told_is_what_the_kernel_counts_within_five_percent(assembly: Assembly) -> None:
    before = held()
    open_all(assembly, 2**32 - 1)
    new = {key: size for key, size in held().items() if key not in before}
    assert len(new) > 30
    assert assembly.probes.memory_bytes() == pytest.approx(sum(new.values()), rel=0.05)
    assert sum(new.values()) < BOUND_BYTES


def test_what_nobody_asks_for_holds_no_map_and_no_program(assembly: Assembly) -> None:
    before = held().keys()
    open_all(assembly, 1)  # ST_KIND_TASKS
    some = held().keys() - before
    open_all(assembly, 2**32 - 1)
    every = held().keys() - before
    assert 0 < len(some) < len(every) / 2


def told_of_each_map(door: Libbpf, name: str) -> dict[str, int]:
    """memlock of the maps of an object that is loaded and not attached: nothing is in them yet."""
    bpf_object = door.open(name)
    try:
        bpf_object.resize(entries_for(door.machine))
        bpf_object.set_constants(CONSTANTS_SECTION, constants(door))
        for program in AT_DATAGRAMS:  # some kernels refuse these; they have no map of their own
            bpf_object.leave_out(program)
        bpf_object.load()
        return {shape.name: fdinfo(bpf_object.map_fd(shape.name))["memlock"] for shape in bpf_object.shapes()}
    finally:
        bpf_object.close()


def test_the_maps_of_every_probe_take_what_was_reckoned_before_loading_within_five_percent(
    door: Libbpf, assembly: Assembly
) -> None:
    names = [slot.probe.name for slot in assembly.probes.slots if slot.probe.name != "energy"]  # it has no program
    reckoned = estimates_of(door, names)
    assert sorted(reckoned) == sorted(names)
    of_parts = told_of_each_map(door, OBJECT)
    for name in names:
        told = of_parts if name in PARTS else told_of_each_map(door, name)
        maps = PARTS[name].maps if name in PARTS else told
        assert sum(told[each] for each in maps) == pytest.approx(reckoned[name].fresh_bytes, rel=0.05), name


def test_a_table_that_is_full_takes_what_was_reckoned_for_a_full_one(small_door: Libbpf) -> None:
    probe = ProcessEvents(small_door)
    full = estimates_of(small_door, [probe.name])[probe.name].full_bytes
    probe.open()
    try:
        update, fd = small_door.calls.bpf_map_update_elem, probe._rollups._fd
        added = 0
        while not update(fd, KEY.pack(1 << 30, 1, added, b"", 0, 0), bytes(EXITED.size), ctypes.c_uint64(0)):
            added += 1
            assert added < 4 * probe._rollups.entries
        assert probe.cost().map_bytes == pytest.approx(full, rel=0.05)
    finally:
        probe.close()


def test_estimates_are_told_on_the_bus_beside_what_the_kernel_tells(assembly: Assembly) -> None:
    before = {str(name): told for name, _, told, _ in assembly.probes.memory_rows()}
    assert set(before.values()) == {0}
    open_all(assembly, 1)  # ST_KIND_TASKS
    after = {str(name): (reckoned, told) for name, reckoned, told, _ in assembly.probes.memory_rows()}
    reckoned, told = after["task_snapshot"]
    assert told == pytest.approx(reckoned, rel=0.05)
    assert after["block_io"][1] == 0
