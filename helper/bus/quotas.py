"""How much one user may ask for. Pure: time is an argument, nothing is waited for.

The state is bounded by the callers that are on the bus: what a caller holds is given back when it leaves.
"""

from collections import Counter
from dataclasses import dataclass, field

from helper.bus.errors import LIMITS_EXCEEDED, Refusal


@dataclass(frozen=True, slots=True)
class Limits:
    streams_per_uid: int = 4
    streams_in_all: int = 32
    calls_per_second_per_uid: int = 100
    pending_prompts_per_uid: int = 5


@dataclass(slots=True)
class CallRate:
    """A bucket of `limit` calls per user that refills evenly within `window_s` seconds."""

    limit: int
    window_s: float = 1.0
    what: str = "calls"
    _spent: dict[int, tuple[float, float]] = field(default_factory=dict)

    def spend(self, uid: int, now_s: float) -> None:
        """Counts one call of `uid`; Refusal if the user has made more than `limit` within the window."""
        tokens, then_s = self._spent.get(uid, (float(self.limit), now_s))
        tokens = min(float(self.limit), tokens + (now_s - then_s) * self.limit / self.window_s)
        if tokens < 1.0:
            self._spent[uid] = (tokens, now_s)
            raise Refusal(
                LIMITS_EXCEEDED,
                f"more than {self.limit} {self.what} in {self.window_s:g} s from user {uid}; slow down",
            )
        self._spent[uid] = (tokens - 1.0, now_s)
        self._forget_full(now_s)

    def _forget_full(self, now_s: float) -> None:
        if len(self._spent) > 64:
            self._spent = {uid: entry for uid, entry in self._spent.items() if now_s - entry[1] < self.window_s}


@dataclass(slots=True)
class Held:
    """Things of which a user may hold `per_uid`, and all users together `in_all`."""

    what: str
    per_uid: int
    in_all: int
    _held: Counter[int] = field(default_factory=Counter)

    def take(self, uid: int) -> None:
        """Takes one for `uid`; Refusal if that exceeds a limit."""
        if self._held[uid] >= self.per_uid:
            raise Refusal(LIMITS_EXCEEDED, f"user {uid} has {self.per_uid} {self.what} already, the most allowed")
        if self._held.total() >= self.in_all:
            raise Refusal(LIMITS_EXCEEDED, f"there are {self.in_all} {self.what} already, the most allowed in all")
        self._held[uid] += 1

    def give_back(self, uid: int) -> None:
        """Gives back one that `uid` took."""
        self._held[uid] -= 1
        if self._held[uid] <= 0:
            del self._held[uid]

    def total(self) -> int:
        return self._held.total()
