"""What a situation is, as `situations.toml` tells it: who acts, for how long, and what must (not) be alerted."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("situations.toml")
LEAD_IN_S: Final = 15
"""Before the actor starts: rules say nothing in the first seconds of a source."""


class SituationError(Exception):
    """`situations.toml` can't be used; the message names the situation and the key."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A program in laboratory/actors, or any other, with its arguments, and whose it is.

    The recorder is "alice"'s and sees her processes; "bob"'s are hidden from it.
    """

    words: tuple[str, ...]
    user: str = "alice"


@dataclass(frozen=True, slots=True)
class Expectation:
    """An incident that must come: of this rule, naming this culprit first ("" where the rule blames nobody).

    `begins_s`: how long after its actors what it is about is there: a sensor is hot once it was heated, a leak is one
    once something has leaked.
    """

    rule: str
    culprit: str
    begins_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Situation:
    """`actors` all start together after LEAD_IN_S.

    They are ended after `seconds`, and recording goes on for `tail_s`. `tolerated`: rules that may speak besides what
    is expected, because they are right as well. `cores` is how many the actors take: situations are recorded side by
    side as long as the machine has enough of them. One that is `alone` has all of it, disk and network included.
    """

    name: str
    says: str
    actors: tuple[Actor, ...]
    seconds: int
    tail_s: int
    period_ms: int
    expected: tuple[Expectation, ...]
    tolerated: frozenset[str]
    desktop: bool
    """Whether a virtual desktop runs in the box, before the recorder, which is told where the focus is."""
    ordinary: bool
    """Whether this is ordinary desktop work, over which notifications an hour are counted."""
    cores: float = 1.0
    alone: bool = False
    source: str = "helper"
    """As `smoothtask record --source` has it: the one that must be there, or "auto" where it may fail meanwhile."""


def read_situations(path: Path = FILE) -> tuple[Situation, ...]:
    """All situations, in the file's order. Raises SituationError."""
    return tuple(_situation(name, found) for name, found in tomllib.loads(path.read_text()).items())


def _situation(name: str, found: dict[str, Any]) -> Situation:
    known = {
        "says",
        "actors",
        "seconds",
        "tail_s",
        "period_ms",
        "expect",
        "tolerate",
        "desktop",
        "ordinary",
        "cores",
        "alone",
        "source",
    }
    if unknown := found.keys() - known:
        raise SituationError(f"{name}: there is no key {min(unknown)!r}")
    try:
        return Situation(
            name=name,
            says=found["says"],
            actors=tuple(_actor(line) for line in found.get("actors", ())),
            seconds=found["seconds"],
            tail_s=found.get("tail_s", 20),
            period_ms=found.get("period_ms", 1000),
            expected=tuple(Expectation(**each) for each in found.get("expect", ())),
            tolerated=frozenset(found.get("tolerate", ())),
            desktop=found.get("desktop", False),
            ordinary=found.get("ordinary", False),
            cores=found.get("cores", 1.0),
            alone=found.get("alone", False),
            source=found.get("source", "helper"),
        )
    except KeyError as error:
        raise SituationError(f"{name}: the key {error} is missing") from error
    except TypeError as error:
        raise SituationError(f"{name}: an entry of expect: {error}") from error


def _actor(line: str) -> Actor:
    """`line`: a command line; before it, with a colon, its user if that isn't alice."""
    user, colon, command = line.partition(": ")
    return Actor(tuple(command.split()), user) if colon else Actor(tuple(line.split()))
