"""Probes that are loaded in one go: libbpf reads the kernel's type information, 9 ms, once for each load.

A `Part` says what of an object belongs to which probe. `Together` remembers which probes will be opened soon after
each other, and what came of loading them until each asks for its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helper.loaders.errors import LoaderError
    from helper.loaders.libbpf import BpfObject


@dataclass(frozen=True, slots=True)
class Part:
    """A probe's share of an object. Programs that are `optional` may be missing; a map may belong to several parts.

    `iterated`: programs that walk over a map's entries, and the map. `exits`: those at the return of kernel functions,
    of which either all run or none; what runs in their place is `instead`, which alone uses `instead_maps`. All of both
    are optional. `calls` is a function that not every kernel lends to programs; where it is missing, or the part is
    refused, `fallback` does the same.
    """

    name: str
    programs: tuple[str, ...]
    maps: tuple[str, ...]
    optional: tuple[str, ...] = ()
    iterated: tuple[tuple[str, str], ...] = ()
    exits: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    instead_maps: tuple[str, ...] = ()
    calls: bytes | None = None
    fallback: Part | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A part in the kernel, not attached yet, and why its optional programs that are left out were."""

    bpf_object: BpfObject
    missing: Mapping[str, LoaderError]


class Together:
    """What is to be loaded with what; used by the thread that opens probes, see helper/probes/probe.py."""

    def __init__(self) -> None:
        self._untried: set[str] = set()
        self._waiting: dict[str, Loaded | LoaderError] = {}

    def plan(self, names: Iterable[str]) -> None:
        """Whichever of these is opened first brings the others into the kernel too; each still attaches alone.

        Replaces the plan before; what was loaded by it and not taken stays.
        """
        self._untried = set(names) - self._waiting.keys()

    def company_of(self, name: str) -> list[str]:
        """With which others it is to be loaded; none if it isn't planned itself."""
        return sorted(self._untried - {name}) if name in self._untried else []

    def put(self, outcomes: Mapping[str, Loaded | LoaderError]) -> None:
        """Keeps what came of loading until it is taken."""
        self._untried -= outcomes.keys()
        self._waiting |= outcomes

    def take(self, name: str) -> Loaded | LoaderError | None:
        """None if nobody has loaded it for this probe."""
        self._untried.discard(name)
        return self._waiting.pop(name, None)

    def close(self) -> None:
        """Frees what nobody took."""
        for outcome in self._waiting.values():
            if isinstance(outcome, Loaded):
                outcome.bpf_object.close()
        self._waiting.clear()
