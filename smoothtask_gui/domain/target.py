"""Whom a remedy reaches: an app with all its processes, as of the latest sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.matching import row_of
from smoothtask_gui.domain.naming import process_name

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

MOST_PROCESSES: Final = 512


@dataclass(frozen=True, slots=True)
class Target:
    """`processes` begins with the one that was named; `cores` is what all of them used lately, None if unknown."""

    name: str
    processes: tuple[ProcessIdentity, ...]
    cores: float | None = None


def target_of(who: ProcessIdentity, sample: Sample | None) -> Target:
    """`who` with its descendants of the same user; `who` alone where it isn't in the sample."""
    rows = np.empty(0) if sample is None else sample.processes
    index = row_of(rows, who.pid, who.start_ns) if len(rows) else None
    if sample is None or index is None:
        return Target(who.comm, (who,))
    places = _family(sample, index)
    found = tuple(_identity(sample, place) for place in places[1:])
    cores = float(np.nansum(sample.processes["cpu_ratio"][list(places)]))
    return Target(who.comm, (who, *found), cores)


def _family(sample: Sample, index: int) -> list[int]:
    rows = sample.processes
    children: dict[int, list[int]] = {}
    for place in np.flatnonzero(rows["uid"] == rows["uid"][index]).tolist():
        children.setdefault(int(rows["parent_pid"][place]), []).append(place)
    found, seen = [index], {index}
    for place in found:  # grows while it is walked
        fresh = [child for child in children.get(int(rows["pid"][place]), ()) if child not in seen]
        seen.update(fresh)  # what was read at different moments may be a circle
        found += fresh
    return found[:MOST_PROCESSES]


def _identity(sample: Sample, place: int) -> ProcessIdentity:
    row = sample.processes[place]
    name = process_name(bytes(row["comm"]), is_kernel=bool(row["is_kernel"]))
    return ProcessIdentity(int(row["pid"]), int(row["start_ns"]), int(row["uid"]), name)
