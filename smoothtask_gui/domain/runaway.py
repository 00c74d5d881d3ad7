"""The rule for a process that uses much of the CPU for long.

Only processes above the level, or already tracked, cost anything per tick. A process is (pid, start time); one that
ends resolves its alert at once. Forced idling is cooling and never a runaway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.alert import Alert, Phase, Timing, advance, close, judge
from smoothtask_gui.domain.changes import Change, Draft, Fired, Key, Resolved, Updated
from smoothtask_gui.domain.culprit import Method
from smoothtask_gui.domain.incident import Action, ProcessIdentity, Share
from smoothtask_gui.domain.matching import is_same_start, row_of
from smoothtask_gui.domain.naming import is_idle_injection, process_name
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.domain.wording import runaway_body, runaway_resolved_fact, runaway_resolved_title, runaway_title

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.rules import Runaway
    from smoothtask_gui.domain.sample import Sample

RULE: Final = "runaway"
MOST_TRACKED: Final = 256
CREDIT: Final = 1.1
"""How much a second above the level may make up for one below it: a tenth, so that a burst can't stand for minutes."""


@dataclass(slots=True)
class _Tracked:
    alert: Alert
    name: str
    is_kernel: bool
    began_ns: int  # start of the interval in which it first was above the level
    core_ns: float = 0.0  # CPU time since then
    seen_ns: int = 0  # time since then with a reading
    capped_ns: float = 0.0  # CPU time since then, each interval capped at CREDIT times the level
    peak: float = 0.0

    def begin(self, began_ns: int) -> None:
        self.began_ns, self.core_ns, self.seen_ns, self.capped_ns, self.peak = began_ns, 0.0, 0, 0.0, 0.0

    def add(self, cores: float, interval_ns: int, rule: Runaway) -> None:
        self.core_ns += cores * interval_ns
        self.capped_ns += min(cores, CREDIT * rule.cores) * interval_ns
        self.seen_ns += interval_ns
        self.peak = max(self.peak, cores)

    def still_holds(self, cores: float, interval_ns: int, rule: Runaway) -> bool | None:
        """Whether a pending process, `cores` of this interval included, still is above the level.

        On a busy machine even a process that never sleeps gets less in a second now and then: a dip that stays above
        the clear level is forgiven while the capped mean stays at the level.
        """
        if math.isnan(cores):
            return None
        capped_ns = self.capped_ns + min(cores, CREDIT * rule.cores) * interval_ns
        mean_holds = capped_ns >= rule.cores * (self.seen_ns + interval_ns)
        return cores >= rule.cores or (cores > rule.clear_cores and mean_holds)


