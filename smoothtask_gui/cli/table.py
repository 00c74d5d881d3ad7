"""A sample as lines of text: the machine on top, then the busiest processes, then what can't be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.cli.plain import shown_bytes, shown_name, shown_percent
from smoothtask_gui.domain.text import celsius, safe_text, three_digits

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

HEADING: Final = (
    f"{'PID':>8} {'UID':>6} {'CPU %':>7} {'WAIT %':>7} {'MEMORY':>9} {'READ':>11} {'WRITE':>11} {'THR':>4}  NAME"
)


def table(sample: Sample, columns: int | None, rows: int) -> list[str]:
    """Lines of at most `columns` characters (None: any length), with the `rows` busiest processes."""
    lines = [*_machine(sample), HEADING, *_processes(sample, rows)]
    exited = sum(row.cpu_ratio for row in sample.exited)
    if sample.exited:
        count = sum(row.count for row in sample.exited)
        lines.append(f"{'':>15} {shown_percent(exited):>7}  {count} processes that have ended")
    if sample.lost.ticks or sample.lost.events or sample.lost.exits:
        lines.append(f"Lost: {sample.lost.ticks} ticks, {sample.lost.events} events, {sample.lost.exits} exits")
    return [line if columns is None else line[:columns] for line in lines]


def _machine(sample: Sample) -> list[str]:
    system = sample.system
    hot = [sensor for sensor in sample.sensors if sensor.temperature_c is not None]
    hottest = max(hot, key=lambda sensor: sensor.temperature_c or 0.0, default=None)
    heat = f"  {safe_text(hottest.label)} {celsius(hottest.temperature_c or 0.0)}" if hottest else ""
    memory = f"{shown_bytes(system.memory_used_bytes)} of {shown_bytes(system.memory_total_bytes)}"
    disk = f"{shown_bytes(system.disk_read_bps, '/s')} read, {shown_bytes(system.disk_write_bps, '/s')} written"
    network = f"{shown_bytes(system.network_received_bps, '/s')} in, {shown_bytes(system.network_sent_bps, '/s')} out"
    busy = f"{shown_percent(system.cpu_busy_ratio)} % of {system.cpus}"
    if system.package_watts is not None:
        busy += f", {three_digits(system.package_watts)} W"
    return [
        f"CPU {busy}, memory {memory}, swap {shown_bytes(system.swap_used_bytes)}{heat}  [{sample.source}]",
        f"Disk {disk}; network {network}",
    ]


def _processes(sample: Sample, rows: int) -> list[str]:
    busiest = np.argsort(-np.nan_to_num(sample.processes["cpu_ratio"], nan=-1.0), kind="stable")[:rows]
    return [_process(row) for row in sample.processes[busiest]]


def _process(row: np.void) -> str:
    cpu, wait = shown_percent(float(row["cpu_ratio"])), shown_percent(float(row["run_delay_ratio"]))
    read, written = shown_bytes(float(row["read_bps"]), "/s"), shown_bytes(float(row["write_bps"]), "/s")
    return (
        f"{row['pid']:>8} {row['uid']:>6} {cpu:>7} {wait:>7} {shown_bytes(float(row['rss_bytes'])):>9} "
        f"{read:>11} {written:>11} {row['threads']:>4}  {shown_name(bytes(row['comm']))}"
    )
