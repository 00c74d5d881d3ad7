"""The person's own quiet hours: a daily span such as "22:00-07:00", in which only critical alerts are announced."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DAY_MINUTES: Final = 24 * 60
_SPAN: Final = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of the day; an end that isn't after the begin is on the next day."""

    begin_minute: int
    end_minute: int

    def cover(self, minute: int) -> bool:
        """Whether this minute of the day is quiet."""
        if self.begin_minute < self.end_minute:
            return self.begin_minute <= minute < self.end_minute
        return minute >= self.begin_minute or minute < self.end_minute

    def __str__(self) -> str:
        return f"{_clock(self.begin_minute)}-{_clock(self.end_minute)}"


def parse_quiet_hours(text: str) -> QuietHours | None:
    """The span; None for "" (no quiet hours). ValueError, a sentence, for anything else that is no span."""
    if not text.strip():
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no span of time such as "22:00-07:00".')
    hours = [int(part) for part in found.groups()]
    if hours[0] > 23 or hours[2] > 23 or hours[1] > 59 or hours[3] > 59:
        raise ValueError(f"{text!r} is no time of the day: hours go to 23, minutes to 59.")
    span = QuietHours(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])
    if span.begin_minute == span.end_minute:
        raise ValueError(f"{text!r} begins when it ends; leave it empty for no quiet hours.")
    return span


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
