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
        self._has_news = False

    @property
    def kept(self) -> tuple[Expected, ...]:
        return tuple(self._kept.values())

    def resume(self, kept: Iterable[Expected]) -> None:
        """Go on with what was written down."""
        self._kept |= {(one.rule, one.app): one for one in kept}

    def learn(self, rule: str, draft: Draft, realtime_ns: int) -> None:
        """From now on warnings of `rule` about the app of this draft are normal."""
        app, name = app_of(draft)
        self._kept[rule, app] = Expected(rule, app, realtime_ns, name)
        while len(self._kept) > MOST_EXPECTED:
            del self._kept[next(iter(self._kept))]

    def forget(self, rule: str, app: str) -> list[tuple[Key, Member]]:
        """Not normal any more; the alerts that were muted for it."""
        self._kept.pop((rule, app), None)
        freed = [(key, one) for key, one in self._muted.items() if key[0] == rule and app_of(one.draft)[0] == app]
        for key, _ in freed:
            del self._muted[key]
        return freed

    def mute(self, key: Key, member: Member) -> bool:
        """Whether this alert is expected; it is then remembered as muted."""
        draft = member.draft
        if draft.severity is Severity.WARNING and self._is_kept(key[0], draft):
            self._muted[key] = member
            return True
        return False

    def _is_kept(self, rule: str, draft: Draft) -> bool:
        """An entry that knows a process's name only learns of which app it is when that one comes again."""
        app, name = app_of(draft)
        who = first_named(draft)
        if (rule, app) not in self._kept and who is not None and who.identity is not None:
            old = self._kept.pop((rule, who.identity.comm), None)
            if old is not None:
                self._kept[rule, app] = Expected(rule, app, old.since_realtime_ns, name)
                self._has_news = True
        return (rule, app) in self._kept

    def take_news(self) -> bool:
        """Whether what is kept has changed by itself since this was asked last."""
        had, self._has_news = self._has_news, False
        return had

    def unmute(self, key: Key) -> Member | None:
        """Take the alert out of the muted ones; None if it isn't muted."""
        return self._muted.pop(key, None)


def app_of(draft: Draft) -> tuple[str, str]:
    """Id and name of the app that a draft is about or names first; without an app the process's name, "" for none."""
    who = first_named(draft)
    if who is None or who.identity is None:
        return "", ""
    return who.app_id or who.identity.comm, who.name
