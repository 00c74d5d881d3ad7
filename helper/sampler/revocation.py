"""Ends streams whose caller may no longer have them: a session that went inactive, an administrator's new rule.

Now and then polkit is asked again about each caller with an open stream, silently. Only the plain authorization is
asked for: one that was given by password expires after minutes by itself, which is not the same as taken back.
Anything but a yes ends the caller's streams, as it would keep new ones from being opened.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from helper.bus import journal
from helper.bus.errors import Refusal
from helper.sampler import packets
from helper.sampler.hub import Hub

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Recheck:
    """`require` raises Refusal if the caller with that bus name may not have a stream (any more)."""

    require: Callable[[str], Awaitable[None]]
    every_s: float = EVERY_S

    async def for_ever(self, hub: Hub) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            for caller in hub.callers():
                await self._recheck(hub, caller)

    async def _recheck(self, hub: Hub, caller: str) -> None:
        try:
            await self.require(caller)
        except Refusal as refusal:
            journal.write(f"the streams of {caller} end: {refusal.text}")
            hub.end_all_of(caller, packets.BYE_REVOKED)
