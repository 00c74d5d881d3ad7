"""What a service offers on the bus: each method with its arguments, the authorization it needs, and what it does.

A call becomes an `Attempt` first: its arguments make sense, and it says what polkit has to allow. Only then, if polkit
does, it acts. What an attempt holds meanwhile (a descriptor of a process, say) is given back however the call ends.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Caller:
    name: str
    uid: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: `body` after `signature`; `descriptors` are sent along and closed afterwards."""

    signature: str = ""
    body: tuple[Any, ...] = ()
    descriptors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A polkit action that has to be allowed; `details` are what a person is told who is asked."""

    action: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call that makes sense: to be allowed by polkit, question by question, then acted upon."""

    questions: Sequence[Question]
    act: Callable[[], Awaitable[Reply]]


class Method(Protocol):
    """A row of a table. `for_everyone`: polkit isn't asked at all."""

    @property
    def signature(self) -> str: ...

    @property
    def for_everyone(self) -> bool: ...

    def attempt(self, caller: Caller, body: Sequence[Any]) -> AbstractAsyncContextManager[Attempt]:
        """Entered before polkit is asked, left when the call is over; Refusal if the arguments make no sense."""


Table = Mapping[tuple[str, str], Method]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method whose authorization depends on nothing but its arguments.

    `actions` checks them too (Refusal) and names what polkit has to allow; None: no authorization at all.
    """

    signature: str
    actions: Callable[[Sequence[Any]], Sequence[str]] | None
    act: Callable[[Caller, Sequence[Any]], Awaitable[Reply]]

    @property
    def for_everyone(self) -> bool:
        return self.actions is None

    @asynccontextmanager
    async def attempt(self, caller: Caller, body: Sequence[Any]) -> AsyncIterator[Attempt]:
        actions = self.actions(body) if self.actions is not None else ()
        yield Attempt([Question(action) for action in actions], functools.partial(self.act, caller, body))
