"""Whom a remedy reaches: an app with all its processes, as of the latest sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.app import AppKind
from smoothtask_gui.domain.case import UNDONE_BY
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.matching import row_of
from smoothtask_gui.domain.naming import process_name

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Action, Incident
    from smoothtask_gui.domain.sample import Sample

MOST_PROCESSES: Final = 512


@dataclass(frozen=True, slots=True)
class Target:
    """`processes` begins with the one that was named; `cores` is what all of them used lately, None if unknown."""

    name: str
    processes: tuple[ProcessIdentity, ...]
    cores: float | None = None


def target_for(incident: Incident, action: Action, sample: Sample | None) -> Target | None:
    """Whom `action` reaches: what is undone reaches those it was done to, all else the app as it is now."""
    for deed in reversed(incident.deeds):
        if deed.succeeded and deed.process is not None and UNDONE_BY.get(deed.action) is action:
            return Target(deed.target, (deed.process,))
    return None if incident.target is None else target_of(incident.target, sample)


def alone(who: ProcessIdentity, sample: Sample | None) -> Target:
    """`who` without anything else of its app, as of a row that a person has selected."""
    index = None if sample is None else row_of(sample.processes, who.pid, who.start_ns)
    if sample is None or index is None or np.isnan(sample.processes["cpu_ratio"][index]):
        return Target(who.comm, (who,))
    return Target(who.comm, (who,), float(sample.processes["cpu_ratio"][index]))


def target_of(who: ProcessIdentity, sample: Sample | None) -> Target:
    """The app of `who` with all its processes of the same user, `who` first; `who` alone where it isn't in the sample.

    Only an application is reached as a whole. What is known by a name alone (`python3`) may be several things that
    have nothing to do with one another: of those `who` and its descendants are reached.
    """
    index = None if sample is None else row_of(sample.processes, who.pid, who.start_ns)
    if sample is None or index is None or len(sample.apps.app_of) != len(sample.processes):
        return Target(who.comm, (who,))
    rows = sample.processes
    place = int(sample.apps.app_of[index])
    app = sample.apps.apps[place]
    members = [int(at) for at in sample.apps.members(place) if rows["uid"][at] == who.uid]
    if app.kind is not AppKind.APPLICATION:
        members = _descendants(sample, index, members)
    members = [at for at in members if at != index][: MOST_PROCESSES - 1]
    cores = float(np.nansum(rows["cpu_ratio"][[index, *members]]))
    return Target(app.name, (who, *(_identity(sample, at) for at in members)), cores)


def _descendants(sample: Sample, index: int, members: list[int]) -> list[int]:
    """Those of `members` that the process at `index` started, and what they started."""
    rows = sample.processes
    found, parents = {index}, {int(rows["pid"][index])}
    grew = True
    while grew:
        fresh = [at for at in members if at not in found and int(rows["parent_pid"][at]) in parents]
        found.update(fresh)
        parents.update(int(rows["pid"][at]) for at in fresh)
        grew = bool(fresh)
    return sorted(found)


def _identity(sample: Sample, place: int) -> ProcessIdentity:
    row = sample.processes[place]
    name = process_name(bytes(row["comm"]), is_kernel=bool(row["is_kernel"]))
    return ProcessIdentity(int(row["pid"]), int(row["start_ns"]), int(row["uid"]), name)
