"""Ends streams whose caller may no longer have them: a session that went inactive, an administrator's new rule.

Now and then polkit is asked again about each caller with an open stream, silently. Only the plain authorization is
asked for: one that was given by password expires after minutes by itself, which is not the same as taken back.
Anything but a yes ends the caller's streams, as it would keep new ones from being opened. But where polkit says
nothing it is asked once more first: Debian 12's (122) has been seen to answer nobody for 15 seconds, its limit for its
rules (RUNAWAY_KILLER_TIMEOUT, src/polkitbackend), once in some ten thousand questions, and an update starts it anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Protocol

from helper.bus import journal
from helper.bus.authority import Unanswered
from helper.bus.errors import Refusal
from helper.sampler import packets

EVERY_S: Final = 60.0
PAUSE_OF_PERIOD: Final = 1 / 3
"""Before asking once more: of a minute it leaves polkit 20 seconds."""


class Streams(Protocol):
    """helper.sampler.hub.Hub."""

    def callers(self) -> AbstractSet[str]: ...

    def end_all_of(self, caller: str, bye_reason: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Recheck:
    """`require` raises Refusal if the caller with that bus name may not have a stream (any more)."""

    require: Callable[[str], Awaitable[None]]
    every_s: float = EVERY_S

    async def for_ever(self, streams: Streams) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            if silent := await self._recheck(streams, streams.callers()):
                journal.write(f"polkit said nothing about {len(silent)} callers with streams; it is asked once more")
                await asyncio.sleep(self.every_s * PAUSE_OF_PERIOD)
                for caller, refusal in (await self._recheck(streams, silent.keys() & streams.callers())).items():
                    _end(streams, caller, refusal)

    async def _recheck(self, streams: Streams, callers: AbstractSet[str]) -> dict[str, Refusal]:
        """Those about whom polkit said nothing; the streams of those whom it refused have ended."""
        silent: dict[str, Refusal] = {}
        for caller in callers:
            try:
                await self.require(caller)
            except Unanswered as silence:
                silent[caller] = silence
            except Refusal as refusal:
                _end(streams, caller, refusal)
        return silent


def _end(streams: Streams, caller: str, refusal: Refusal) -> None:
    journal.write(f"the streams of {caller} end: {refusal.text}")
    streams.end_all_of(caller, packets.BYE_REVOKED)
