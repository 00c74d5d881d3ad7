"""One rule as it is judged: frozen, complete, its formulas read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.alert import Timing
from smoothtask_gui.domain.incident import Action, Severity

if TYPE_CHECKING:
    from smoothtask_gui.domain.judging.expression import Condition, Expression
    from smoothtask_gui.domain.judging.series import Scope


ENERGY: Final = "energy"
"""What `blames` may say beside a series: the processor's energy in the last minute, or what stands for it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is watched for, how long it must last, and what is said.

    While it fires it is over once `clear_when` holds (without one: once `when` doesn't). `value` is the number whose
    peak the incident shows, `level` what it is compared with, `share` the culprit's part of the whole (0..1). Texts
    hold {series} in braces; a sentence of `body` with a missing one is left out. `blames` is for rules about neither
    apps nor processes.
    """

    name: str
    scope: Scope
    when: Condition
    value: Expression
    clear_when: Condition | None = None
    critical_when: Condition | None = None
    unless: Condition | None = None  # excuses the beginning where it is known to hold; unknown excuses nothing
    level: Expression | None = None
    share: Expression | None = None
    blames: str = ""  # series of apps, or ENERGY: those with most of it are named as culprits
    enabled: bool = True
    for_s: float = 60.0
    keep_firing_for_s: float = 15.0
    cooldown_s: float = 600.0
    severity: Severity = Severity.WARNING
    remedies: tuple[Action, ...] = (Action.SHOW, Action.SNOOZE)
    ignore: tuple[str, ...] = ()  # names of targets that may
    lasting: bool = False  # half of the level must come from what was there all the time
    forgives_dips: bool = False  # pending goes on while the mean stays at `level` and it isn't clear
    numbers: tuple[tuple[str, float], ...] = ()  # the rule's own, which formulas may name
    title: str = "{name}"
    body: tuple[str, ...] = ()
    over: str = "{name}: over"

    @property
    def timing(self) -> Timing:
        return Timing.of_seconds(self.for_s, self.keep_firing_for_s, self.cooldown_s)

    @property
    def names(self) -> frozenset[str]:
        """Every series and number that its formulas name."""
        formulas = (
            self.when,
            self.value,
            self.clear_when,
            self.critical_when,
            self.unless,
            self.level,
            self.share,
        )
        return frozenset(name for formula in formulas if formula is not None for name in formula.names)

    @property
    def needed(self) -> frozenset[str]:
        """The series without which it can't be judged."""
        return frozenset(self.when.names) - {name for name, _ in self.numbers}
