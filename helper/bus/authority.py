"""Asks polkit whether a caller may do something.

Only a clear yes counts. No answer in time, an error, an answer of the wrong shape, no polkit at all, a caller that has
left: each is a no with its reason. Nothing is kept. polkit is asked about the caller's bus name, never about a process
id, which could be another process by then (CVE-2025-67859, CVE-2025-14338).
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageFlag, Variant
from dbus_fast.aio import MessageBus

from helper.bus import connection
from helper.bus.errors import NOT_AUTHORIZED, Refusal

_POLKIT = "org.freedesktop.PolicyKit1"
_PATH = "/org/freedesktop/PolicyKit1/Authority"
_AUTHORITY = "org.freedesktop.PolicyKit1.Authority"
_ALLOW_USER_INTERACTION = 1  # PolkitCheckAuthorizationFlags


_NO_DETAILS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long polkit may take, in seconds: longer when a person has to type a password.

    polkit's own agents give up after two minutes. A polkit that hangs is noticed by the silent question that comes
    before each prompt.
    """

    silent_s: float = 5.0
    prompt_s: float = 120.0


class AuthenticationNeeded(Refusal):
    """Polkit would say yes if a person proved who they are."""


class Unanswered(Refusal):
    """Nobody said no: polkit couldn't be asked, or was silent. Not a yes either."""


class Authority:
    """The polkit authority on this bus."""

    def __init__(self, bus: MessageBus, patience: Patience) -> None:
        self._bus = bus
        self._patience = patience
        self._numbers = itertools.count(1)

    async def require(
        self, caller: str, action: str, *, may_prompt: bool, details: Mapping[str, str] = _NO_DETAILS
    ) -> None:
        """Returns if polkit allows `caller` the `action`; otherwise Refusal with the reason.

        `details` fill in the action's message (`$(name)`) when a person is asked; polkit takes them from root only.
        """
        cancellation = f"smoothtask{next(self._numbers)}" if may_prompt else ""
        question = Message(
            destination=_POLKIT,
            path=_PATH,
            interface=_AUTHORITY,
            member="CheckAuthorization",
            signature="(sa{sv})sa{ss}us",
            body=[
                ["system-bus-name", {"name": Variant("s", caller)}],
                action,
                dict(details),
                _ALLOW_USER_INTERACTION if may_prompt else 0,
                cancellation,
            ],
        )
        limit_s = self._patience.prompt_s if may_prompt else self._patience.silent_s
        answered = False
        try:
            body = await connection.call(self._bus, question, limit_s)
            answered = True
        except connection.CallFailed as failure:
            raise Unanswered(NOT_AUTHORIZED, f"{action}: polkit couldn't be asked: {failure}") from failure
        finally:
            if cancellation and not answered:  # a prompt nobody waits for any more goes away
                self._withdraw(cancellation)
        _expect_yes(action, body)

    def _withdraw(self, cancellation: str) -> None:
        message = Message(
            destination=_POLKIT,
            path=_PATH,
            interface=_AUTHORITY,
            member="CancelCheckAuthorization",
            signature="s",
            body=[cancellation],
            flags=MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART,
        )
        if self._bus.connected:
            self._bus.send(message)


def _expect_yes(action: str, body: Sequence[Any]) -> None:
    """Refusal unless `body` is polkit's (bba{ss}) with the first member true."""
    result = body[0] if len(body) == 1 else None
    if (
        not isinstance(result, list | tuple)
        or len(result) != 3
        or not all(isinstance(flag, bool) for flag in result[:2])
    ):
        raise Refusal(NOT_AUTHORIZED, f"{action}: polkit's answer makes no sense")
    allowed, may_be_asked, _details = result
    if not allowed:
        if may_be_asked:
            raise AuthenticationNeeded(NOT_AUTHORIZED, f"{action}: authentication is needed (polkit)")
        raise Refusal(NOT_AUTHORIZED, f"{action}: not allowed for this session (polkit)")
