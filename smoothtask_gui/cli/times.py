"""Moments as people type them: 15:05, 2026-11-22 15:05, 20m (ago). Local time; what is told without a day is past."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta
from typing import Final

_AGO: Final = re.compile(r"(?P<count>\d{1,6}(\.\d+)?)\s*(?P<unit>s|m|min|h|d)( ago)?", re.ASCII)
_UNIT_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_CLOCK: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(:(?P<second>\d\d))?", re.ASCII)


def moment(text: str, now: datetime) -> datetime:
    """The moment that `text` names; `now` is local time with its zone. Raises argparse.ArgumentTypeError."""
    if found := _CLOCK.fullmatch(text.strip()):
        return _today(int(found["hour"]), int(found["minute"]), int(found["second"] or 0), text, now)
    try:
        if found := _AGO.fullmatch(text.strip()):
            return now - timedelta(seconds=float(found["count"]) * _UNIT_S[found["unit"]])
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise _refused(text) from error


def _today(hour: int, minute: int, second: int, text: str, now: datetime) -> datetime:
    """That time of today, of yesterday if it is still to come."""
    try:
        found = now.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None).astimezone()
    except ValueError as error:
        raise _refused(text) from error
    return found if found <= now else (found.replace(tzinfo=None) - timedelta(days=1)).astimezone()


def _refused(text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(
        f"{text!r} is no time: 15:05, 15:05:30, 2026-11-22 15:05 or 20m (ago; s, m, h, d) would be"
    )
