"""All declared rules over one sample: makes the tables that they need, and judges them.

What tables remember (growth, hanging) is forgotten with the source.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.judging.app_table import AppSeries, app_table
from smoothtask_gui.domain.judging.blame import unseen
from smoothtask_gui.domain.judging.engine import Engine
from smoothtask_gui.domain.judging.machine import MachineSeries, machine_table
from smoothtask_gui.domain.judging.part_tables import PartSeries
from smoothtask_gui.domain.judging.process_table import ProcessSeries, process_table
from smoothtask_gui.domain.judging.rule_pass import Moment
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.judging.table import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smoothtask_gui.domain.batch import PressureEvent
    from smoothtask_gui.domain.changes import Change
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.judging.table import Table
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.sensors import OwnLimits

ALARM_NS: Final = 10_000_000_000
FEWEST_LOOKS: Final = 2
"""So early a single sample may be anything: a hiccup of the start, the first after a resume."""
CAREFUL_NS: Final = 60_000_000_000
RESUME_NS: Final = 15_000_000_000
"""A sample over longer than this, and than thrice the one before, spans a sleep or a standstill: only means."""


class Judge:
    """As `Engine`."""

    def __init__(self, may_stop: Callable[[int], bool], energy: Callable[[int], Culprits]) -> None:
        self._engine = Engine(may_stop, energy)
        self._rules: tuple[Rule, ...] = ()
        self._machine = MachineSeries()
        self._parts = PartSeries()
        self._processes = ProcessSeries()
        self._apps = AppSeries()
        self._alarm_ns: int | None = None
        self._began_ns: int | None = None  # the first sample, or the first after a sleep
        self._interval_ns = 0
        self._tables: dict[Scope, Table] = {}
        self._values: Columns[float] = Columns({}, {})  # the machine's series

    @property
    def tables(self) -> Mapping[Scope, Table]:
        """What the latest sample was judged by."""
        return self._tables

    def set_rules(self, rules: Iterable[Rule], now_ns: int) -> list[Change]:
        self._rules = tuple(rules)
        return self._engine.set_rules(self._rules, now_ns)

    def receive_pressure(self, event: PressureEvent) -> None:
        """The kernel's own alarm: heard between ticks, judged with the next."""
        if event.resource == "memory":
            self._alarm_ns = event.boottime_ns

    def receive_sample(self, sample: Sample, own_limits: OwnLimits, *, judges: bool = True) -> list[Change]:
        """Judge a tick; not `judges`: only remember it."""
        tables = self._make(sample, own_limits)
        before_ns, self._interval_ns = self._interval_ns, sample.interval_ns
        slept = bool(before_ns) and sample.interval_ns > max(RESUME_NS, 3 * before_ns)
        if self._began_ns is None or slept or sample.boottime_ns < self._began_ns:
            self._began_ns = sample.boottime_ns
        if not judges:
            return []
        looks = FEWEST_LOOKS if sample.boottime_ns - self._began_ns < CAREFUL_NS else 1
        moment = Moment(sample.boottime_ns, sample.interval_ns, slept, looks)
        return self._engine.judge(tables, moment, unseen(sample, self._values))

    def stop(self, now_ns: int) -> list[Change]:
        """Nothing can be read any more."""
        self._tables = {}
        return self._engine.stop(now_ns)

    def forget(self) -> None:
        """Another source or boot: nothing remembered of targets can be compared."""
        for series in (self._machine, self._parts, self._processes, self._apps):
            series.forget()
        self._alarm_ns = self._began_ns = None
        self._interval_ns = 0

    def _make(self, sample: Sample, own_limits: OwnLimits) -> dict[Scope, Table]:
        values = self._values = self._machine.values(sample, own_limits, memory_alarm=self._alarm(sample))
        tables = {Scope.MACHINE: machine_table(values), **self._parts.tables(sample, own_limits, values)}
        columns = self._processes.columns(sample, values)
        tables[Scope.PROCESS] = process_table(sample, columns)
        tables[Scope.APP] = app_table(sample, self._apps.columns(sample, columns, values), columns)
        self._tables = tables
        return tables

    def _alarm(self, sample: Sample) -> float:
        if self._alarm_ns is not None and 0 <= sample.boottime_ns - self._alarm_ns <= ALARM_NS:
            return 1.0
        return math.nan if "pressure_events" in sample.unavailable else 0.0
