"""How often all rules together may speak in an hour, the last quarter of it kept for what is critical."""

from __future__ import annotations

from collections import deque
from typing import Final

HOUR_NS: Final = 3_600_000_000_000
RESERVED: Final = 4
"""One in so many is kept for critical alerts: twelve warnings must not silence the one that matters."""


class Budget:
    """Counts what was announced in the last hour."""

    def __init__(self, per_hour: int) -> None:
        self.per_hour = per_hour
        self._spoken_ns: deque[int] = deque()

    def take(self, now_ns: int, *, critical: bool) -> bool:
        """Whether one more may be announced; if so, it is counted."""
        while self._spoken_ns and not now_ns - HOUR_NS < self._spoken_ns[0] <= now_ns:
            self._spoken_ns.popleft()
        limit = self.per_hour if critical else self.per_hour - self.per_hour // RESERVED
        if len(self._spoken_ns) >= limit:
            return False
        self._spoken_ns.append(now_ns)
        return True

    def give_back(self, spoken_ns: int) -> None:
        """What was counted at that time wasn't announced after all."""
        if spoken_ns in self._spoken_ns:
            self._spoken_ns.remove(spoken_ns)
