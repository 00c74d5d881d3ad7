"""Apps as a table: sums over their processes, and how they grow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.app import AppKind
from smoothtask_gui.domain.app_names import telling_name
from smoothtask_gui.domain.focus import have_windows, in_focus
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.judging.growth import GrowthWindow
from smoothtask_gui.domain.judging.process_table import exhausts_in_s, parent_name
from smoothtask_gui.domain.judging.table import Columns, Key, Table, Target
from smoothtask_gui.domain.matching import have_ended
from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from smoothtask_gui.domain.app import Apps
    from smoothtask_gui.domain.judging.expression import Floats
    from smoothtask_gui.domain.sample import Sample

MOST_GENERATIONS: Final = 32
SECOND_NS: Final = 1_000_000_000
_COPIED: Final = {
    "cpu_cores": "cpu_ratio",
    "run_delay_ratio": "run_delay_ratio",
    "rss_bytes": "rss_bytes",
    "read_bps": "read_bps",
    "write_bps": "write_bps",
    "received_bps": "received_bps",
    "sent_bps": "sent_bps",
    "major_faults_per_s": "major_faults_per_s",
    "gpu_ratio": "gpu_ratio",
}
_SUMMED: Final = ("spinning_cores", "connections", "passed_bps")
_ANY: Final = ("is_background", "is_foreground", "lost_terminal")
MOST_USED: Final = 16
_SYSTEM: Final = (AppKind.KERNEL, AppKind.COOLING, AppKind.SHORT_LIVED)


@dataclass(frozen=True, slots=True)
class AppRows:
    """Apps of one sample; a key is the app's id, which outlives its processes."""

    sample: Sample
    processes: Columns[Floats]  # of the processes, for what lasts

    def __len__(self) -> int:
        return len(self.sample.apps.apps)

    def key(self, row: int) -> Key:
        return self.sample.apps.apps[row].id

    def find(self, key: Key) -> int | None:
        """None also for one whose last process has just ended, whether or not its parent has asked how."""
        row = self.sample.apps.place(str(key))
        if row is None or have_ended(self.sample.processes[self.sample.apps.members(row)]).all():
            return None
        return row

    def lasting(self, row: int, series: str, since_ns: int) -> float | None:
        """The sum over the app's processes that were there already."""
        if series not in self.processes.made_of_rows:
            return None
        column = self.processes.of_rows(series)
        members = self.sample.apps.members(row)
        old = members[self.sample.processes["start_ns"][members] <= since_ns]
        return float(np.nansum(column[old]))

    def target(self, row: int, by: str = "") -> Target:
        """The app; its remedies reach the process that has most of the series, else that has used most CPU just now."""
        apps, rows = self.sample.apps, self.sample.processes
        app = apps.apps[row]
        members = apps.members(row)
        if not len(members):
            return Target(app.id, app.name, app_id=app.id)
        foremost = self._foremost(members, by)
        aliases = (safe_text(bytes(rows["comm"][foremost])),)
        if app.kind in _SYSTEM:
            return Target(app.id, app.name, aliases=aliases, app_id=app.id)
        found = rows[foremost]
        comm = process_name(bytes(found["comm"]), is_kernel=False)
        who = ProcessIdentity(int(found["pid"]), int(found["start_ns"]), int(found["uid"]), comm)
        top = self._top(foremost)
        parent = parent_name(rows, int(rows["parent_pid"][top]))
        return Target(app.id, telling_name(self.sample, row), who, parent, aliases, int(rows["start_ns"][top]), app.id)

    def _foremost(self, members: npt.NDArray[np.intp], by: str) -> int:
        for column in (self.processes.of_rows(by) if by in self.processes.made_of_rows else None, self._used):
            if column is not None and (amounts := np.nan_to_num(column[members], nan=0.0)).max() > 0:
                return int(members[np.argmax(amounts)])
        return int(members[0])

    @property
    def _used(self) -> Floats:
        return self.sample.processes["cpu_ratio"]

    def _top(self, row: int) -> int:
        """The process of the same app that started this one: of several runs of a command the one that matters."""
        rows, app_of = self.sample.processes, self.sample.apps.app_of
        for _ in range(MOST_GENERATIONS):
            at = int(np.searchsorted(rows["pid"], rows["parent_pid"][row]))
            if at >= len(rows) or rows["pid"][at] != rows["parent_pid"][row] or app_of[at] != app_of[row]:
                break
            row = at
        return row


