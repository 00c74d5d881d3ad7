"""Numbers, units, durations and names as a person reads them.

Three significant digits at most, a no-break space before the unit, the locale's decimal sign, and a dash for what is
missing. Sizes and rates count in powers of 1,000, as they do in notifications (`domain/text.py`). Names come from
other programs and may be hostile: they are bounded here and shown literally. Nothing here fails: what can't be
formatted becomes the dash.
"""

from __future__ import annotations

import html
import math
import unicodedata
from typing import Final

from PySide6.QtCore import QCoreApplication, QLocale

from smoothtask_gui.domain.text import safe_text

MISSING: Final = "—"
SPACE: Final = "\u00a0"
NAME_LIMIT_BYTES: Final = 120
ONE_LINE_LETTERS: Final = 150
_RIGHT_TO_LEFT: Final = ("R", "AL")


def digits(value: float | None) -> str:
    """Three significant digits, never scientific: 0.123, 1.23, 12.3, 123, 1234; the dash for None, NaN, infinity."""
    if value is None or not math.isfinite(value):
        return MISSING
    magnitude = abs(value)
    places = 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2
    return _number(value, places)


def percent(ratio: float | None, *, unit: bool = True) -> str:
    """A ratio (1.0 = 100 %) in percent: one decimal below 10, none from there on; more would be noise at 1 Hz."""
    if ratio is None or not math.isfinite(ratio):
        return MISSING
    value = ratio * 100
    text = _number(value, 1 if 0 < abs(value) < 9.95 else 0)
    return f"{text}{SPACE}%" if unit else text


def tenths(ratio: float | None) -> str:
    """A ratio in percent without the sign, for a column whose header has it: 0.4, 12.3, 134."""
    if ratio is None or not math.isfinite(ratio):
        return MISSING
    return _number(ratio * 100, 1 if abs(ratio) < 0.9995 else 0)


def celsius(temperature_c: float | None) -> str:
    """A temperature in whole degrees: sensors are rarely better than one degree."""
    if temperature_c is None or not math.isfinite(temperature_c):
        return MISSING
    return f"{_number(temperature_c, 0)}{SPACE}°C"


def watts(power_w: float | None) -> str:
    """A power: 0.42 W, 7.30 W, 28.4 W, 151 W."""
    text = digits(power_w)
    return text if text == MISSING else f"{text}{SPACE}W"


def size(size_bytes: float | None) -> str:
    """Memory: 512 B, 1.23 kB, 12.3 MB, 31.2 GB."""
    return _scaled(size_bytes, _size_units())


def rate(bytes_per_s: float | None) -> str:
    """Disk and network: 0 B/s, 1.23 kB/s, 12.3 MB/s."""
    return _scaled(bytes_per_s, _rate_units())


def rate_pair(first_bps: float | None, second_bps: float | None, template: str) -> str:
    """Two rates in the larger one's unit, which is said once: "↓ {}  ↑ {}" gives ↓ 3.10  ↑ 0.20 MB/s."""
    known = [abs(value) for value in (first_bps, second_bps) if value is not None and math.isfinite(value)]
    if not known:
        return MISSING
    largest = max(known)
    scaled, unit = _scale(largest, _rate_units())
    divisor = largest / scaled if scaled else 1.0
    said = (
        MISSING if value is None else digits(value / divisor) if value else "0" for value in (first_bps, second_bps)
    )
    return f"{template.format(*said)}{SPACE}{unit}"


def size_of(used_bytes: float | None, total_bytes: float | None) -> str:
    """Used of total in the total's unit, which is said once: 9.1 of 31.2 GB."""
    if used_bytes is None or total_bytes is None:
        return size(used_bytes)
    scaled_total, unit = _scale(total_bytes, _size_units())
    divisor = total_bytes / scaled_total if scaled_total else 1.0
    template = QCoreApplication.translate("formats", "{used} of {total}")
    return template.format(used=digits(used_bytes / divisor), total=f"{digits(scaled_total)}{SPACE}{unit}")


def duration(seconds: float | None) -> str:
    """The two largest units: 8 s, 2 min 10 s, 1 h 5 min, 3 d 4 h."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    whole = max(0, round(seconds))
    units = (
        (86_400, QCoreApplication.translate("formats", "d", "days")),
        (3_600, QCoreApplication.translate("formats", "h", "hours")),
        (60, QCoreApplication.translate("formats", "min", "minutes")),
        (1, QCoreApplication.translate("formats", "s", "seconds")),
    )
    for index, (length_s, unit) in enumerate(units):
        if whole >= length_s:
            count, rest = divmod(whole, length_s)
            text = f"{count}{SPACE}{unit}"
            if index + 1 < len(units) and rest // units[index + 1][0]:
                text += f" {rest // units[index + 1][0]}{SPACE}{units[index + 1][1]}"
            return text
    return f"0{SPACE}{units[-1][1]}"


def brief(seconds: float | None) -> str:
    """A short time in the unit that fits: 2 ns, 1.02 µs, 33.6 ms, 1.07 s."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    for unit, length_s in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= length_s:
            return f"{digits(seconds / length_s)}{SPACE}{unit}"
    return f"{_number(seconds * 1e9, 0)}{SPACE}ns"


def name(raw: str | bytes, limit_bytes: int = NAME_LIMIT_BYTES) -> str:
    """A foreign name as one bounded line, what can't be seen escaped; markup stays, as our widgets are plain text."""
    return safe_text(raw, limit_bytes)


def apart(text: str) -> str:
    """A name beside which a number stands: written from right to left it would draw the number to its other side."""
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text):
        return f"\u2068{text}\u2069"  # first strong isolate … pop directional isolate (Unicode TR 9)
    return text


def label(text: str) -> str:
    """Text for menus, buttons and tabs, where a single ampersand would become a mnemonic."""
    return text.replace("&", "&&")


def tooltip(text: str) -> str:
    """Text for a tooltip; Qt guesses whether one is rich text (by "<" and "&lt;"), so what might be is escaped.

    A long one is made rich text, as Qt breaks no line of plain text, however wide the screen.
    """
    if "<" not in text and "&" not in text and len(text) <= ONE_LINE_LETTERS:
        return text
    return f'<p style="white-space:pre-wrap">{html.escape(text)}</p>'


def _number(value: float, places: int) -> str:
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
    text = locale.toString(float(value), "f", places)
    return text[1:] if value < 0 and not round(value, places) else text  # never "-0"


def _scaled(value: float | None, units: tuple[str, ...]) -> str:
    if value is None or not math.isfinite(value):
        return MISSING
    scaled, unit = _scale(value, units)
    text = _number(scaled, 0) if unit == units[0] else digits(scaled)
    return f"{text}{SPACE}{unit}"


def _scale(value: float, units: tuple[str, ...]) -> tuple[float, str]:
    index = 0
    while abs(value) >= 999.5 and index + 1 < len(units):
        value /= 1000
        index += 1
    return value, units[index]


def _size_units() -> tuple[str, ...]:
    return tuple(QCoreApplication.translate("formats", "B kB MB GB TB", "five units, keep the spaces").split(" "))


def _rate_units() -> tuple[str, ...]:
    units = QCoreApplication.translate("formats", "B/s kB/s MB/s GB/s TB/s", "five units, keep the spaces")
    return tuple(units.split(" "))
