"""Where the file systems are mounted that hooks counted: the kernel's side knows them by number only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smoothtask_gui.domain.activity_rates import ActivityRates


def with_mounts(rates: ActivityRates, mounts: Mapping[tuple[int, int], str]) -> ActivityRates:
    """The same, with the path that each file system is mounted at, by (major, minor)."""
    if not rates.file_systems:
        return rates
    return replace(
        rates,
        file_systems=tuple(replace(row, mount=mounts.get((row.major, row.minor))) for row in rates.file_systems),
    )
