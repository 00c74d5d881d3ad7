"""The rule for an app that uses much of the CPU for long, as the settings window has it, in the engine's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.judging.expression import condition, expression
from smoothtask_gui.domain.judging.rule import Rule
from smoothtask_gui.domain.judging.series import Scope

if TYPE_CHECKING:
    from smoothtask_gui.domain.rules import Runaway

NAME: Final = "runaway"
_WHEN: Final = condition(
    "cpu_cores >= cores / 3 and (spinning_cores >= cores"
    " or (spinning_cores + run_delay_ratio >= cores and spinning_cores >= 0.9 * cpu_cores))"
)
"""Spins on many cores, or would if it were let: on a crowded machine one that never sleeps waits for its turn. The
app's waiting is put down to what spins only where that is nearly all of its CPU time. Who uses little isn't looked at.
"""
_CLEAR: Final = condition("cpu_cores + run_delay_ratio <= clear_cores or cpu_cores <= clear_cores / 3")
_VALUE: Final = expression("cpu_cores")
_LEVEL: Final = expression("cores")
_SHARE: Final = expression("cpu_cores / (cpu_busy_ratio * cpus)")


def runaway_rule(settings: Runaway) -> Rule:
    """The rule that these settings mean."""
    return Rule(
        name=NAME,
        scope=Scope.APP,
        when=_WHEN,
        clear_when=_CLEAR,
        unless=settings.unless,
        critical_when=settings.critical_when,
        value=_VALUE,
        level=_LEVEL,
        share=_SHARE,
        enabled=settings.enabled,
        for_s=settings.for_s,
        keep_firing_for_s=settings.keep_firing_for_s,
        cooldown_s=settings.cooldown_s,
        severity=settings.severity,
        remedies=settings.remedies,
        ignore=settings.ignore,
        lasting=True,
        forgives_dips=True,
        numbers=(
            ("clear_cores", settings.clear_cores),
            ("cores", settings.cores),
            ("used_within_s", settings.used_within_s),
        ),
        title="{name} has used {mean} for {lasted}",
        body=(
            "Most of it by {process}.",
            "Started by {parent} {age} ago.",
            "Its window was last in focus {unused_s} ago.",
            "Uses {rss_bytes} of memory.",
        ),
        over="{name} calmed down after {lasted}",
    )
