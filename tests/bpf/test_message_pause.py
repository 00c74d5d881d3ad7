"""The count of datagrams among all messages: paused under a real load of small messages, with nothing missed unseen.

In a network namespace of its own, where nobody else sends datagrams. The clock goes on when a test says so; the load is
real. Where the kernel takes programs at functions, the tests have the tracepoints used all the same.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes.message_guard import LONGEST_WAIT_NS, LOOK_MS, SECOND_NS, TRIAL_MS
from helper.probes.message_programs import AT_MESSAGES, RUNS_MAP
from helper.probes.passed_datagrams import PassedDatagrams
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.sockets import Sockets
from smoothtask_gui.sources.records import TRAFFIC
from tests.bpf.machine import Child, boottime_ns, child, until
from tests.bpf.network import CONSTANTS, row_of, take_sockets, traffic_of
from tests.bpf.test_socket_events import CLIENT, DATAGRAMS, SERVER
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SMALL_MESSAGES = """
import select, socket
listener = socket.create_server(("127.0.0.1", 0))
left = socket.create_connection(listener.getsockname())
right = listener.accept()[0]
say()
sent = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for text in range(50):
        left.sendall(bytes(100))
        for byte in range(100):
            right.recv(1)
        right.send(b"!")
        left.recv(1)
    sent += 5000
