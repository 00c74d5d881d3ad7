"""Where a time axis is marked, and how: round moments of local time, days by their date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QDateTime, QLocale

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS_S: Final = (
    *(10, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 56 * _DAY),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis, in seconds since 1970."""

    at_s: float
    text: str


def ticks(since_s: float, until_s: float, most: int) -> tuple[Tick, ...]:
    """At most about `most` round moments within the span."""
    span_s = max(1.0, until_s - since_s)
    step_s = next((step for step in _STEPS_S if span_s / step <= max(1, most)), span_s)
    offset_s = QDateTime.fromSecsSinceEpoch(int(since_s)).offsetFromUtc()
    first = -(-(since_s + offset_s) // step_s) * step_s - offset_s
    count = int((until_s - first) // step_s) + 1
    return tuple(Tick(first + place * step_s, _text(first + place * step_s, step_s)) for place in range(max(0, count)))


def _text(at_s: float, step_s: float) -> str:
    moment = QDateTime.fromSecsSinceEpoch(int(at_s))
    if step_s >= _DAY or (moment.time().hour() == 0 and moment.time().minute() == 0 and step_s >= _HOUR):
        return QLocale().toString(moment.date(), "d MMM")
    return moment.toString("HH:mm:ss" if step_s < _MINUTE else "HH:mm")
