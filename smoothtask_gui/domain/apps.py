"""From processes to apps, a tick at a time: groups a sample's rows and adds up what they use.

What a process belongs to is decided once (`app_of.py`) and remembered by pid and start time, so that a tick costs a few
vector operations and a look at what is new: fresh processes, those that changed their name (exec) or cgroup, and the
children of such. Processes that lived between two ticks go to the app of their siblings of the same name, else of their
parent, else of their cgroup. Nothing is left out: each row and each of those gone belongs to exactly one app.

Bounded: apps and the gone are forgotten when nothing needs them any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.app import SHORT_LIVED, App, Apps
from smoothtask_gui.domain.app_of import Candidate, app_of, command, placed_app
from smoothtask_gui.domain.app_sums import Members
from smoothtask_gui.domain.matching import are_same, positions
from smoothtask_gui.domain.naming import exited_name
from smoothtask_gui.domain.sample import RATE
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smoothtask_gui.domain.origin import Origin
    from smoothtask_gui.domain.sample import ExitedRate, Sample

Rows = npt.NDArray[np.void]
Numbers = npt.NDArray[np.int64]
Sibling = tuple[int, str]  # pid of the parent, name

MOST_GONE: Final = 4096
"""Processes remembered after their end: their siblings' roll-ups may come some ticks later."""

SPARE_APPS: Final = 1024
DEEPEST: Final = 64
"""Generations followed for one process; a deeper one stands for itself."""

_UNKNOWN: Final = -1


class AppGrouper:
    """Remembers what each living process belongs to; one for each run of readings."""

    def __init__(self) -> None:
        self._rows: Rows = np.empty(0, RATE)
        self._numbers: Numbers = np.empty(0, np.int64)  # of the app of each of _rows
        self._origins: dict[tuple[int, int], Origin] = {}
        self._changed: list[tuple[int, int]] = []
        self._apps: dict[int, App] = {}
        self._number_of: dict[str, int] = {}
        self._next_number = 1
        self._siblings: dict[Sibling, int] = {}
        self._gone: dict[int, tuple[int, bool]] = {}  # pid: app, whether its children were apps of their own
        self._members: Members | None = None  # of the apps that live
        self._living: tuple[App, ...] | None = None  # those of _members

    def learn(self, origins: Iterable[Origin]) -> None:
        """Take in what became known of processes; it counts from the next sample on."""
        for origin in origins:
            key = (origin.pid, origin.start_ns)
            if self._origins.get(key) != origin:
                self._origins[key] = origin
                self._changed.append(key)

    def group(self, sample: Sample) -> Sample:
        """`sample` with its apps."""
        if not self._changed and are_same(self._rows, sample.processes):
            self._rows = sample.processes
        else:
            self._place(sample.processes)
        exited = np.array([self._app_of_exited(row) for row in sample.exited], np.int64)
        apps = self._sum(sample, exited)
        self._forget(apps)
        return replace(sample, apps=apps)

    def _place(self, rows: Rows) -> None:
        """Decide for what is new."""
        numbers = self._carry_over(rows)
        fresh = np.flatnonzero(numbers == _UNKNOWN)
        if len(fresh):
            resolver = _Resolver(rows, numbers, self._origins, self._number)
            for at in fresh:
                resolver.resolve(int(at), self._apps)
                sibling = (int(rows["parent_pid"][at]), safe_text(bytes(rows["comm"][at])))
                self._siblings[sibling] = int(numbers[at])
        self._rows, self._numbers, self._members, self._living = rows, numbers, None, None

    def _carry_over(self, rows: Rows) -> Numbers:
        """What was decided before, _UNKNOWN for what must be decided now."""
        before = positions(self._rows, rows["pid"], rows["start_ns"])
        known = before >= 0
        numbers = np.full(len(rows), _UNKNOWN, np.int64)
        at = before[known]
        same = (self._rows["comm"][at] == rows["comm"][known]) & (
            self._rows["cgroup_id"][at] == rows["cgroup_id"][known]
        )
        numbers[known] = np.where(same, self._numbers[at], _UNKNOWN)
        if self._changed:
            pids, starts = np.array(self._changed, np.uint64).T
            self._changed.clear()
            moved = positions(rows, pids, starts)
            numbers[moved[moved >= 0]] = _UNKNOWN
        self._spread(rows, numbers, known)
        self._note_gone(rows)
        return numbers

    def _spread(self, rows: Rows, numbers: Numbers, known: npt.NDArray[np.bool_]) -> None:
        """What belongs to the app of a process that must be decided anew must be decided anew, too."""
        stale = known & (numbers == _UNKNOWN)
        while stale.any():
            children = np.isin(rows["parent_pid"], rows["pid"][stale]) & (numbers != _UNKNOWN)
            numbers[children] = _UNKNOWN
            stale = children

    def _note_gone(self, rows: Rows) -> None:
        ended = positions(rows, self._rows["pid"], self._rows["start_ns"]) < 0
        for at in np.flatnonzero(ended):
            row = self._rows[at]
            key = (int(row["pid"]), int(row["start_ns"]))
            who = _candidate(row, self._origins.pop(key, None))
            self._gone.pop(key[0], None)
            self._gone[key[0]] = (int(self._numbers[at]), who.starts_others)
        while len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]
        while len(self._siblings) > MOST_GONE + 2 * len(rows):
            del self._siblings[next(iter(self._siblings))]

    def _app_of_exited(self, row: ExitedRate) -> int:
        if not row.comm and not row.parent_pid:
            return self._number(SHORT_LIVED)
        sibling = self._siblings.get((row.parent_pid, row.comm))
        if sibling is not None:
            return sibling
        at = int(np.searchsorted(self._rows["pid"], row.parent_pid))
        if at < len(self._rows) and self._rows["pid"][at] == row.parent_pid:
            parent = self._rows[at]
            who = _candidate(parent, self._origins.get((row.parent_pid, int(parent["start_ns"]))))
            number, starts_others = int(self._numbers[at]), who.starts_others
        else:
            number, starts_others = self._gone.get(row.parent_pid, (_UNKNOWN, True))
        if not starts_others and number in self._apps:
            return number
        placed = self._placed_neighbour(row.cgroup_id) if row.cgroup_id else None
        return self._number(placed or command(exited_name(row), row.uid))

    def _placed_neighbour(self, cgroup_id: int) -> App | None:
        """The app that this cgroup is named after, as far as a living process in it tells."""
        for at in np.flatnonzero(self._rows["cgroup_id"] == cgroup_id)[:1]:
            row = self._rows[at]
            return placed_app(_candidate(row, self._origins.get((int(row["pid"]), int(row["start_ns"])))))
        return None

    def _number(self, app: App) -> int:
        number = self._number_of.get(app.id)
        if number is None:
            number = self._number_of[app.id] = self._next_number
            self._next_number += 1
        if self._apps.get(number) != app:
            self._apps[number] = app
            self._living = None
        return number

    def _sum(self, sample: Sample, exited: Numbers) -> Apps:
        if self._members is None:
            self._members = Members(sample.processes, self._numbers, exited[:0])
        members = self._members
        if len(exited) and not np.isin(exited, members.numbers).all():  # nothing lives any more of some
            members = Members(sample.processes, self._numbers, exited)
        rows = members.sums(sample.processes)
        of_exited = np.searchsorted(members.numbers, exited)
        if len(exited):
            spent = np.array([row.cpu_ratio for row in sample.exited], np.float64)
            rows["exited_cpu_ratio"] = np.bincount(of_exited, spent, len(rows))
            rows["exited"] = np.bincount(of_exited, [row.count for row in sample.exited], len(rows))
            ended = np.unique(of_exited)
            rows["cpu_ratio"][ended] = np.nan_to_num(rows["cpu_ratio"][ended]) + rows["exited_cpu_ratio"][ended]
        return Apps(self._apps_of(members), rows, members.app_of, of_exited)

    def _apps_of(self, members: Members) -> tuple[App, ...]:
        if members is self._members and self._living is not None:
            return self._living
        found = tuple(self._apps[number] for number in members.numbers.tolist())
        if members is self._members:
            self._living = found
        return found

    def _forget(self, apps: Apps) -> None:
        """Drop what nothing refers to, now and then."""
        if len(self._origins) > 2 * len(self._rows) + SPARE_APPS:  # of processes that ended before any sample
            alive = set(zip(self._rows["pid"].tolist(), self._rows["start_ns"].tolist(), strict=True))
            self._origins = {key: origin for key, origin in self._origins.items() if key in alive}
        needed = len(apps.apps) + SPARE_APPS
        if len(self._apps) <= 2 * needed:
            return
        kept = set(apps.rows["number"].tolist()) | {number for number, _ in self._gone.values()}
        self._siblings = {key: number for key, number in self._siblings.items() if number in kept}
        self._apps = {number: app for number, app in self._apps.items() if number in kept}
        self._number_of = {app.id: number for number, app in self._apps.items()}


