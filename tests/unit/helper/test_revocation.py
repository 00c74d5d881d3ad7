"""When streams end because polkit no longer says yes: at a no, and at silence only if it stays silent."""

import asyncio
from collections.abc import Mapping, Sequence

from helper.bus.authority import Unanswered
from helper.bus.errors import NOT_AUTHORIZED, Refusal
from helper.sampler import packets
from helper.sampler.revocation import Recheck

SILENCE = Unanswered(NOT_AUTHORIZED, "polkit was silent")
NO = Refusal(NOT_AUTHORIZED, "polkit said no")


class Desk:
    """Streams of callers, and a polkit with its answers to each in turn; None is a yes, as are all later ones."""

    _times = 0
    _asked_enough: asyncio.Event

    def __init__(self, answers: Mapping[str, Sequence[Refusal | None]]) -> None:
        self.open = set(answers)
        self.ended: dict[str, int] = {}
        self.asked: list[str] = []
        self._answers = {caller: list(found) for caller, found in answers.items()}

    def callers(self) -> set[str]:
        return set(self.open)

    def end_all_of(self, caller: str, bye_reason: int) -> None:
        self.open.discard(caller)
        self.ended[caller] = bye_reason

    async def require(self, caller: str) -> None:
        self.asked.append(caller)
        if len(self.asked) == self._times:
            self._asked_enough.set()
        answer = self._answers[caller].pop(0) if self._answers[caller] else None
        if answer is not None:
            raise answer

    def run_until_asked(self, times: int) -> None:
        async def play() -> None:
            asking = asyncio.ensure_future(Recheck(self.require, every_s=0).for_ever(self))
            await self._asked_enough.wait()
            asking.cancel()

        self._times, self._asked_enough = times, asyncio.Event()
        asyncio.run(play())


def test_a_plain_no_ends_the_callers_streams_at_once_and_no_one_elses() -> None:
    desk = Desk({"alice": [NO], "bob": []})
    desk.run_until_asked(3)
    assert desk.ended == {"alice": packets.BYE_REVOKED}
    assert desk.asked.count("alice") == 1


def test_a_polkit_that_is_silent_once_costs_nobody_his_streams() -> None:
    desk = Desk({"alice": [SILENCE, None, SILENCE, None]})
    desk.run_until_asked(6)
    assert not desk.ended


def test_a_polkit_that_stays_silent_ends_streams() -> None:
    desk = Desk({"alice": [SILENCE, SILENCE], "bob": [SILENCE, NO], "carol": [SILENCE]})
    desk.run_until_asked(8)
    assert desk.ended == {"alice": packets.BYE_REVOKED, "bob": packets.BYE_REVOKED}


def test_who_has_left_in_between_is_not_asked_about_again() -> None:
    class Leaving(Desk):
        async def require(self, caller: str) -> None:
            try:
                await super().require(caller)
            except Unanswered:
                self.open.discard(caller)
                raise

    desk = Leaving({"alice": [SILENCE], "bob": []})
    desk.run_until_asked(4)
    assert desk.asked.count("alice") == 1
    assert not desk.ended