left.close(); right.close(); listener.close()
wait(); say(sent); wait()
"""
"""Messages of one byte, some hundreds of thousands a second, until told to end."""
PASSED: Final = 2 * (25 + 13 + 7) + 1
"""Datagrams in a pause, as the kernel counts them: all but one are both sent and received."""


class Clock:
    """Stands still but for what a test adds."""

    def __init__(self) -> None:
        self.now_ns = boottime_ns()

    def __call__(self) -> int:
        return self.now_ns


class Scene:
    """A probe at the tracepoints, and what looks at it."""

    def __init__(self, objects: Path) -> None:
        self.clock, self.memory = Clock(), SocketMemory()
        self.door = Libbpf(objects)
        self.door.function_exits.rule_out(LoaderError("fexit", "load", errno.EPERM, hint="a test wants it so"))
        self.events = SocketEvents(self.door, self.memory, self.clock)
        self.sockets = Sockets(self.door, self.memory)
        self.events.open()
        self.sockets.open()

    def look(self, after_ns: int = 0) -> int | None:
        self.clock.now_ns += after_ns
        return self.events.look(LOOK_MS)

    def look_in_real_time(self, seconds: float) -> None:
        """Having waited for it, so that rates are right."""
        began_ns = boottime_ns()
        time.sleep(seconds)
        self.look(boottime_ns() - began_ns)

    def wait_for_pause(self) -> None:
        def is_paused() -> bool:
            self.look_in_real_time(LOOK_MS / 1000)
            return self.events.is_paused

        until(is_paused, "a pause")

    def wait_for_its_end(self) -> None:
        """Trials follow each other at once; other loads of the machine may spoil some."""

        def is_over() -> bool:
            self.look(LONGEST_WAIT_NS)
            self.look_in_real_time(1.5 * TRIAL_MS / 1000)
            return not self.events.is_paused

        until(is_over, "the end of the pause")

    def marks(self) -> set[bool]:
        """Whether rows of processes say that datagrams are missing."""
        rows = np.frombuffer(self.events.read_traffic(), TRAFFIC)
        return {bool(flags & CONSTANTS["ST_MISSING_TRAFFIC"]) for flags in rows["missing"].tolist()}

    def is_marked(self, one: socket.socket) -> bool:
        return bool(row_of(take_sockets(self.sockets), one)["missing"] & CONSTANTS["ST_MISSING_TRAFFIC"])


@pytest.fixture
def scene(network: None, objects: Path) -> Iterator[Scene]:
    made = Scene(objects)
    yield made
    made.events.close()
    made.sockets.close()
    made.memory.close()


@contextmanager
def small_messages() -> Iterator[Child]:
    with child(SMALL_MESSAGES) as load:
        load.hear()
        yield load


def datagrams(host: str, count: int, to: str | None = None) -> None:
    """To oneself, each taken: twice as many as the kernel counts them."""
    family = socket.AF_INET if host == "127.0.0.1" else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind((host, 0))
        for _ in range(count):
            one.sendto(b"x", (to or host, one.getsockname()[1]))
            assert one.recv(10) == b"x"


def brief_connections(scene: Scene, count: int, bytes_each: int) -> None:
    """Of which no tick sees any: exact for both processes, and each that was accepted is of who closed it."""
    with child(SERVER, str(count), "7") as server, child(CLIENT, server.hear(), str(count), str(bytes_each)) as client:
        client.hear()
        client.tell()
        client.hear()
        server.hear()
        for pid, sent, received in ((client.pid, bytes_each, 7), (server.pid, 7, bytes_each)):
            until(lambda pid=pid: traffic_of(scene.events, pid)["closed_connections"] == count, "all closes")
            row = traffic_of(scene.events, pid)
            assert (row["tcp_sent_bytes"], row["tcp_received_bytes"]) == (count * sent, count * received)


def ended(load: Child) -> int:
    """How many bytes its left end sent."""
    load.tell()
    load.tell()
    return int(load.hear())


@contextmanager
def passed_in_pause(scene: Scene) -> Iterator[socket.socket]:
    """Three families of datagrams, and one that a socket has sent which goes on living; seen and marked."""
    datagrams("127.0.0.1", 25)
    datagrams("::1", 13)
    datagrams("::", 7, "::ffff:127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
        old.bind(("127.0.0.1", 0))
        take_sockets(scene.sockets)
        old.sendto(bytes(5), old.getsockname())
        assert scene.look(SECOND_NS) == LOOK_MS
        assert f"; since it stopped {PASSED} datagrams were sent or received uncounted" in scene.events.cost().way
        assert scene.marks() == {True}
        assert scene.is_marked(old)
        yield old


def are_exact_again(scene: Scene) -> None:
    with child(DATAGRAMS, "127.0.0.1") as talker:
        talker.hear()
        row = traffic_of(scene.events, talker.pid)
        assert row["udp_sent_bytes"] == row["udp_received_bytes"] == sum(range(1, 101))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fresh:
        scene.memory.uncounted_ns = min(scene.memory.uncounted_ns, boottime_ns())  # the clock was ahead of the kernel's
        fresh.bind(("127.0.0.1", 0))
        fresh.sendto(bytes(5), fresh.getsockname())
        row = row_of(take_sockets(scene.sockets), fresh)
        assert (row["sent_bytes"], row["missing"]) == (5, CONSTANTS["ST_MISSING_RTT"])


def test_what_passes_in_a_pause_under_a_load_of_small_messages_is_told_and_marked(scene: Scene) -> None:
    with small_messages() as load:
        datagrams("127.0.0.1", 3)
        scene.wait_for_pause()
        said = scene.events.cost().way
        assert said.startswith("datagrams are counted again in 10 s at the earliest: ")
        assert "; since it stopped no datagrams were sent or received uncounted" in said
        assert scene.marks() == {False}, "nothing was missed yet"
        with passed_in_pause(scene) as old:
            assert traffic_of(scene.events, os.getpid())["udp_sent"] == 3, "of before the pause"
            brief_connections(scene, 20, 1234)
            assert scene.look(SECOND_NS) == LOOK_MS
            assert scene.marks() == {False}, "nothing was missed since the look before"
            scene.look(LONGEST_WAIT_NS)
            scene.look_in_real_time(1.5 * TRIAL_MS / 1000)
            assert scene.events.is_paused, "the load goes on"
            sent = ended(load)
            row = traffic_of(scene.events, load.pid)
            assert row["tcp_sent_bytes"] == row["tcp_received_bytes"] == sent + sent // 100
            scene.wait_for_its_end()
            said = scene.events.cost().way
            assert "which slows these down: a test wants it so" in said
            assert f"meanwhile {PASSED} datagrams were sent or received uncounted" in said
            scene.look(SECOND_NS)
            assert scene.is_marked(old), "its bytes will always lack some"
    assert scene.marks() == {False}
    are_exact_again(scene)


def test_programs_that_can_t_be_attached_again_are_told_and_not_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_messages() as load:
        scene.wait_for_pause()
        ended(load)
    tried: list[int] = []

    def refuse(handle: int) -> None:
        tried.append(handle)
        ctypes.set_errno(errno.EBUSY)

    monkeypatch.setattr(scene.door.calls, "bpf_program__attach", refuse)
    assert scene.look(LONGEST_WAIT_NS) is None
    assert len(tried) == len(AT_MESSAGES)
    assert scene.look(LONGEST_WAIT_NS) is None
    assert len(tried) == len(AT_MESSAGES)
    said = scene.events.cost().way
    assert said.startswith("datagrams are not counted: a test wants it so")
    assert "EBUSY" in said
    assert not scene.memory.counts_datagrams
    assert scene.marks() == {True}
    brief_connections(scene, 3, 50)


def test_where_one_of_the_programs_can_t_be_attached_again_the_other_isn_t_either(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_messages() as load:
        scene.wait_for_pause()
        ended(load)
    attach = scene.door.calls.bpf_program__attach
    tried: list[int] = []

    def refuse_the_second(handle: int) -> object:
        tried.append(handle)
        if len(tried) == 1:
            return attach(handle)
        ctypes.set_errno(errno.EBUSY)
        return None

    monkeypatch.setattr(scene.door.calls, "bpf_program__attach", refuse_the_second)
    assert scene.look(LONGEST_WAIT_NS) is None
    before = int(traffic_of(scene.events, os.getpid())["udp_sent"])
    datagrams("127.0.0.1", 5)
    assert int(traffic_of(scene.events, os.getpid())["udp_sent"]) == before
    assert scene.marks() <= {True}


def test_what_passes_while_the_programs_come_off_or_go_on_is_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scene.events._messages is not None
    bpf_object = scene.events._messages._object
    attach, detach = bpf_object.attach, bpf_object.detach
    attached: list[int] = []

    def attach_late(names: Sequence[str]) -> dict[str, LoaderError]:
        attached.append(1)
        datagrams("127.0.0.1", 3)
        return attach(names)

    def detach_early(names: Sequence[str]) -> None:
        detach(names)
        datagrams("127.0.0.1", 2)

    monkeypatch.setattr(bpf_object, "attach", attach_late)
    monkeypatch.setattr(bpf_object, "detach", detach_early)
    with small_messages() as load:
        scene.wait_for_pause()
        ended(load)
    scene.wait_for_its_end()
    told = 2 * (3 + 2) * len(attached)
    assert f"meanwhile {told} datagrams were sent or received uncounted" in scene.events.cost().way


def test_where_the_kernel_s_counters_can_t_be_read_in_a_pause_rows_are_marked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert scene.events._messages is not None
    monkeypatch.setattr(scene.events._messages, "_passed", PassedDatagrams(tmp_path))
    with small_messages() as load:
        datagrams("127.0.0.1", 1)
        scene.wait_for_pause()
        ended(load)
    scene.look(SECOND_NS)
    assert scene.marks() == {True}
    assert "how many isn't known" in scene.events.cost().way


def test_a_reader_slower_than_a_look_finds_the_mark_too(scene: Scene) -> None:
    with small_messages() as load:
        scene.wait_for_pause()
        ended(load)
    datagrams("127.0.0.1", 1)
    scene.look(SECOND_NS)
    for seconds, expected in ((1, True), (8, True), (2, False)):
        scene.clock.now_ns += seconds * SECOND_NS
        scene.events.look(10 * LOOK_MS)
        assert scene.marks() == {expected}


def test_the_kernel_s_counters_tell_of_datagrams_what_the_calls_returned(network: None) -> None:
    """Of every kind, but what is put together by several calls (`corked`: 8 calls, 4 datagrams)."""
    passed = PassedDatagrams()
    passed.begin()
    command = [sys.executable, "-m", "tests.vm.inside.datagram_cases"]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout)
    calls = sum(talk["sent"] + talk["received"] for _, talk in said.values())
    assert passed.since() == calls - 4
    passed.close()


def test_where_programs_at_functions_run_there_is_nothing_to_look_at(network: None, objects: Path) -> None:
    """Or where there are neither: the map of their runs is made with the programs at the tracepoints, and only then."""
    door, memory = Libbpf(objects), SocketMemory()
    probe = SocketEvents(door, memory)
    probe.open()
    counts_runs = door.function_exits.refusal is not None and probe.missing_programs.keys().isdisjoint(AT_MESSAGES)
    assert (probe.look(LOOK_MS) is not None) == counts_runs
    assert (door.calls.bpf_map__fd(probe._opened()._map(RUNS_MAP)) >= 0) == (door.function_exits.refusal is not None)
    probe.close()
    memory.close()
