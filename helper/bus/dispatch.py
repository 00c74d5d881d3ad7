"""Takes the method calls from the bus: counts, identifies, authorizes, then lets the operation act.

The table says what exists and which authorization each method needs; what isn't in it is refused. Arguments are
immutable (numbers and strings) and were copied out of the message before polkit is asked; a caller that has left by the
time polkit answers gets nothing done. A person is asked only after polkit has said, in no time, that this would help:
so a polkit that hangs is found out without anyone waiting.
"""

import asyncio
import time

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from helper.bus import connection, errors, journal
from helper.bus.authority import AuthenticationNeeded, Authority
from helper.bus.callers import Callers
from helper.bus.errors import Refusal
from helper.bus.operations import Caller, Method, Question, Reply, Table
from helper.bus.quotas import CallRate, Held, Limits


class Dispatcher:
    """Answers every method call that reaches the service."""

    def __init__(
        self, bus: MessageBus, callers: Callers, authority: Authority, *, limits: Limits, path: str, table: Table
    ) -> None:
        self._bus = bus
        self._callers = callers
        self._authority = authority
        self._path = path
        self._table = table
        self._interfaces = {interface for interface, _member in table}
        self._rate = CallRate(limits.calls_per_second_per_uid)
        self._prompts = Held("authentication prompts", limits.pending_prompts_per_uid, 32)
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._limits = limits
        self._running: dict[asyncio.Task[None], str] = {}
        callers.when_one_leaves(self._abort)

    def receive(self, message: Message) -> bool:
        """A message handler of dbus-fast: true for every method call: none reaches the library's own answers."""
        if message.message_type is not MessageType.METHOD_CALL:
            self._callers.receive(message)
            return False
        connection.close_all(message.unix_fds)  # no operation takes one; kept open they would fill our table
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._running[task] = message.sender or ""
        task.add_done_callback(lambda done: self._settle(done, message))
        return True

    def busy(self) -> bool:
        """Whether calls are still being answered."""
        return bool(self._running)

    async def settled(self) -> None:
        """Returns when no call is being answered."""
        while self._running:
            await asyncio.wait(list(self._running))

    def _abort(self, caller: str) -> None:
        for task, name in list(self._running.items()):
            if name == caller:
                task.cancel()

    def _settle(self, task: "asyncio.Task[None]", message: Message) -> None:
        del self._running[task]
        if task.cancelled():
            return
        fault = task.exception()
        if fault is not None:  # a mistake of ours: the caller hears that much, the journal the rest
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{message.member} failed", "exception": fault}
            )
            self._send_error(message, Refusal(errors.FAILED, "the helper made a mistake; its journal has the details"))

    async def _answer(self, message: Message) -> None:
        try:
            reply = await self._perform(message)
        except Refusal as refusal:
            self._send_error(message, refusal)
            return
        if not _expects_reply(message) or not self._bus.connected:
            connection.close_all(reply.descriptors)
            return
        answer = Message.new_method_return(message, reply.signature, list(reply.body), list(reply.descriptors))
        sent = self._bus.send(answer)
        # Only a written message has taken its descriptors along; closed before, their numbers could be another's.
        sent.add_done_callback(lambda _: connection.close_all(reply.descriptors))
        try:
            await asyncio.shield(sent)
        except OSError as error:
            journal.write(f"the answer to {message.member} wasn't sent: {error}")

    async def _perform(self, message: Message) -> Reply:
        caller = Caller(message.sender or "", await self._callers.uid_of(message.sender or ""))
        self._rate.spend(caller.uid, time.monotonic())
        may_prompt = bool(message.flags.value & MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION.value)
        async with self._find(message).attempt(caller, tuple(message.body)) as attempt:
            for question in attempt.questions:
                await self._authorize(caller, question, may_prompt=may_prompt)
            if not self._callers.is_here(caller.name):
                raise Refusal(errors.NOT_AUTHORIZED, "the caller has left")
            return await attempt.act()

    def _find(self, message: Message) -> Method:
        if message.path != self._path:
            raise Refusal(errors.UNKNOWN_OBJECT, f"there is only the object {self._path}")
        if message.interface and message.interface not in self._interfaces:
            raise Refusal(errors.UNKNOWN_INTERFACE, "no such interface here; see the introspection")
        method = self._table.get((message.interface or "", message.member or ""))
        if method is None:
            raise Refusal(errors.UNKNOWN_METHOD, "no such method here; see the introspection")
        if message.signature != method.signature:
            raise Refusal(errors.INVALID_ARGS, f"{message.member} takes arguments of type {method.signature!r}")
        return method

    async def _authorize(self, caller: Caller, question: Question, *, may_prompt: bool) -> None:
        """Asks polkit; of one user's questions only a few are under way at a time, the others wait for their turn."""
        turn = self._turns.setdefault(caller.uid, asyncio.Semaphore(self._limits.pending_prompts_per_uid))
        try:
            async with turn:
                await self._authority.require(caller.name, question.action, may_prompt=False)
        except AuthenticationNeeded:
            if not may_prompt:
                raise
        else:
            return
        self._prompts.take(caller.uid)
        try:
            await self._authority.require(caller.name, question.action, may_prompt=True, details=question.details)
        finally:
            self._prompts.give_back(caller.uid)

    def _send_error(self, message: Message, refusal: Refusal) -> None:
        if _expects_reply(message) and self._bus.connected:
            self._bus.send(Message.new_error(message, refusal.name, refusal.text))


def _expects_reply(message: Message) -> bool:
    return not message.flags.value & MessageFlag.NO_REPLY_EXPECTED.value