class _Resolver:
    """Decides for the rows whose number is _UNKNOWN, parents before children."""

    def __init__(
        self, rows: Rows, numbers: Numbers, origins: dict[tuple[int, int], Origin], number: Callable[[App], int]
    ) -> None:
        self._rows, self._numbers, self._origins = rows, numbers, origins
        self._number = number

    def resolve(self, at: int, apps: dict[int, App]) -> None:
        """Fill in the number of row `at` and of those above it."""
        chain = [at]
        while len(chain) < DEEPEST:
            parent = self._parent(chain[-1])
            if parent is None or parent in chain:
                break
            chain.append(parent)
            if self._numbers[parent] != _UNKNOWN:
                break
        for index in range(len(chain) - 1, -1, -1):
            if self._numbers[chain[index]] != _UNKNOWN:
                continue
            who = self._who(chain[index])
            if index + 1 == len(chain):
                self._numbers[chain[index]] = self._number(app_of(who, None, None))
                continue
            above = chain[index + 1]
            parents_app = apps[int(self._numbers[above])]
            self._numbers[chain[index]] = self._number(app_of(who, self._who(above), parents_app))

    def _parent(self, at: int) -> int | None:
        pid = int(self._rows["parent_pid"][at])
        found = int(np.searchsorted(self._rows["pid"], pid))
        return found if pid and found < len(self._rows) and self._rows["pid"][found] == pid else None

    def _who(self, at: int) -> Candidate:
        row = self._rows[at]
        return _candidate(row, self._origins.get((int(row["pid"]), int(row["start_ns"]))))


def _candidate(row: np.void, origin: Origin | None) -> Candidate:
    return Candidate(int(row["pid"]), bytes(row["comm"]), int(row["uid"]), bool(row["is_kernel"]), origin)
