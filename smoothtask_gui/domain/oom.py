"""The rule for memory that ran out: the kernel stopped a process. A fact without duration, told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.changes import Change, Draft, Fired, Key, Resolved
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.judging.expression import is_known
from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.domain.wording import oom_body, oom_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.batch import OomKill
    from smoothtask_gui.domain.judging.expression import Floats
    from smoothtask_gui.domain.rules import Oom

RULE: Final = "oom"
MOST_OPEN: Final = 64


@dataclass(slots=True)
class _Kill:
    title: str
    until_ns: int


class OomRule:
    """One incident per name while it is open: the kernel often stops several processes of one app in a row."""

    def __init__(self, machine: Callable[[], Mapping[str, Floats | float]]) -> None:
        self._machine = machine
        self._open: dict[str, _Kill] = {}
        self._over_ns: dict[str, int] = {}  # names whose cooldown may go on, and since when

    def receive_event(self, event: OomKill, rule: Oom, now_ns: int, app: str = "") -> list[Change]:
        """`app` is the name of the app that the process belonged to, "" where that isn't known."""
        name = process_name(event.comm.encode(errors="surrogateescape"), is_kernel=False)
        if not rule.enabled or name in self._open or len(self._open) >= MOST_OPEN or self._is_quiet(name, rule, now_ns):
            return []
        values = {**self._machine(), "rss_bytes": float(event.rss_bytes), "open_for_s": rule.open_for_s}
        values["cooldown_s"] = rule.cooldown_s
        if not {name, app, event.comm}.isdisjoint(rule.ignore) or is_known(rule.unless, values):
            return []
        title = oom_title(name, event.rss_bytes)
        self._open[name] = _Kill(title, now_ns + round(rule.open_for_s * 1e9))
        draft = Draft(
            severity=Severity.CRITICAL if is_known(rule.critical_when, values) else rule.severity,
            title=title,
            body=oom_body("" if app == name else app),
            subject=f"{event.pid}:{event.start_ns}",
            value=float(event.rss_bytes),
            limit=float("nan"),  # nobody but the kernel set one
            actions=rule.remedies,
        )
        return [Fired(_key(name), draft, now_ns)]

    def receive_time(self, now_ns: int, rule: Oom) -> list[Change]:
        """Close what has been open for long enough; nobody needs to be told."""
        over = [name for name, kill in self._open.items() if not 0 <= kill.until_ns - now_ns <= rule.open_for_s * 1e9]
        if not rule.enabled:
            over = list(self._open)
        for name in over:
            self._over_ns.pop(name, None)
            self._over_ns[name] = now_ns
        while len(self._over_ns) > MOST_OPEN:
            del self._over_ns[next(iter(self._over_ns))]
        return [Resolved(_key(name), self._open.pop(name).title, is_silent=True) for name in over]

    def _is_quiet(self, name: str, rule: Oom, now_ns: int) -> bool:
        """Whether its cooldown goes on; time that runs backwards ends it."""
        over_ns = self._over_ns.get(name)
        return over_ns is not None and 0 <= now_ns - over_ns < rule.cooldown_s * 1e9


def _key(name: str) -> Key:
    return (RULE, name)
