"""`smoothtask history`: what was going on at a time, as the flight recorder knows it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from platformdirs import user_state_path

from smoothtask_gui.adapters.history import reader, schema
from smoothtask_gui.adapters.history.schema import HistoryError
from smoothtask_gui.cli.alerts import incident_to_json, incident_to_line
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.items import tell
from smoothtask_gui.cli.plain import shown_bytes, shown_percent
from smoothtask_gui.domain.history.answers import METHOD
from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.history.series import CPU, MEMORY, MEMORY_TOTAL, SERIES, TEMPERATURE
from smoothtask_gui.domain.text import celsius, duration, safe_text

if TYPE_CHECKING:
    import argparse

    from smoothtask_gui.domain.history.answers import Answer, AppUse, Line

_NS: Final = 1_000_000_000
_MINUTE_S: Final = 60
_DEFAULT_S: Final = 600
_LINES: Final = 20
_MOST_POINTS: Final = 10_000


async def history(arguments: argparse.Namespace) -> int:
    """Print what is known of the span; exit code 0 also if that is nothing. Raises Failure."""
    since_s, until_s = _span(arguments, datetime.now().astimezone())
    path = user_state_path("smoothtask", appauthor=False) / schema.NAME
    try:
        answer = reader.ask(path, Question(since_s, until_s, _MOST_POINTS if arguments.json else _LINES))
    except HistoryError as error:
        raise Failure(str(error)) from error
    if answer.damaged:
        tell(f"{answer.damaged} pieces of {path} are damaged and left out")
    if answer.last_s is None:
        tell(f"nothing has been recorded yet in {path}")
    elif answer.since_s is None:
        tell(f"nothing was recorded then; there are records from {_clock(answer.first_s)} to {_clock(answer.last_s)}")
    if arguments.json:
        print(json.dumps(to_json(since_s, until_s, answer), allow_nan=False))
    else:
        print("\n".join(_to_lines(since_s, until_s, answer)))
    return 0


def _span(arguments: argparse.Namespace, now: datetime) -> tuple[float, float]:
    """In seconds since 1970: the minute of --at, else --since to --until, else the last ten minutes."""
    if arguments.at is not None:
        at_s = arguments.at.timestamp()
        return at_s - at_s % _MINUTE_S, at_s - at_s % _MINUTE_S + _MINUTE_S
    until_s = now.timestamp() if arguments.until is None else arguments.until.timestamp()
    since_s = until_s - _DEFAULT_S if arguments.since is None else arguments.since.timestamp()
    if since_s >= until_s:
        raise Failure(f"--since ({_clock(since_s)}) must be before --until ({_clock(until_s)})")
    return since_s, until_s


def to_json(since_s: float, until_s: float, answer: Answer) -> dict[str, Any]:
    """The object that docs/cli.md promises."""
    return {
        "since_realtime_ns": round(since_s * _NS),
        "until_realtime_ns": round(until_s * _NS),
        "recorded_s": round(answer.recorded_s, 3),
        "points": [_point(answer.line, place) for place in range(len(answer.line))],
        "apps": [{name: _rounded(value) for name, value in asdict(use).items()} for use in answer.apps],
        "rest_share": _rounded(answer.rest_share),
        "method": METHOD,
        "incidents": [incident_to_json(incident) for incident in answer.incidents],
        "notes": [asdict(note) for note in answer.notes],
        "first_realtime_ns": None if answer.first_s is None else answer.first_s * _NS,
        "last_realtime_ns": None if answer.last_s is None else answer.last_s * _NS,
        "damaged": answer.damaged,
    }


def _point(line: Line, place: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "start_realtime_ns": round(float(line.start_s[place]) * _NS),
        "length_s": float(line.length_s[place]),
    }
    for at, name in enumerate(SERIES):
        mean, peak = float(line.means[place, at]), float(line.peaks[place, at])
        values[name] = None if math.isnan(mean) else {"mean": _rounded(mean), "peak": _rounded(peak)}
    return values


def _rounded(value: Any) -> Any:
    """As exact as the history is (adapters/history/frames.py)."""
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _to_lines(since_s: float, until_s: float, answer: Answer) -> list[str]:
    recorded = duration(round(answer.recorded_s * _NS))
    lines = [f"{_clock(since_s)} to {_clock(until_s)}, {recorded} recorded", ""]
    if len(answer.line):
        lines.append(f"{'FROM':<19} {'CPU %':>7} {'UP TO':>7} {'°C':>7} {'MEMORY':>20}")
        lines += [_line(answer.line, place) for place in range(len(answer.line))]
        lines.append("")
    if answer.apps:
        lines.append(f"{'CPU %':>7} {'MEMORY':>9} {'DISK':>9} {'NETWORK':>9} {'ENDED':>6}  APP ({METHOD})")
        lines += [_app(use) for use in answer.apps[:_LINES]]
        shown = sum(use.cpu_share or 0.0 for use in answer.apps[:_LINES])
        if answer.rest_share is not None:
            lines.append(f"{shown_percent(max(0.0, 1 - shown)):>7} {'':>36}  the rest")
        lines.append("")
    lines += [f"{_clock(each.started_realtime_ns / _NS)}  {incident_to_line(each)}" for each in answer.incidents]
    lines += [f"{_clock(note.realtime_ns / _NS)}  {note.kind}: {safe_text(note.text, 600)}" for note in answer.notes]
    return lines


def _line(line: Line, place: int) -> str:
    means, peaks = line.means[place], line.peaks[place]
    memory = f"{shown_bytes(float(means[MEMORY]))} of {shown_bytes(float(means[MEMORY_TOTAL]))}"
    cpu, most = shown_percent(float(means[CPU])), shown_percent(float(peaks[CPU]))
    degrees = celsius(float(peaks[TEMPERATURE])).removesuffix(" °C")
    return f"{_clock(float(line.start_s[place])):<19} {cpu:>7} {most:>7} {degrees:>7} {memory:>20}"


def _app(use: AppUse) -> str:
    disk = _sum(use.read_bytes, use.write_bytes)
    network = _sum(use.received_bytes, use.sent_bytes)
    ended = str(use.ended) if use.ended else ""
    return (
        f"{shown_percent(use.cpu_share):>7} {shown_bytes(use.memory_bytes):>9} {shown_bytes(disk):>9} "
        f"{shown_bytes(network):>9} {ended:>6}  {safe_text(use.name)}"
    )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None and second is None else (first or 0.0) + (second or 0.0)


def _clock(at_s: float | None) -> str:
    try:
        return "?" if at_s is None else datetime.fromtimestamp(at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "?"
