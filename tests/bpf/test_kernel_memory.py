"""What the probes say they hold in the kernel, against what the kernel says of this process's descriptors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.loaders.choice import Choice
from helper.sampler.assembly import Assembly, assemble
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

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
