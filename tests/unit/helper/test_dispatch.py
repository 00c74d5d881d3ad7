"""Calls are answered only when counted, identified and authorized; what they carry is never left open."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest
from dbus_fast import Message, MessageFlag, MessageType

from helper.bus import errors
from helper.bus.authority import AuthenticationNeeded
from helper.bus.dispatch import Dispatcher
from helper.bus.errors import Refusal
from helper.bus.operations import Caller, Operation, Reply
from helper.bus.quotas import Limits

PATH, NAME = "/here", "org.example.Here"


class FakeBus:
    """Keeps what is sent; a message counts as written once its future is set."""

    connected = True

    def __init__(self) -> None:
        self.sent: list[tuple[Message, asyncio.Future[None]]] = []
        self.news = asyncio.Event()

    def send(self, message: Message) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((message, future))
        self.news.set()
        return future


class FakeCallers:
    """Everybody is user 1000 and here, until `leave`."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.callbacks: list[Any] = []

    def when_one_leaves(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def receive(self, message: Message) -> None:
        """No signals here."""

    def is_here(self, name: str) -> bool:
        return name not in self.gone

    async def uid_of(self, name: str) -> int:
        return 1000

    def leave(self, name: str) -> None:
        self.gone.add(name)
        for callback in self.callbacks:
            callback(name)


class FakeAuthority:
    """Says yes when `gate` is open, no if `denied`; without a prompt "authentication is needed" if `wants_a_person`."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.denied = self.wants_a_person = False
        self.called = asyncio.Event()
        self.asked: list[tuple[str, str, bool]] = []

    async def require(self, caller: str, action: str, *, may_prompt: bool, details: Any = ()) -> None:
        self.asked.append((caller, action, may_prompt))
        self.called.set()
        await self.gate.wait()
        if self.wants_a_person and not may_prompt:
            raise AuthenticationNeeded(errors.NOT_AUTHORIZED, "who are you?")
        if self.denied:
            raise Refusal(errors.NOT_AUTHORIZED, "no")


class Scene:
    def __init__(self) -> None:
        self.bus, self.callers, self.authority = FakeBus(), FakeCallers(), FakeAuthority()
        self.acted: list[Sequence[Any]] = []
        self.handed_out = -1
        table = {(NAME, "Open"): Operation("u", lambda _body: ("look",), self._open)}
        bus: Any = self.bus
        callers: Any = self.callers
        authority: Any = self.authority
        self.dispatcher = Dispatcher(bus, callers, authority, limits=Limits(), path=PATH, table=table)

    async def _open(self, _caller: Caller, body: Sequence[Any]) -> Reply:
        self.acted.append(body)
        self.handed_out = os.open("/dev/null", os.O_RDONLY)
        return Reply("h", (0,), (self.handed_out,))

    async def answer_to(self, member: str = "Open", **changes: Any) -> Message:
        self.bus.news.clear()
        assert self.dispatcher.receive(call(member, **changes))
        await self.bus.news.wait()
        return self.bus.sent[-1][0]


def call(member: str, **changes: Any) -> Message:
    return Message(**{
        "path": PATH, "interface": NAME, "member": member, "signature": "u", "body": [7], "sender": ":1.9", "serial": 3,
        **changes,
    })  # fmt: skip


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


def test_a_descriptor_stays_open_until_its_answer_is_written_even_if_the_caller_leaves_meanwhile() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.answer_to()
        scene.callers.leave(":1.9")
        await scene.dispatcher.settled()
        assert is_open(scene.handed_out)
        scene.bus.sent[-1][1].set_result(None)
        await asyncio.sleep(0)
        assert not is_open(scene.handed_out)

    run(story())


def test_what_a_caller_attaches_is_closed_at_once() -> None:
    async def story() -> None:
        scene = Scene()
        attached = os.open("/dev/null", os.O_RDONLY)
        message = call("Open")
        message.unix_fds = [attached]
        scene.dispatcher.receive(message)
        assert not is_open(attached)
        await scene.bus.news.wait()
        scene.bus.sent[-1][1].set_result(None)
        await scene.dispatcher.settled()

    run(story())


def test_a_refused_caller_gets_the_reason_and_nothing_is_done() -> None:
    async def story() -> None:
        scene = Scene()
        scene.authority.denied = True
        assert (await scene.answer_to()).error_name == errors.NOT_AUTHORIZED
        assert scene.acted == []

    run(story())


def test_a_caller_that_leaves_while_authority_thinks_gets_nothing_done() -> None:
    async def story() -> None:
        scene = Scene()
        scene.authority.gate.clear()
        scene.dispatcher.receive(call("Open"))
        await scene.authority.called.wait()
        scene.callers.leave(":1.9")
        scene.authority.gate.set()
        await scene.dispatcher.settled()
        assert scene.acted == []
        assert scene.bus.sent == []

    run(story())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"member": "Close"}, errors.UNKNOWN_METHOD),
        ({"interface": "org.example.There"}, errors.UNKNOWN_INTERFACE),
        ({"path": "/there"}, errors.UNKNOWN_OBJECT),
        ({"signature": "s", "body": ["7"]}, errors.INVALID_ARGS),
        ({"signature": "", "body": []}, errors.INVALID_ARGS),
    ],
)
def test_what_is_not_in_the_table_is_refused_before_anyone_is_asked(changes: dict[str, Any], error: str) -> None:
    async def story() -> None:
        scene = Scene()
        assert (await scene.answer_to(**{"member": "Open", **changes})).error_name == error
        assert scene.authority.asked == []
        assert scene.acted == []

    run(story())


@pytest.mark.parametrize("flag", [MessageFlag.NONE, MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION])
def test_a_person_is_asked_only_if_that_helps_and_the_caller_allowed_it(flag: MessageFlag) -> None:
    async def story() -> None:
        scene = Scene()
        scene.authority.wants_a_person = True
        answer = await scene.answer_to(flags=flag)
        if flag is MessageFlag.NONE:
            assert answer.error_name == errors.NOT_AUTHORIZED
            assert scene.authority.asked == [(":1.9", "look", False)]
        else:
            assert scene.acted == [(7,)]
            assert scene.authority.asked == [(":1.9", "look", False), (":1.9", "look", True)]

    run(story())


def test_who_is_refused_for_good_is_not_prompted() -> None:
    async def story() -> None:
        scene = Scene()
        scene.authority.denied = True
        await scene.answer_to(flags=MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION)
        assert scene.authority.asked == [(":1.9", "look", False)]

    run(story())


def test_a_caller_that_wants_no_reply_gets_none() -> None:
    async def story() -> None:
        scene = Scene()
        scene.dispatcher.receive(call("Open", flags=MessageFlag.NO_REPLY_EXPECTED))
        await scene.dispatcher.settled()
        assert scene.bus.sent == []
        assert not is_open(scene.handed_out)

    run(story())


def test_signals_are_nobodys_call() -> None:
    async def story() -> None:
        scene = Scene()
        assert not scene.dispatcher.receive(call("Open", message_type=MessageType.SIGNAL))

    run(story())
