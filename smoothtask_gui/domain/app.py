"""The app: what a person started or the system runs, however many processes it has. The unit of every blame.

`id` stays the same when the app is started again, so that a person's word about it ("expected", "snooze") holds. It
begins with the kind; apps of people end in their uid, so that two people's Firefox are two apps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class AppKind(StrEnum):
    APPLICATION = "application"  # has a desktop entry, or a cgroup named after one
    SERVICE = "service"
    CONTAINER = "container"
    COMMAND = "command"  # started by hand or by another program, known by its name
    KERNEL = "kernel"
    COOLING = "cooling"  # forced idling (intel_powerclamp): its run time is the cooling, not the heat
    SHORT_LIVED = "short-lived"  # processes of which only the CPU time is known


@dataclass(frozen=True, slots=True)
class App:
    """Who it is. Name and icon are as files gave them, the name made safe."""

    id: str
    name: str
    kind: AppKind
    icon: str = ""  # an icon theme's name or a path
    desktop_id: str = ""


KERNEL: Final = App("kernel", "Linux kernel", AppKind.KERNEL)
COOLING: Final = App("cooling", "forced idle (cooling)", AppKind.COOLING)
SHORT_LIVED: Final = App("short-lived", "short-lived processes", AppKind.SHORT_LIVED)

APP: Final = np.dtype(
    [
        ("number", "u8"),  # of the app, never given to another one while the program runs
        ("lead_pid", "u4"),  # its oldest living process, 0 for none
        ("lead_start_ns", "u8"),
        ("uid", "u4"),  # the lead's
        ("processes", "u4"),
        ("exited", "u4"),  # processes that ended in the interval
        ("cpu_ratio", "f8"),  # 1.0 = one core; those that ended included
        ("exited_cpu_ratio", "f8"),  # the part of cpu_ratio that is theirs
        ("run_delay_ratio", "f8"),
        ("rss_bytes", "f8"),  # shared pages count once a process
        ("read_bps", "f8"),
        ("write_bps", "f8"),
        ("received_bps", "f8"),
        ("sent_bps", "f8"),
        ("major_faults_per_s", "f8"),
        ("gpu_ratio", "f8"),
    ]
)
"""Sums over an app's processes; NaN where none of them has a reading."""


def _no_rows() -> npt.NDArray[np.void]:
    return np.empty(0, APP)


def _no_places() -> npt.NDArray[np.intp]:
    return np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Apps:
    """The apps of one sample. `apps[i]` is row i of `rows`; each process and each exited row belongs to one."""

    apps: tuple[App, ...] = ()
    rows: npt.NDArray[np.void] = field(default_factory=_no_rows)  # dtype APP, ordered by number
    app_of: npt.NDArray[np.intp] = field(default_factory=_no_places)  # row of each of Sample.processes
    exited_of: npt.NDArray[np.intp] = field(default_factory=_no_places)  # row of each of Sample.exited

    def place(self, app_id: str) -> int | None:
        """The row of an app, None if it isn't there."""
        return next((at for at, app in enumerate(self.apps) if app.id == app_id), None)

    def members(self, place: int) -> npt.NDArray[np.intp]:
        """The places in Sample.processes of an app's processes."""
        return np.flatnonzero(self.app_of == place)
