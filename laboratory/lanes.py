"""Lets situations happen side by side, each with the cores that it would have alone.

A situation that fails doesn't end the others.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from laboratory.record import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from laboratory.situation import Situation


def side_by_side(situations: Iterable[Situation], cores: float, work: Callable[[Situation], object]) -> list[str]:
    """Call `work` for each, in that order as far as the cores allow; returns the messages of those that failed."""
    waiting = list(situations)
    running: dict[Future[object], Situation] = {}
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=max(1, len(waiting))) as threads:
        while waiting or running:
            while (fits := next((each for each in waiting if _fits(each, running.values(), cores)), None)) is not None:
                waiting.remove(fits)
                running[threads.submit(work, fits)] = fits
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                situation = running.pop(future)
                if isinstance(error := future.exception(), RecordError | OSError | RuntimeError):
                    failed.append(f"{situation.name}: {error}")
                elif error is not None:
                    raise error
    return failed


def _fits(situation: Situation, beside: Iterable[Situation], cores: float) -> bool:
    others = list(beside)
    if not others:
        return True
    if situation.alone or any(each.alone for each in others):
        return False
    return situation.cores + sum(each.cores for each in others) <= cores
