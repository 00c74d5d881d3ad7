"""What the person declared normal: which rule's warnings about which app aren't raised.

Alerts that fire meanwhile are remembered, so that taking an expectation back raises them. What becomes critical is
raised all the same: expected is that an app works hard, not that the machine comes to harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.choices import MOST_EXPECTED, Expected
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.joining import first_named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smoothtask_gui.domain.case import Member
    from smoothtask_gui.domain.changes import Draft, Key


class Expectations:
    """Pairs of rule and app, and the alerts that they mute now."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Expected] = {}
        self._muted: dict[Key, Member] = {}

    @property
    def kept(self) -> tuple[Expected, ...]:
        return tuple(self._kept.values())

    def resume(self, kept: Iterable[Expected]) -> None:
        """Go on with what was written down."""
        self._kept |= {(one.rule, one.app): one for one in kept}

    def learn(self, rule: str, app: str, realtime_ns: int) -> None:
        """From now on warnings of `rule` about `app` are normal."""
        self._kept[rule, app] = Expected(rule, app, realtime_ns)
        while len(self._kept) > MOST_EXPECTED:
            del self._kept[next(iter(self._kept))]

    def forget(self, rule: str, app: str) -> list[tuple[Key, Member]]:
        """Not normal any more; the alerts that were muted for it."""
        self._kept.pop((rule, app), None)
        freed = [(key, one) for key, one in self._muted.items() if key[0] == rule and app_of(one.draft) == app]
        for key, _ in freed:
            del self._muted[key]
        return freed

    def mute(self, key: Key, member: Member) -> bool:
        """Whether this alert is expected; it is then remembered as muted."""
        draft = member.draft
        if draft.severity is Severity.WARNING and (key[0], app_of(draft)) in self._kept:
            self._muted[key] = member
            return True
        return False

    def unmute(self, key: Key) -> Member | None:
        """Take the alert out of the muted ones; None if it isn't muted."""
        return self._muted.pop(key, None)


def app_of(draft: Draft) -> str:
    """The name of the app that a draft is about or names first, "" for none."""
    who = first_named(draft)
    return "" if who is None or who.identity is None else who.identity.comm
