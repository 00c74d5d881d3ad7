"""One stream on a real socket pair: nothing blocks, whole ticks are lost, what is lost is counted."""

import fcntl
import os
import socket
from collections.abc import Iterator

import pytest

from helper.probes.visibility import Mode, Visibility
from helper.sampler import packets
from helper.sampler.frames import Snapshot, sealed_frame
from helper.sampler.stream import TICKS_IN_FLIGHT, Request, Stream
from tests.fakes.descriptors import open_descriptors

EVENT = packets.packet(packets.EVENT, bytes(128))
NOTHING = Snapshot((), 1, 0)


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream(7, Request(":1.5", 1000, 1000, 3, Visibility(Mode.SEES_AS_PROC, 1000)))
    yield stream
    stream.close()


def received(stream: Stream) -> list[tuple[int, tuple[int, ...]]]:
    """All packets that wait at the reader's end: kind and numbers."""
    stream.other_end.setblocking(False)
    found = []
    while True:
        try:
            text, descriptors, _, _ = socket.recv_fds(stream.other_end, 65536, 1)
        except BlockingIOError:
            return found
        for descriptor in descriptors:
            os.close(descriptor)
        if not text:
            return found
        _, _, kind, byte_count, _ = packets.PACKET.unpack_from(text)
        assert byte_count == len(text)
        layout = {packets.TICK: packets.TICK_BODY, packets.HELLO: packets.HELLO_BODY, packets.BYE: packets.BYE_BODY}
        body = text[packets.PACKET.size :]
        found.append((kind, layout[kind].unpack(body) if kind in layout else ()))


def send_ticks(stream: Stream, count: int, kernel_lost: int = 0) -> None:
    for _ in range(count):
        with sealed_frame(NOTHING, 1000) as frame:
            stream.send_tick(frame, kernel_lost)


def test_the_hello_comes_first(stream: Stream) -> None:
    assert received(stream) == [(packets.HELLO, (7, 1000, 3, Mode.SEES_AS_PROC, 1000))]


def test_a_reader_that_does_not_read_holds_only_a_few_frames(stream: Stream) -> None:
    send_ticks(stream, 100)
    ticks = [numbers for kind, numbers in received(stream) if kind == packets.TICK]
    assert [sequence for sequence, *_ in ticks] == list(range(1, TICKS_IN_FLIGHT + 1))
    send_ticks(stream, 1)
    ((kind, (sequence, lost_ticks, _, _)),) = received(stream)
    assert (kind, sequence, lost_ticks) == (packets.TICK, 101, 100 - TICKS_IN_FLIGHT)


def test_a_reader_that_keeps_up_loses_nothing(stream: Stream) -> None:
    for sequence in range(1, 2000):
        send_ticks(stream, 1)
        assert received(stream)[-1][1][:2] == (sequence, 0)


def test_waiting_events_do_not_count_as_frames(stream: Stream) -> None:
    for _ in range(50):
        stream.send_event(EVENT)
    send_ticks(stream, 1)
    assert received(stream)[-1][1][:2] == (1, 0)


def test_events_that_find_the_socket_full_are_counted(stream: Stream) -> None:
    for _ in range(5000):
        stream.send_event(EVENT)
    arrived = sum(kind == packets.EVENT for kind, _ in received(stream))
    assert 100 < arrived < 1000, "the kernel's room for one reader is bounded"
    send_ticks(stream, 1)
    assert received(stream)[-1][1][2] == 5000 - arrived


def test_losses_in_the_kernel_count_from_the_streams_beginning(stream: Stream) -> None:
    stream.kernel_lost_before = 40
    send_ticks(stream, 1, kernel_lost=42)
    assert received(stream)[-1][1][2] == 2


def test_a_reader_that_is_gone_raises_nothing(stream: Stream) -> None:
    stream.other_end.close()
    send_ticks(stream, 3)
    stream.send_event(EVENT)


def test_the_goodbye_says_why(stream: Stream) -> None:
    with stream.other_end.dup() as reader:
        stream.close(packets.BYE_SHUTDOWN)
        hello, goodbye, end = (reader.recv(65536) for _ in range(3))
    assert packets.PACKET.unpack_from(hello)[2] == packets.HELLO
    assert goodbye == packets.bye(packets.BYE_SHUTDOWN)
    assert end == b""


def test_nobody_can_change_a_frame_that_others_read_and_making_one_leaves_no_descriptor() -> None:
    before = open_descriptors()
    with sealed_frame(NOTHING, 1000) as frame:
        for change in (
            lambda: os.pwrite(frame.descriptor, b"x", 0),
            lambda: os.ftruncate(frame.descriptor, frame.byte_count + 1),
            lambda: os.ftruncate(frame.descriptor, frame.byte_count - 1),
            lambda: fcntl.fcntl(frame.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL),
        ):
            with pytest.raises(PermissionError):
                change()
    assert open_descriptors() == before