class AppSeries:
    """Remembers how apps grew, and when they were last in focus."""

    def __init__(self) -> None:
        self._used_ns: dict[int, int] = {}  # number to boot time; the one in focus last
        self._memory = GrowthWindow(10 * SECOND_NS, 60)
        self._connections = GrowthWindow(10 * SECOND_NS, 60)

    def forget(self) -> None:
        """Numbers of apps begin anew with the source."""
        self._memory.clear()
        self._connections.clear()
        self._used_ns.clear()

    def columns(self, sample: Sample, processes: Columns[Floats], machine: Mapping[str, float]) -> Columns[Floats]:
        """Each series, shape (len(sample.apps.apps),), and the machine's; `processes`: those of the processes."""
        apps, now_ns = sample.apps, sample.boottime_ns
        keys = apps.rows["number"]
        pids = sample.processes["pid"]
        focused = in_focus(sample.focus, pids, apps)
        self._note_used(keys, focused, now_ns)
        memory = cache(lambda: self._memory.of(keys))
        opened = cache(lambda: self._connections.of(keys))
        columns: Columns[Floats] = Columns(
            {
                **{name: partial(_field, apps, field) for name, field in _COPIED.items()},
                **{name: partial(_sum, processes, name, apps) for name in _SUMMED},
                **{name: partial(_most, processes, name, apps) for name in _ANY},
                "processes": lambda: apps.rows["processes"].astype(np.float64),
                "age_s": lambda: _age_s(sample),
                "growth_bps": lambda: memory().per_s,
                "grown_bytes": lambda: memory().grown,
                "growth_steadiness_ratio": lambda: memory().steadiness,
                "exhausts_in_s": lambda: exhausts_in_s(memory().per_s, machine["memory_left_bytes"]),
                "connections_per_min": lambda: opened().per_s * 60,
                "connections_steadiness_ratio": lambda: opened().steadiness,
                "exited_per_s": lambda: _exited_per_s(sample),
                "is_system": lambda: np.array([app.kind in _SYSTEM for app in apps.apps], np.float64),
                "in_focus": lambda: focused,
                "has_window": lambda: have_windows(sample.focus, pids, apps),
                "unused_s": lambda: self._unused_s(keys, now_ns),
            },
            machine,
        )
        if self._memory.is_due(now_ns):
            self._memory.add(keys, apps.rows["rss_bytes"], now_ns)
        if self._connections.is_due(now_ns):
            self._connections.add(keys, columns.of_rows("connections"), now_ns)
        return columns

    def _note_used(self, numbers: npt.NDArray[np.uint64], focused: Floats, now_ns: int) -> None:
        for number in numbers[focused == 1.0].tolist():
            self._used_ns.pop(number, None)
            self._used_ns[number] = now_ns
        while len(self._used_ns) > MOST_USED:
            del self._used_ns[next(iter(self._used_ns))]

    def _unused_s(self, numbers: npt.NDArray[np.uint64], now_ns: int) -> Floats:
        unused_s = np.full(len(numbers), np.nan)
        if self._used_ns and len(numbers):
            used = np.fromiter(self._used_ns, np.uint64, len(self._used_ns))
            used_ns = np.fromiter(self._used_ns.values(), np.float64, len(self._used_ns))
            place = np.minimum(np.searchsorted(numbers, used), len(numbers) - 1)
            found = numbers[place] == used
            unused_s[place[found]] = (now_ns - used_ns[found]) / 1e9
        return unused_s


def app_table(sample: Sample, columns: Columns[Floats], processes: Columns[Floats]) -> Table:
    return Table(AppRows(sample, processes), columns, is_read=bool(len(sample.processes)))


def _exited_per_s(sample: Sample) -> Floats:
    rows = sample.apps.rows
    exited = np.full(len(rows), np.nan) if "exited" in sample.unavailable else rows["exited"].astype(np.float64)
    return exited * 1e9 / sample.interval_ns


def _field(apps: Apps, field: str) -> Floats:
    return apps.rows[field]


def _sum(processes: Columns[Floats], name: str, apps: Apps) -> Floats:
    """Over each app's processes; NaN where none has a reading."""
    column, count = processes.of_rows(name), len(apps.apps)
    known = np.isfinite(column)
    place = apps.app_of[known]
    total = np.bincount(place, column[known], count).astype(np.float64)
    total[np.bincount(place, minlength=count) == 0] = np.nan
    return total


def _most(processes: Columns[Floats], name: str, apps: Apps) -> Floats:
    """The largest of each app's processes; NaN where none has a reading."""
    column, count = processes.of_rows(name), len(apps.apps)
    most = np.full(count, -np.inf)
    known = np.isfinite(column)
    np.maximum.at(most, apps.app_of[known], column[known])
    most[np.isinf(most)] = np.nan
    return most


def _age_s(sample: Sample) -> Floats:
    lead_ns = sample.apps.rows["lead_start_ns"].astype(np.float64)
    return np.where(lead_ns > 0, np.maximum(0.0, sample.boottime_ns - lead_ns) / 1e9, np.nan)
