"""Incidents to show and to store."""

from smoothtask_gui.domain.incident import (
    Action,
    Deed,
    Hushed,
    Incident,
    IncidentState,
    ProcessIdentity,
    Severity,
    Share,
)
from smoothtask_gui.domain.joining import arrange


def runaway(
    number: int = 1,
    *,
    title: str = "node has used 3.9 cores for 6 minutes",
    body: str = "Started by VS Code; its window hasn't been used since 14:02.",
    severity: Severity = Severity.WARNING,
    state: IncidentState = IncidentState.FIRING,
    target: ProcessIdentity | None = None,
    actions: tuple[Action, ...] = arrange("runaway", (Action.SHOW, Action.STOP, Action.SNOOZE)),
    deeds: tuple[Deed, ...] = (),
    hushed: Hushed | None = None,
) -> Incident:
    """An incident of the runaway rule."""
    target = target or ProcessIdentity(4321, 5_000_000_000, 1000, "node")
    return Incident(
        id=number,
        rule="runaway",
        severity=severity,
        state=state,
        title=title,
        body=body,
        started_boottime_ns=7_000_000_000,
        started_realtime_ns=1_700_000_000_000_000_000,
        resolved_boottime_ns=9_000_000_000 if state is IncidentState.RESOLVED else None,
        subject=f"{target.pid}:{target.start_ns}",
        value=3.9,
        limit=0.9,
        shares=(Share(target.comm, 0.9, target),),
        rest_ratio=0.1,
        method="estimated from CPU time",
        actions=actions if state is IncidentState.FIRING else (),
        deeds=deeds,
        hushed=hushed,
    )
