"""What a rule says to the desk that keeps the incidents: something began, changed, or is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Action, Severity, Share

Key = tuple[str, str]
"""Rule name, and what of it: two changes with one key are about one incident."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An incident but for its id, state and times."""

    severity: Severity
    title: str
    body: str
    subject: str
    value: float
    limit: float
    shares: tuple[Share, ...] = ()
    rest_ratio: float | None = None
    method: str = ""
    actions: tuple[Action, ...] = ()
    named: str = ""  # whom the title names as the cause: another name is worth a changed notification


@dataclass(frozen=True, slots=True)
class Fired:
    key: Key
    draft: Draft
    began_ns: int


@dataclass(frozen=True, slots=True)
class Updated:
    """Still firing."""

    key: Key
    draft: Draft


@dataclass(frozen=True, slots=True)
class Resolved:
    """Over. `is_silent`: nobody needs to be told (the rule was switched off).

    `fact` is the title without how long it took ("CPU cooled down to 71 °C"), so that the desk can add what was done.
    `has_ended`: it is over because whoever it was about has ended.
    """

    key: Key
    title: str
    is_silent: bool = False
    fact: str = ""
    has_ended: bool = False


Change = Fired | Updated | Resolved
