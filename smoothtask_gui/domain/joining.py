"""Which alerts have one cause, and so are one incident.

Two kinds of alert meet: effects, which the whole machine suffers and which name several who may have caused them (heat,
throttling, pressure), and causes, which are about one app (runaway, leak). An effect belongs with each cause whose
app it names; effects of one topic on one part of the machine belong together; so do two alerts about one app.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.incident import Action, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smoothtask_gui.domain.changes import Draft, Key
    from smoothtask_gui.domain.incident import Share


class Topic(Enum):
    HEAT = auto()
    MEMORY = auto()
    DISK = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Kind:
    """How a rule's alerts join. The lowest `rank` gives the incident its title.

    `part` is what of the machine an effect is about, where the alert's own subject doesn't say it.
    """

    topic: Topic
    is_effect: bool
    rank: int
    part: str = ""


KINDS: Final = {
    "overheating": Kind(Topic.HEAT, is_effect=True, rank=0),
    "throttling": Kind(Topic.HEAT, is_effect=True, rank=1, part="cpu"),
    "fan_stopped": Kind(Topic.HEAT, is_effect=True, rank=2, part="cpu"),
    "overheating_soon": Kind(Topic.HEAT, is_effect=True, rank=3, part="cpu"),
    "part_overheating_soon": Kind(Topic.HEAT, is_effect=True, rank=3),
    "gpu_hot": Kind(Topic.HEAT, is_effect=True, rank=0),
    "oom": Kind(Topic.MEMORY, is_effect=True, rank=0, part="memory"),
    "memory_runs_out": Kind(Topic.MEMORY, is_effect=True, rank=1, part="memory"),
    "memory_pressure": Kind(Topic.MEMORY, is_effect=True, rank=2, part="memory"),
    "swap_thrash": Kind(Topic.MEMORY, is_effect=True, rank=3, part="memory"),
    "memory_leak": Kind(Topic.MEMORY, is_effect=False, rank=4),
    "disk_stall": Kind(Topic.DISK, is_effect=True, rank=0),
    "fsync_storm": Kind(Topic.DISK, is_effect=True, rank=1),
    "disk_full": Kind(Topic.DISK, is_effect=True, rank=0),
    "disk_full_soon": Kind(Topic.DISK, is_effect=True, rank=1),
    "disk_hog": Kind(Topic.DISK, is_effect=False, rank=4),
    "fork_storm": Kind(Topic.OTHER, is_effect=True, rank=4),
    "runaway": Kind(Topic.OTHER, is_effect=False, rank=5),
    "left_behind": Kind(Topic.OTHER, is_effect=False, rank=6),
    "battery_drain": Kind(Topic.OTHER, is_effect=False, rank=7),
}
_OF_A_SENSOR: Final = {"overheating", "part_overheating_soon"}
"""About one sensor these two are one thing, though the alert of the first is its group's."""

UNLISTED: Final = Kind(Topic.OTHER, is_effect=False, rank=9)


def kind_of(rule: str) -> Kind:
    """How alerts of `rule` join; a rule that isn't listed is about what it names."""
    return KINDS.get(rule, UNLISTED)


def leads(key: Key, draft: Draft, began_ns: int) -> tuple[bool, int, int, Key]:
    """Sorts the alerts of an incident, the one that gives it its title first; of equals the latest, which is news."""
    return draft.severity is not Severity.CRITICAL, kind_of(key[0]).rank, -began_ns, key


def arrange(rule: str, offered: Iterable[Action]) -> tuple[Action, ...]:
    """What can be done, the best first: some servers show three buttons.

    Who may be stopped may be paused and limited too. An effect is best treated by pausing or limiting its cause; an app
    that misbehaves by stopping it or calling it normal. Less processor time gives no memory back.
    """
    kind, known = kind_of(rule), set(offered)
    if Action.STOP in known:
        known |= {Action.PAUSE, Action.EXPECTED}
        if kind.topic is not Topic.MEMORY:
            known.add(Action.LIMIT)
    return tuple(action for action in (_EFFECT_ORDER if kind.is_effect else _CAUSE_ORDER) if action in known)


_EFFECT_ORDER: Final = (Action.PAUSE, Action.LIMIT, Action.SHOW, Action.STOP, Action.SNOOZE, Action.EXPECTED)
_CAUSE_ORDER: Final = (Action.STOP, Action.EXPECTED, Action.SNOOZE, Action.PAUSE, Action.LIMIT, Action.SHOW)


def belong_together(one: tuple[Key, Draft], other: tuple[Key, Draft]) -> bool:
    """Whether these two alerts have one cause."""
    (one_key, one_draft), (other_key, other_draft) = one, other
    one_kind, other_kind = kind_of(one_key[0]), kind_of(other_key[0])
    if one_kind.is_effect and other_kind.is_effect:
        if one_kind.topic is other_kind.topic and (one_kind.part or one_key[1]) == (other_kind.part or other_key[1]):
            return True
        if {one_key[0], other_key[0]} == _OF_A_SENSOR and one_draft.subject == other_draft.subject:
            return True
        blame = one_draft.named and other_draft.named  # those that name nobody only happen to list the same app first
        return bool(blame) and _same(first_named(one_draft), first_named(other_draft))
    if one_kind.is_effect:
        return _names(one_draft, first_named(other_draft))
    if other_kind.is_effect:
        return _names(other_draft, first_named(one_draft))
    return _same(first_named(one_draft), first_named(other_draft))


def first_named(draft: Draft) -> Share | None:
    """Whom a draft's remedies would reach: its first culprit that still lives."""
    return next((share for share in draft.shares if share.identity is not None), None)


def _names(effect: Draft, cause: Share | None) -> bool:
    return any(_same(share, cause) for share in effect.shares)


def _same(one: Share | None, other: Share | None) -> bool:
    """Whether two shares are of one app; where no app is known, of one process."""
    if one is None or other is None:
        return False
    if one.app_id and other.app_id:
        return one.app_id == other.app_id
    a, b = one.identity, other.identity
    return a is not None and b is not None and (a.pid, a.start_ns) == (b.pid, b.start_ns)
