"""What each probe's maps will take, told before anything is in the kernel: the objects are opened, never loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helper.loaders.errors import LoaderError
from helper.loaders.map_memory import MapMemory, MapShape, estimate
from helper.probes.map_sizes import entries_for
from helper.probes.parts import OBJECT, PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helper.loaders.libbpf import Libbpf
    from helper.loaders.together import Part


def estimates_of(door: Libbpf, names: Sequence[str]) -> dict[str, MapMemory]:
    """By the probe's name; one whose object can't be opened, or whose loader compiles it, is left out."""
    if not door.has_parts:
        return {}
    return {name: estimate(found, door.machine) for name, found in _shapes(door, names).items()}


def _shapes(door: Libbpf, names: Sequence[str]) -> dict[str, tuple[MapShape, ...]]:
    found = {}
    for name in {OBJECT, *names} - PARTS.keys():
        try:
            bpf_object = door.open(name)
        except LoaderError:
            continue
        try:
            bpf_object.resize(entries_for(door.machine))
            found[name] = bpf_object.shapes()
        finally:
            bpf_object.close()
    shared = found.pop(OBJECT, ())
    parts = [PARTS[name] for name in names if name in PARTS and shared]
    return found | {part.name: tuple(shape for shape in shared if shape.name in _made(door, part)) for part in parts}


def _made(door: Libbpf, part: Part) -> set[str]:
    """Its maps, but for those of programs that aren't loaded on this kernel."""
    return set(part.maps) - (set() if door.function_exits.refusal else set(part.instead_maps))
