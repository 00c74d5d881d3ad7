"""Which process owns the active window, which have windows at all, and whether the active one fills the screen.

What a compositor doesn't tell is unknown, never "no": nothing is known of other windows under Wayland, whose own ones
only their compositor sees. Titles are never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from smoothtask_gui.domain.app import Apps


@dataclass(frozen=True, slots=True)
class Focus:
    """`active_pid` is None while no window is active. What isn't `known` may be more than what is said here."""

    active_known: bool = False
    active_pid: int | None = None
    full_screen: bool = False  # the active window is
    windows_known: bool = False
    window_pids: tuple[int, ...] = ()  # owners of windows that aren't minimised, ascending


class FocusPort(Protocol):
    """Who is asked; it is told by events, so asking costs nothing."""

    @property
    def latest(self) -> Focus | None:
        """What is so now, None where nobody can tell."""

    @property
    def reason(self) -> str:
        """Why nothing, or not all, can be told, in words for people; "" if all can."""


def is_full_screen(focus: Focus | None) -> bool | None:
    """Whether the active window fills the screen, None where that isn't known."""
    return focus.full_screen if focus is not None and focus.active_known else None


def in_focus(focus: Focus | None, pids: npt.NDArray[np.uint32], apps: Apps) -> npt.NDArray[np.float64]:
    """Of each app 1 if the active window is one of its processes', else 0; NaN where that isn't known."""
    known = focus is not None and focus.active_known
    owners = () if focus is None or focus.active_pid is None else (focus.active_pid,)
    return _owned(owners, pids, apps, known=known)


def have_windows(focus: Focus | None, pids: npt.NDArray[np.uint32], apps: Apps) -> npt.NDArray[np.float64]:
    """Of each app 1 if one of its processes has a window that isn't minimised, else 0; NaN where that isn't known."""
    known = focus is not None and focus.windows_known
    return _owned(() if focus is None else focus.window_pids, pids, apps, known=known)


def _owned(
    owners: tuple[int, ...], pids: npt.NDArray[np.uint32], apps: Apps, *, known: bool
) -> npt.NDArray[np.float64]:
    column = np.full(len(apps.apps), 0.0 if known else np.nan)
    if owners and len(pids):
        place = np.minimum(np.searchsorted(pids, owners), len(pids) - 1)
        column[apps.app_of[place[pids[place] == owners]]] = 1.0
    return column
