"""Adds up the marks of all situations, and says whether the rules are good enough to be kept on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from laboratory.judge import Marks

LEAST_RECALL: Final = 0.97
LEAST_PRECISION: Final = 0.97
LEAST_NAMED: Final = 0.98
MOST_MEDIAN_DELAY_S: Final = 1.5
MOST_DELAY_S: Final = 5.0
LEAST_TIMES_REAL: Final = 300


@dataclass(frozen=True, slots=True)
class Score:
    """Ratios are 0..1, None where nothing was to be counted."""

    expected: int
    hits: int
    false_alarms: int
    named: int
    delays_s: tuple[float, ...]
    ordinary_s: float
    ordinary_notifications: int
    times_real: float | None

    @property
    def recall(self) -> float | None:
        return self.hits / self.expected if self.expected else None

    @property
    def precision(self) -> float | None:
        said = self.hits + self.false_alarms
        return self.hits / said if said else None

    @property
    def named_ratio(self) -> float | None:
        return self.named / self.hits if self.hits else None


def add_up(marks: Sequence[Marks]) -> Score:
    """The score over all situations."""
    hits = [hit for each in marks for hit in each.hits]
    ordinary = [each for each in marks if each.situation.ordinary]
    took_s = sum(each.played.took_s for each in marks)
    return Score(
        expected=sum(len(each.situation.expected) for each in marks),
        hits=len(hits),
        false_alarms=sum(len(each.false_alarms) for each in marks),
        named=sum(hit.is_named for hit in hits),
        delays_s=tuple(hit.delay_s for hit in hits),
        ordinary_s=sum(each.played.recorded_s for each in ordinary),
        ordinary_notifications=sum(each.played.notifications for each in ordinary),
        times_real=sum(each.played.recorded_s for each in marks) / took_s if took_s else None,
    )


def shortfalls(score: Score) -> list[str]:
    """Which targets are missed, in words; empty if all are met. No situation at all is none that was met."""
    missed = [] if score.times_real is not None else ["no situation was judged"]
    for what, found, least in (
        ("recall", score.recall, LEAST_RECALL),
        ("precision", score.precision, LEAST_PRECISION),
        ("culprit named first", score.named_ratio, LEAST_NAMED),
    ):
        if found is not None and found < least:
            missed.append(f"{what} {_ratio(found)}, at least {least:g}")
    if score.delays_s and median(score.delays_s) > MOST_MEDIAN_DELAY_S:
        missed.append(f"median delay {median(score.delays_s):.1f} s, at most {MOST_MEDIAN_DELAY_S:g} s")
    if score.delays_s and max(score.delays_s) > MOST_DELAY_S:
        missed.append(f"worst delay {max(score.delays_s):.1f} s, at most {MOST_DELAY_S:g} s")
    if score.ordinary_notifications:
        missed.append(f"{score.ordinary_notifications} notifications in ordinary work, at most 0")
    return missed


def too_slow(score: Score) -> list[str]:
    """Whether judging takes too long, in words; apart from the marks, which are the same on every machine."""
    if score.times_real is None or score.times_real >= LEAST_TIMES_REAL:
        return []
    return [f"judged at {score.times_real:.0f} times real time, at least {LEAST_TIMES_REAL}"]


def table(marks: Sequence[Marks]) -> str:
    """A line a situation: what came, what was missed, what should not have come."""
    width = max(len(each.situation.name) for each in marks)
    return "\n".join(f"{each.situation.name:<{width}}  {_told(each)}" for each in marks)


def summary(score: Score) -> str:
    """The score in a few lines."""
    hours = score.ordinary_s / 3600
    lines = [
        f"recall {_ratio(score.recall)} ({score.hits} of {score.expected})",
        f"precision {_ratio(score.precision)} ({score.false_alarms} false alarms)",
        f"culprit named first {_ratio(score.named_ratio)}",
        f"notifications in {hours:.2f} hours of ordinary work: {score.ordinary_notifications}",
        f"notifications an hour: {_an_hour(score.ordinary_notifications, hours)}",
    ]
    if score.delays_s:
        lines.append(
            "delay beyond the rule's own time: "
            f"median {median(score.delays_s):.1f} s, worst {max(score.delays_s):.1f} s"
        )
    if score.times_real is not None:
        lines.append(f"judged at {score.times_real:.0f} times real time")
    return "\n".join(lines)


def _told(each: Marks) -> str:
    told = [
        f"{hit.expected.rule}{'' if hit.is_named else ' (wrong culprit)'} after {hit.delay_s:+.1f} s"
        for hit in each.hits
    ]
    told += [f"MISSED {expected.rule} of {expected.culprit or 'nobody'}" for expected in each.missed]
    told += [f"FALSE {alert.rule}: {alert.title}" for alert in each.false_alarms]
    return "; ".join(told) or "silent, as it should be"


def _an_hour(notifications: int, hours: float) -> str:
    return f"{notifications / hours:.2f}" if hours else "nothing recorded"


def _ratio(value: float | None) -> str:
    return "nothing to count" if value is None else f"{value:.3f}"
