"""Where in a rules file something stands, for messages about it: tomllib keeps no positions."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADER = re.compile(r"""\s*\[+\s*["']?([^\]"']+?)["']?\s*\]""")
_NAME = r"""(?:"([^"]*)"|'([^']*)'|([\w-]+))"""
_KEY = re.compile(rf"\s*{_NAME}\s*(?:\.\s*{_NAME}\s*)?=")


class RulesError(ValueError):
    """The rules can't be used; the message says what is wrong, where, and what is allowed."""


class Places:
    """Finds the line of a table or key again."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines: dict[tuple[str, str], int] = {}
        table = ""
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = header[1]
                self._lines.setdefault((table, ""), number)
            elif key := _KEY.match(line):
                first, second = (next((name for name in key.groups()[at : at + 3] if name), "") for at in (0, 3))
                found = (first, second) if second and not table else (table, first)
                self._lines.setdefault(found, number)

    def of(self, table: str, key: str = "") -> str:
        """The place as "FILE, line N", or "FILE" where the line can't be told."""
        candidates = ((table, key), (table, ""), ("", table))
        number = next((self._lines[place] for place in candidates if place in self._lines), None)
        return self._file if number is None else f"{self._file}, line {number}"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at what may have been meant."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