class RunawayRule:
    """One alert per process."""

    def __init__(self, may_stop: Callable[[int], bool]) -> None:
        self._may_stop = may_stop
        self._tracked: dict[tuple[int, int], _Tracked] = {}

    def receive_sample(self, sample: Sample, rule: Runaway, now_ns: int) -> list[Change]:
        """Judge a tick's processes."""
        if not rule.enabled:
            return self.stop(now_ns)
        rows = sample.processes
        timing = Timing.of_seconds(rule.for_s, rule.keep_firing_for_s, rule.cooldown_s)
        ignored = {safe_text(name.encode()[:15]) for name in rule.ignore}
        self._track_new(sample, rule, timing, ignored)
        changes: list[Change] = []
        for identity, tracked in list(self._tracked.items()):
            index = row_of(rows, *identity) if len(rows) else None
            tracked.alert = replace(tracked.alert, timing=timing)
            if tracked.name in ignored:
                changes += self._end(identity, now_ns, is_silent=True)
            elif index is None and len(rows):
                changes += self._end(identity, now_ns)
            else:
                changes += self._judge(identity, sample, index, rule)
        return changes

    def stop(self, now_ns: int, *, unknown: bool = False) -> list[Change]:
        """End all alerts: the rule was switched off, or (`unknown`) nothing can be read any more."""
        return [
            change
            for identity in list(self._tracked)
            for change in self._end(identity, now_ns, is_silent=not unknown, unknown=unknown)
        ]

    def _track_new(self, sample: Sample, rule: Runaway, timing: Timing, ignored: set[str]) -> None:
        rows = sample.processes
        above = np.flatnonzero(rows["cpu_ratio"] >= rule.cores)
        starts_ns = dict(self._tracked.keys())  # by pid
        for index in above[np.argsort(-rows["cpu_ratio"][above], kind="stable")]:
            row = rows[index]
            comm, is_kernel = bytes(row["comm"]), bool(row["is_kernel"])
            if len(self._tracked) >= MOST_TRACKED:
                return
            name = process_name(comm, is_kernel=is_kernel)
            if safe_text(comm) in ignored or name in ignored or is_idle_injection(comm, is_kernel=is_kernel):
                continue
            identity = (int(row["pid"]), int(row["start_ns"]))
            if is_same_start(starts_ns.get(identity[0]), identity[1]):
                continue
            began_ns = max(sample.boottime_ns - sample.interval_ns, identity[1])
            self._tracked[identity] = _Tracked(Alert(timing), name, is_kernel, min(began_ns, sample.boottime_ns))

    def _judge(self, identity: tuple[int, int], sample: Sample, index: int | None, rule: Runaway) -> list[Change]:
        tracked = self._tracked[identity]
        now_ns = sample.boottime_ns
        cores = math.nan if index is None else float(sample.processes["cpu_ratio"][index])
        before = tracked.alert
        if before.phase is Phase.PENDING:
            holds = tracked.still_holds(cores, sample.interval_ns, rule)
        else:
            holds = judge(cores, rule.cores, rule.clear_cores, firing=before.is_firing)
        tracked.alert = advance(before, holds=holds, now_ns=now_ns, covers_ns=sample.interval_ns)
        if tracked.alert.phase is Phase.INACTIVE:
            if before.quiet_until_ns is None or now_ns >= before.quiet_until_ns:
                del self._tracked[identity]
            return []
        if not math.isnan(cores):
            if tracked.alert.phase is Phase.PENDING and before.phase is not Phase.PENDING:
                tracked.begin(now_ns - sample.interval_ns)
            tracked.add(cores, sample.interval_ns, rule)
        return self._say(identity, tracked, sample, index, rule, was_firing=before.is_firing)

    def _say(
        self,
        identity: tuple[int, int],
        tracked: _Tracked,
        sample: Sample,
        index: int | None,
        rule: Runaway,
        *,
        was_firing: bool,
    ) -> list[Change]:
        now_ns = sample.boottime_ns
        key = _key(identity)
        if was_firing and tracked.alert.phase is Phase.RESOLVED:
            unknown = tracked.alert.ended_unknown
            lasted_ns = now_ns - tracked.began_ns
            title = runaway_resolved_title(tracked.name, lasted_ns, ended=False, unknown=unknown)
            return [Resolved(key, title, fact="" if unknown else runaway_resolved_fact(tracked.name, ended=False))]
        if not tracked.alert.is_firing or index is None:
            return []
        draft = self._draft(identity, tracked, sample, index, rule)
        return [Updated(key, draft)] if was_firing else [Fired(key, draft, tracked.began_ns)]

    def _draft(self, identity: tuple[int, int], tracked: _Tracked, sample: Sample, index: int, rule: Runaway) -> Draft:
        row = sample.processes[index]
        now_ns = sample.boottime_ns
        lasted_ns = max(1, now_ns - tracked.began_ns)
        uid = int(row["uid"])
        who = None if tracked.is_kernel else ProcessIdentity(identity[0], identity[1], uid, tracked.name)
        ratio = _share_of_all(sample, float(row["cpu_ratio"]))
        stop = (Action.STOP,) if who is not None and self._may_stop(uid) else ()
        return Draft(
            severity=rule.severity,
            title=runaway_title(tracked.name, tracked.core_ns / lasted_ns, lasted_ns),
            body=runaway_body(
                _parent_name(sample.processes, int(row["parent_pid"])),
                now_ns - identity[1] if 0 < identity[1] <= now_ns else None,
                None if math.isnan(float(row["rss_bytes"])) or tracked.is_kernel else float(row["rss_bytes"]),
            ),
            subject=f"{identity[0]}:{identity[1]}",
            value=tracked.peak,
            limit=rule.cores,
            shares=() if ratio is None else (Share(tracked.name, ratio, who, _app_id(sample, index)),),
            rest_ratio=None if ratio is None else 1.0 - ratio,
            method=Method.CPU_TIME,
            actions=(Action.SHOW, *stop, Action.SNOOZE),
        )

    def _end(
        self, identity: tuple[int, int], now_ns: int, *, is_silent: bool = False, unknown: bool = False
    ) -> list[Change]:
        tracked = self._tracked.pop(identity)
        if close(tracked.alert, now_ns=now_ns).phase is not Phase.RESOLVED or not tracked.alert.is_firing:
            return []
        lasted_ns = now_ns - tracked.began_ns
        title = runaway_resolved_title(tracked.name, lasted_ns, ended=not unknown, unknown=unknown)
        fact = "" if unknown else runaway_resolved_fact(tracked.name, ended=True)
        return [Resolved(_key(identity), title, is_silent=is_silent, fact=fact)]


def _key(identity: tuple[int, int]) -> Key:
    return (RULE, f"{identity[0]}:{identity[1]}")


def _share_of_all(sample: Sample, cores: float) -> float | None:
    """Its part of the CPU time of this interval, 0..1; None where the whole isn't known."""
    if math.isnan(cores):
        return None
    ratios = (sample.system.cpu_busy_ratio, sample.system.cpu_attributed_ratio)
    busy = max((ratio for ratio in ratios if ratio is not None), default=0.0) * sample.system.cpus
    return min(1.0, cores / busy) if busy > 0 else None


def _app_id(sample: Sample, index: int) -> str:
    """The app that the row belongs to, "" in a sample without apps."""
    return sample.apps.apps[sample.apps.app_of[index]].id if len(sample.apps.app_of) else ""


def _parent_name(rows: npt.NDArray[np.void], parent_pid: int) -> str:
    found = np.flatnonzero(rows["pid"] == parent_pid)
    if parent_pid <= 0 or not len(found):
        return ""
    parent = rows[int(found[0])]
    return process_name(bytes(parent["comm"]), is_kernel=bool(parent["is_kernel"]))
