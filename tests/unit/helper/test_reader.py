"""What comes from the bus, cut into messages: nothing a caller sends is read further than it may be."""

import struct

import pytest
from dbus_fast import InvalidMessageError, Message, MessageType, Variant

from helper.bus.reader import BODY_LIMIT_BYTES, HEAD_LIMIT_BYTES, REPLY_LIMIT_BYTES, Framing

Delivered = list[tuple[Message, bool]]


@pytest.fixture
def delivered() -> Delivered:
    return []


@pytest.fixture
def framing(delivered: Delivered) -> Framing:
    return Framing(lambda message, is_cut: delivered.append((message, is_cut)))


def call(text: str = "", member: str = "Ping", serial: int = 7) -> bytes:
    message = Message(path="/a", interface="a.b", member=member, signature="s", body=[text], serial=serial)
    return bytes(message._marshall(False))


def reply(text: str) -> bytes:
    message = Message(message_type=MessageType.METHOD_RETURN, reply_serial=3, signature="s", body=[text], serial=9)
    return bytes(message._marshall(False))


def test_messages_arrive_whole_however_they_are_cut_up(framing: Framing, delivered: Delivered) -> None:
    stream = call("one") + call("two") + reply("three")
    for at in range(len(stream)):
        framing.feed(stream[at : at + 1])
    framing.feed(stream)
    texts = [(message.body[0], is_cut) for message, is_cut in delivered]
    assert texts == [("one", False), ("two", False), ("three", False)] * 2


@pytest.mark.parametrize("piece_bytes", [1000, 10**9])
def test_a_long_body_is_thrown_away_and_the_next_message_is_found(
    framing: Framing, delivered: Delivered, piece_bytes: int
) -> None:
    stream = call("x" * 300_000, serial=41) + call("after")
    for at in range(0, len(stream), piece_bytes):
        framing.feed(stream[at : at + piece_bytes])
        assert len(framing._held) <= max(HEAD_LIMIT_BYTES + BODY_LIMIT_BYTES, piece_bytes), "it isn't even kept"
    (long, long_is_cut), (after, after_is_cut) = delivered
    assert (long.serial, long.member, long.body, long_is_cut) == (41, "Ping", [], True)
    assert (after.body, after_is_cut) == (["after"], False)


def test_a_reply_may_be_longer_but_not_without_end(framing: Framing, delivered: Delivered) -> None:
    framing.feed(reply("x" * 10 * BODY_LIMIT_BYTES) + reply("x" * 2 * REPLY_LIMIT_BYTES))
    assert [is_cut for _, is_cut in delivered] == [False, True]
    assert [message.reply_serial for message, _ in delivered] == [3, 3]


def test_a_body_that_cannot_be_taken_apart_counts_as_cut(framing: Framing, delivered: Delivered) -> None:
    good = Message(path="/a", interface="a.b", member="Ping", signature="v", body=[Variant("u", 5)], serial=8)
    broken = bytes(good._marshall(False))[:-8] + b"\x01v\x00" + b"\x01" * 5
    framing.feed(broken + call("after"))
    assert [(message.serial, is_cut) for message, is_cut in delivered] == [(8, True), (7, False)]


def test_nesting_without_end_counts_as_cut_or_is_passed_on_but_ends_nothing(
    framing: Framing, delivered: Delivered
) -> None:
    shell = Message(path="/a", interface="a.b", member="Ping", signature="v", body=[Variant("u", 5)], serial=8)
    head = bytes(shell._marshall(False))[:-8]
    body = b"\x01v\x00" * 1300
    framing.feed(head[:4] + struct.pack("<I", len(body)) + head[8:] + body + call("after"))
    assert delivered[-1][0].body == ["after"]


def test_a_message_with_an_endless_head_is_dropped_and_said(
    framing: Framing, delivered: Delivered, capfd: pytest.CaptureFixture[str]
) -> None:
    long_path = Message(path="/a" * HEAD_LIMIT_BYTES, interface="a.b", member="Ping", serial=1)
    framing.feed(bytes(long_path._marshall(False)) + call("after"))
    assert [message.body for message, _ in delivered] == [["after"]]
    assert "dropped" in capfd.readouterr().err


def test_what_is_no_message_at_all_ends_the_connection(framing: Framing) -> None:
    with pytest.raises(InvalidMessageError):
        framing.feed(b"HTTP/1.1 200 OK\r\n\r\n")
