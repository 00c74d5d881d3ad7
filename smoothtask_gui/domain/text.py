"""Text from outside (process names, sensor labels) made harmless, and numbers made readable.

A process chooses its own name: it may hold newlines, terminal escapes, bidirectional controls or markup. Nothing but
`safe_text` turns such bytes into text that a notification, a label, a log line or a terminal may show.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Final

TEXT_BYTES: Final = 256
"""The longest text from outside that any sink gets (docs: strings are bounded at 256 bytes)."""

_ELLIPSIS: Final = "…"
# Cc control, Cf format (bidi controls, zero width), Zl/Zp line and paragraph separator, Cs lone surrogates,
# Co private use, Cn unassigned: https://www.unicode.org/reports/tr44/#General_Category_Values
_ESCAPED: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def safe_text(raw: str | bytes, limit_bytes: int = TEXT_BYTES) -> str:
    r"""`raw` as one line of plain text, at most `limit_bytes` of UTF-8, unprintable characters written as escapes.

    Bytes are read as UTF-8; what isn't is shown as \xNN. Markup stays literal: sinks show plain text.
    """
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    shown: list[str] = []
    left = limit_bytes
    for character in text[: limit_bytes + 1]:
        piece = _escape(character) if unicodedata.category(character) in _ESCAPED else character
        left -= len(piece.encode())
        if left < 0:
            return _cut("".join(shown), limit_bytes - len(_ELLIPSIS.encode())) + _ELLIPSIS
        shown.append(piece)
    return "".join(shown)


def one_line(text: str) -> str:
    """`text` with what stands on further lines after semicolons: a sentence for people, then a log's last lines."""
    return "; ".join(filter(None, map(str.strip, text.splitlines())))


def elide(text: str, width: int) -> str:
    """`text` in at most `width` characters, its middle left out: both ends of a name tell it apart."""
    if len(text) <= width:
        return text
    if width <= 1:
        return _ELLIPSIS[:width]
    head = width // 2
    return text[:head] + _ELLIPSIS + text[len(text) - (width - head - 1) :]


def three_digits(value: float) -> str:
    """`value` with three significant digits and no exponent: 0.0123, 1.23, 12.3, 123, 1230; "?" if it isn't finite."""
    if not math.isfinite(value):
        return "?"
    if value == 0:
        return "0"
    decimals = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    text = f"{rounded:.{min(max(decimals, 0), 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def size(size_bytes: float) -> str:
    """`size_bytes` in B, kB, MB, GB or TB (powers of 1000), three significant digits."""
    value = size_bytes
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.5:
            return f"{three_digits(value)} {unit}"
        value /= 1000
    return f"{three_digits(value)} TB"


def percent(ratio: float) -> str:
    """A ratio of 0..1 as whole percent; small but not nothing is "<1 %"."""
    if not math.isfinite(ratio):
        return "? %"
    return "<1 %" if 0 < ratio < 0.005 else f"{ratio * 100:.0f} %"


def celsius(temperature_c: float) -> str:
    return f"{temperature_c:.0f} °C" if math.isfinite(temperature_c) else "? °C"


def duration(duration_ns: int) -> str:
    """A time span in its two largest units: 8 s, 2 min 10 s, 3 h 5 min, 2 d 4 h."""
    seconds = max(0, round(duration_ns / 1e9))
    if seconds < 60:
        return f"{seconds} s"
    for big, small, big_unit, small_unit in ((60, 1, "min", "s"), (3600, 60, "h", "min"), (86400, 3600, "d", "h")):
        if seconds < big * (60 if big < 3600 else 24) or big == 86400:
            major, minor = divmod(seconds, big)
            minor //= small
            return f"{major} {big_unit} {minor} {small_unit}" if minor else f"{major} {big_unit}"
    raise AssertionError("unreachable: days take every span")


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _cut(text: str, limit_bytes: int) -> str:
    return text.encode()[: max(0, limit_bytes)].decode("utf-8", "ignore")
