"""The order of the rows: which process stands where, and that it stays there.

Rows are kept in the order shown. While held (pointer or selection on them) nothing moves: processes that ended stay
as ended rows, new ones come at the end. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

ENDED_KEPT: Final = 256
"""How many ended rows a long hold may keep; above it the topmost go, as memory must stay bounded."""

Rows = npt.NDArray[np.void]  # dtype RATE
Places = npt.NDArray[np.intp]
Find = Callable[[Rows, Rows], Places]


@dataclass(frozen=True, slots=True)
class Merge:
    """How the rows shown become the next ones: drop `gone` places (ascending), then append `added`."""

    rows: Rows  # as shown before, readings renewed, `gone` still in place
    ended: npt.NDArray[np.bool_]
    gone: Places
    added: Rows


def find(shown: Rows, latest: Rows) -> Places:
    """For each row shown the place of the same process in `latest` (ordered by pid), -1 if it ended."""
    if not len(latest):
        return np.full(len(shown), -1)
    at = np.minimum(np.searchsorted(latest["pid"], shown["pid"]), len(latest) - 1)
    same = (latest["pid"][at] == shown["pid"]) & (latest["start_ns"][at] == shown["start_ns"])
    return np.where(same, at, -1)


def find_cookies(shown: Rows, latest: Rows) -> Places:
    """As `find` for rows whose identity is `cookie`, in any order."""
    return _find_by("cookie", shown, latest)


def find_numbers(shown: Rows, latest: Rows) -> Places:
    """As `find` for rows whose identity is `number`, in any order."""
    return _find_by("number", shown, latest)


def _find_by(name: str, shown: Rows, latest: Rows) -> Places:
    if not len(latest):
        return np.full(len(shown), -1)
    order = np.argsort(latest[name], kind="stable")
    at = np.minimum(np.searchsorted(latest[name], shown[name], sorter=order), len(latest) - 1)
    return np.where(latest[name][order[at]] == shown[name], order[at], -1)


def merge(shown: Rows, latest: Rows, *, held: bool, find: Find = find) -> Merge:
    """Bring new readings into the rows shown without moving any; `find` tells which rows are the same."""
    at = find(shown, latest)
    ended = at < 0
    rows = shown.copy()
    rows[~ended] = latest[at[~ended]]
    is_new = np.ones(len(latest), bool)
    is_new[at[~ended]] = False
    gone = np.flatnonzero(ended)
    if held:
        gone = gone[: max(0, len(gone) - ENDED_KEPT)]
    return Merge(rows, ended, gone, latest[is_new])


def sorted_places(keys: npt.NDArray[np.bytes_] | npt.NDArray[np.float64], *, descending: bool) -> Places:
    """The stable order of `keys`: equal ones keep their places, missing ones (NaN) come last either way."""
    if keys.dtype.kind == "f":
        numbers = keys.astype(np.float64)
        return np.argsort(-numbers if descending else numbers, kind="stable")
    if not descending:
        return np.argsort(keys, kind="stable")
    return (len(keys) - 1 - np.argsort(keys[::-1], kind="stable"))[::-1]


def runs_from_the_end(places: Places) -> list[tuple[int, int]]:
    """Ascending places as (first, last) runs, the last run first: the order in which rows can be removed."""
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > 1)
    firsts = places[np.concatenate(([0], breaks + 1))]
    lasts = places[np.concatenate((breaks, [len(places) - 1]))]
    return [(int(first), int(last)) for first, last in zip(firsts[::-1], lasts[::-1], strict=True)]
