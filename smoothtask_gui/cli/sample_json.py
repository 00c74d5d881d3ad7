"""A sample as the JSON object that docs/cli.md promises: stable names, units in the names, null for missing."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.cli.plain import process_name
from smoothtask_gui.domain.batch import CoolingEvent, OomKill, PressureEvent, ThermalEvent
from smoothtask_gui.domain.processor_energy import energy_ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smoothtask_gui.domain.app import Apps
    from smoothtask_gui.domain.batch import KernelEvent
    from smoothtask_gui.domain.sample import Sample

_PROCESS_FIELDS: Final = (
    # name in JSON, name in RATE
    ("pid", "pid"),
    ("ppid", "parent_pid"),
    ("uid", "uid"),
    ("start_ns", "start_ns"),
    ("comm", "comm"),
    ("cpu_ratio", "cpu_ratio"),
    ("rss_bytes", "rss_bytes"),
    ("rss_growth_bps", "rss_growth_bps"),
    ("major_faults_per_s", "major_faults_per_s"),
    ("read_bps", "read_bps"),
    ("write_bps", "write_bps"),
    ("received_bps", "received_bps"),
    ("sent_bps", "sent_bps"),
    ("run_delay_ratio", "run_delay_ratio"),
    ("switches_per_s", "switches_per_s"),
    ("threads", "threads"),
    ("gpu_ratio", "gpu_ratio"),
)

_APP_FIELDS: Final = (
    "processes",
    "exited",
    "cpu_ratio",
    "exited_cpu_ratio",
    "rss_bytes",
    "read_bps",
    "write_bps",
    "received_bps",
    "sent_bps",
    "run_delay_ratio",
    "major_faults_per_s",
    "gpu_ratio",
)
_EXITED_FIELDS: Final = ("comm", "parent_pid", "uid", "count", "cpu_ratio")
_EVENT_KINDS: Final = {OomKill: "oom_kill", ThermalEvent: "thermal", CoolingEvent: "cooling", PressureEvent: "pressure"}


def sample_to_json(sample: Sample, events: Sequence[KernelEvent] = ()) -> dict[str, Any]:
    """The object of one tick; `events` are those that were told since the one before."""
    return {
        "boottime_ns": sample.boottime_ns,
        "realtime_ns": sample.realtime_ns,
        "interval_ns": sample.interval_ns,
        "source": sample.source,
        "lost": dataclasses.asdict(sample.lost),
        "system": {name: _known(value) for name, value in dataclasses.asdict(sample.system).items()},
        "apps": _apps(sample.apps),
        "processes": _processes(sample),
        "exited": _exited(sample),
        "sensors": [
            {name: _known(value) for name, value in dataclasses.asdict(sensor).items()} for sensor in sample.sensors
        ],
        "gpus": [dataclasses.asdict(gpu) for gpu in sample.gpus],
        "activity": dataclasses.asdict(sample.activity),
        "events": [_event(event) for event in events if type(event) in _EVENT_KINDS],
        "unavailable": sample.unavailable,
    }


def _event(event: KernelEvent) -> dict[str, Any]:
    told = {"kind": _EVENT_KINDS[type(event)], **dataclasses.asdict(event)}
    if isinstance(event, CoolingEvent):
        told["max_state"] = event.max_state or None
        told["device_id"] = None if event.device_id < 0 else event.device_id
    return told


def _processes(sample: Sample) -> list[dict[str, Any]]:
    columns = [_column(sample.processes[field].tolist(), name) for name, field in _PROCESS_FIELDS]
    columns.append(_column(energy_ratios(sample).tolist(), "energy_ratio"))
    columns.append([sample.apps.apps[place].id for place in sample.apps.app_of])
    names = [*(name for name, _ in _PROCESS_FIELDS), "energy_ratio", "app"]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _exited(sample: Sample) -> list[dict[str, Any]]:
    return [
        {name: getattr(row, name) for name in _EXITED_FIELDS} | {"app": sample.apps.apps[place].id}
        for row, place in zip(sample.exited, sample.apps.exited_of, strict=True)
    ]


def _apps(apps: Apps) -> list[dict[str, Any]]:
    columns = [_column(apps.rows[name].tolist(), name) for name in _APP_FIELDS]
    found = []
    for app, row, values in zip(apps.apps, apps.rows, zip(*columns, strict=True), strict=True):
        who: dict[str, Any] = {"id": app.id, "name": app.name, "kind": app.kind, "desktop_id": app.desktop_id}
        who["icon"] = app.icon
        lives = bool(row["processes"])
        who |= {name: int(row[name]) if lives else None for name in ("lead_pid", "lead_start_ns", "uid")}
        found.append(who | dict(zip(_APP_FIELDS, values, strict=True)))
    return found


def _column(values: list[Any], name: str) -> list[Any]:
    if name == "comm":
        return [process_name(value) for value in values]
    if name == "rss_bytes":
        return [None if math.isnan(value) else int(value) for value in values]
    return [_known(value) for value in values]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
