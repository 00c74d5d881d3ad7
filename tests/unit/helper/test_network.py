"""The network part of a tick on fake probes: what is read when, for whom, and how much at most."""

import struct
from collections.abc import Callable, Iterable

import pytest

from helper.loaders.errors import LoaderError
from helper.probes.probe import ProbeCost, Reading
from helper.probes.socket_events import TRAFFIC
from helper.probes.visibility import Mode, Visibility
from helper.sampler import network, packets
from helper.sampler.growing_buffer import MOST_SOCKETS, GrowingBuffer
from helper.sampler.network import FORGET_EVERY_NS, Network
from helper.sampler.packets import Section
from helper.sampler.probe_set import Slot, State, kinds_of

ALICE = Visibility(Mode.SEES_AS_PROC, 1000)
BOB = Visibility(Mode.SEES_AS_PROC, 1001)
ROOT = Visibility(Mode.SEES_ALL, 0)
SECOND_NS = 10**9


class FakeProbe:
    """One probe with rows that a test decides on."""

    def __init__(self, name: str, row_bytes: int = 1) -> None:
        self.name = name
        self.row_bytes = row_bytes
        self.rows: list[bytes] = []
        self.unowned = 0
        self.passes = 0
        self.viewers: list[object] = []
        self.forgotten: list[set[tuple[int, int]]] = []
        self.broken = False
        self.net_namespace = 1
        self.elsewhere: list[bytes] = []
        self.known: memoryview | None = None
        self.passes_elsewhere = 0
        self.while_reading: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing is open."""

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 0)

    def read_known(self, _visibility: Visibility) -> memoryview | None:
        return self.known

    def read_into(self, buffer: memoryview, viewer_or_time: object = None) -> Reading:
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        self.while_reading()
        self.passes += 1
        self.viewers.append(viewer_or_time)
        fitting = min(len(self.rows), len(buffer) // self.row_bytes)
        rows = b"".join(self.rows[:fitting])
        buffer[: len(rows)] = rows
        return Reading(len(rows), truncated=fitting < len(self.rows))

    def read_elsewhere_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        assert visibility == ROOT
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        self.while_reading()
        self.passes_elsewhere += 1
        fitting = min(len(self.elsewhere), len(buffer) // 128)
        rows = b"".join(self.elsewhere[:fitting])
        buffer[: len(rows)] = rows
        return Reading(len(rows), truncated=fitting < len(self.elsewhere))

    def read_traffic(self) -> bytes:
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        return b"".join(self.rows)

    def forget(self, gone: Iterable[tuple[int, int]]) -> int:
        self.forgotten.append(set(gone))
        return 0


class Desk:
    """The part on four fake probes, all running, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND_NS
        self.sockets, self.owners = FakeProbe("sockets", 128), FakeProbe("socket_owners", 32)
        self.traffic, self.tasks = FakeProbe("socket_events"), FakeProbe("task_snapshot", 136)
        probes = (self.sockets, self.owners, self.traffic, self.tasks)
        self.slots = {probe.name: Slot(probe, kinds_of(probe.name)) for probe in probes}
        for slot in self.slots.values():
            slot.open()
        pairs = [(self.slots[probe.name], probe) for probe in probes]
        self.network = Network(*pairs, clock_ns=lambda: self.now_ns)

    def take(self, visibility: Visibility = ROOT) -> dict[int, Section]:
        self.now_ns += 1  # another moment
        return {section.kind: section for section in self.network.sections(visibility, self.now_ns)}


def traffic_row(pid: int, start_ns: int, uid: int = 1000) -> bytes:
    return TRAFFIC.pack(pid, uid, start_ns, b"curl", *[0] * 11)


def task_row(pid: int, start_ns: int) -> bytes:
    return struct.pack("@4IQ112x", pid, pid, 1, 1000, start_ns)


def test_fifty_thousand_connections_are_cut_short_and_it_is_said() -> None:
    desk = Desk()
    desk.sockets.rows = [bytes(128)] * 50_000
    section = desk.take()[packets.SECTION_SOCKETS]
    assert section.truncated
    assert len(section.rows) == MOST_SOCKETS * 128


def test_remembered_sockets_are_shown_without_a_walk_as_long_as_there_are_any() -> None:
    desk = Desk()
    desk.sockets.known, desk.sockets.rows = memoryview(b"k" * 128), [b"w" * 128]
    assert bytes(desk.take()[packets.SECTION_SOCKETS].rows) == b"k" * 128
    assert desk.sockets.passes == 0
    desk.sockets.known = memoryview(b"")
    assert not len(desk.take()[packets.SECTION_SOCKETS].rows)
    assert desk.sockets.passes == 0, "that there is none is remembered too"
    desk.sockets.known = None
    assert bytes(desk.take()[packets.SECTION_SOCKETS].rows) == b"w" * 128


def test_open_files_are_searched_only_when_a_socket_has_no_owner_or_once_a_minute() -> None:
    desk = Desk()
    desk.take()
    passes = desk.owners.passes
    for _ in range(30):
        desk.now_ns += SECOND_NS
        desk.take()
    assert desk.owners.passes == passes
    desk.sockets.unowned = 1
    desk.take()
    assert desk.owners.passes == passes + 1
    desk.sockets.unowned = 0
    desk.now_ns += 61 * SECOND_NS
    desk.take()
    assert desk.owners.passes == passes + 2


def test_the_holders_of_others_sockets_are_for_those_who_see_all() -> None:
    desk = Desk()
    desk.owners.rows = [struct.pack("@QQIIII", 7, 5, pid, uid, 3, 1) for pid, uid in ((10, 1000), (11, 1001))]
    assert len(desk.take(ROOT)[packets.SECTION_SOCKET_OWNERS].rows) == 64
    own = desk.take(ALICE)[packets.SECTION_SOCKET_OWNERS].rows
    assert bytes(own) == desk.owners.rows[0]
    assert bytes(desk.take(BOB)[packets.SECTION_SOCKET_OWNERS].rows) == desk.owners.rows[1]
    assert bytes(desk.take(ALICE)[packets.SECTION_SOCKET_OWNERS].rows) == desk.owners.rows[0]


def socket_row(number: int, uid: int, missing: int = 0) -> bytes:
    return struct.pack("@Q76xI24xI12x", number, uid, missing)


def test_each_of_several_users_gets_his_sockets_of_one_reading() -> None:
    desk = Desk()
    nobodys = 1 << 12  # ST_MISSING_UID
    desk.sockets.rows = [socket_row(1, 1000), socket_row(2, 1001), socket_row(3, 1000, nobodys), socket_row(4, 1000)]
    for _ in range(2):
        moment_ns = desk.now_ns = desk.now_ns + SECOND_NS
        seen = [desk.network.sections(viewer, moment_ns)[0].rows for viewer in (ALICE, BOB, ROOT)]
    assert [struct.unpack_from("@Q", seen[0], at)[0] for at in range(0, len(seen[0]), 128)] == [1, 4]
    assert bytes(seen[1]) == desk.sockets.rows[1]
    assert bytes(seen[2]) == b"".join(desk.sockets.rows)
    assert desk.sockets.viewers == [ALICE, ROOT, ROOT], "the first time he looked like the only one"


def holder(net_namespace: int) -> bytes:
    return struct.pack("@QQIIII", 7, 5, 10, 1000, 3, net_namespace)


def test_sockets_of_other_networks_are_read_every_ten_seconds_while_there_are_some() -> None:
    desk = Desk()
    desk.sockets.rows, desk.owners.elsewhere = [socket_row(1, 1000)], [socket_row(2, 1001), socket_row(3, 1000)]
    desk.owners.rows = [holder(1)]
    assert bytes(desk.take()[packets.SECTION_SOCKETS].rows) == socket_row(1, 1000)
    assert desk.owners.passes_elsewhere == 0
    desk.owners.rows = [holder(1), holder(2)]
    desk.now_ns += 61 * SECOND_NS
    for _ in range(9):
        desk.now_ns += SECOND_NS
        shown = [bytes(desk.take(viewer)[packets.SECTION_SOCKETS].rows) for viewer in (ROOT, ALICE)]
        assert shown[0] == b"".join(desk.sockets.rows + desk.owners.elsewhere)
        assert shown[1] == desk.sockets.rows[0] + desk.owners.elsewhere[1], "another user's stays hidden"
    assert desk.owners.passes_elsewhere == 1
    desk.owners.rows = [holder(1)]
    desk.now_ns += 61 * SECOND_NS
    assert bytes(desk.take()[packets.SECTION_SOCKETS].rows) == socket_row(1, 1000), "the container is gone"


def test_while_one_user_looks_the_kernel_is_asked_for_his_sockets_alone() -> None:
    desk = Desk()
    for viewer in (ALICE, ALICE, BOB, BOB):
        desk.take(viewer)
    assert desk.sockets.viewers == [ALICE, ALICE, ROOT, BOB]


def test_a_probe_that_fails_takes_only_its_own_section_with_it() -> None:
    desk = Desk()
    desk.sockets.broken = True
    assert desk.take().keys() == {packets.SECTION_TRAFFIC}
    assert desk.slots["sockets"].state is State.FAILED


def test_a_dead_process_is_forgotten_at_the_second_look_and_a_live_one_never() -> None:
    desk = Desk()
    desk.traffic.rows = [traffic_row(10, 5), traffic_row(11, 6)]
    desk.tasks.rows = [task_row(10, 5)]
    for _ in range(3):
        desk.take()
        desk.now_ns += FORGET_EVERY_NS // 2
    assert desk.traffic.forgotten == [{(11, 6)}]


def test_a_reused_pid_is_another_process() -> None:
    desk = Desk()
    desk.traffic.rows = [traffic_row(10, 5)]
    desk.tasks.rows = [task_row(10, 99)]
    for _ in range(2):
        desk.take()
        desk.now_ns += FORGET_EVERY_NS
    assert desk.traffic.forgotten == [{(10, 5)}]


def test_more_holders_than_a_frame_takes_are_cut_short_and_it_is_said() -> None:
    desk = Desk()
    assert not desk.take()[packets.SECTION_SOCKET_OWNERS].truncated
    desk.owners.rows = [holder(1)] * (MOST_SOCKETS + 1)
    desk.sockets.unowned = 1
    desk.now_ns += SECOND_NS
    for viewer in (ROOT, ALICE):
        assert desk.take(viewer)[packets.SECTION_SOCKET_OWNERS].truncated


def test_more_sockets_of_other_networks_than_a_frame_takes_are_cut_short_and_it_is_said() -> None:
    desk = Desk()
    desk.owners.rows, desk.owners.elsewhere = [holder(2)], [socket_row(2, 1000)] * (MOST_SOCKETS + 1)
    section = desk.take()[packets.SECTION_SOCKETS]
    assert section.truncated
    assert len(section.rows) == MOST_SOCKETS * 128


def test_holders_that_can_no_longer_be_searched_are_not_shown_as_if_they_were_of_now() -> None:
    desk = Desk()
    desk.owners.rows = [holder(1)]
    assert packets.SECTION_SOCKET_OWNERS in desk.take()
    desk.owners.broken = True
    desk.now_ns += 61 * SECOND_NS
    assert packets.SECTION_SOCKET_OWNERS not in desk.take()
    assert desk.slots["socket_owners"].state is State.FAILED


def test_holders_and_sockets_of_other_networks_go_with_the_probe_that_finds_them() -> None:
    desk = Desk()
    desk.owners.rows, desk.owners.elsewhere = [holder(2)], [socket_row(2, 1000)]
    assert bytes(desk.take()[packets.SECTION_SOCKETS].rows) == socket_row(2, 1000)
    desk.slots["socket_owners"].close()
    shown = desk.take()
    assert packets.SECTION_SOCKET_OWNERS not in shown
    assert not len(shown[packets.SECTION_SOCKETS].rows)


def test_a_pass_over_other_networks_that_fails_leaves_no_rows_of_the_one_before() -> None:
    desk = Desk()
    desk.owners.rows, desk.owners.elsewhere = [holder(2)], [socket_row(2, 1000)]
    desk.take()
    desk.now_ns += 11 * SECOND_NS
    desk.owners.broken = True
    assert not len(desk.take()[packets.SECTION_SOCKETS].rows)
    assert desk.slots["socket_owners"].state is State.FAILED


def test_where_nobody_holds_a_socket_no_other_network_is_looked_for() -> None:
    desk = Desk()
    desk.take()
    assert desk.owners.passes_elsewhere == 0


def test_passes_over_other_networks_never_take_more_than_a_hundredth_of_the_time() -> None:
    desk = Desk()

    def take_a_second() -> None:
        desk.now_ns += SECOND_NS

    desk.owners.rows, desk.owners.elsewhere = [holder(2)], [socket_row(2, 1000)]
    desk.owners.while_reading = take_a_second
    desk.take()
    for _ in range(3):
        desk.now_ns += 30 * SECOND_NS
        desk.take()
    assert desk.owners.passes_elsewhere == 1
    desk.now_ns += 30 * SECOND_NS
    desk.take()
    assert desk.owners.passes_elsewhere == 2


def test_traffic_is_for_its_user_and_for_those_who_see_all() -> None:
    desk = Desk()
    desk.traffic.rows = [traffic_row(10, 5, uid=1000), traffic_row(11, 6, uid=1001)]
    assert bytes(desk.take(ALICE)[packets.SECTION_TRAFFIC].rows) == desk.traffic.rows[0]
    assert bytes(desk.take(BOB)[packets.SECTION_TRAFFIC].rows) == desk.traffic.rows[1]
    assert bytes(desk.take(ROOT)[packets.SECTION_TRAFFIC].rows) == b"".join(desk.traffic.rows)


def test_traffic_that_cannot_be_read_is_missing_and_not_none_at_all() -> None:
    desk = Desk()
    desk.traffic.rows = [traffic_row(10, 5)]
    assert packets.SECTION_TRAFFIC in desk.take()
    desk.traffic.broken = True
    assert packets.SECTION_TRAFFIC not in desk.take()
    assert desk.slots["socket_events"].state is State.FAILED


def test_a_dead_process_is_not_forgotten_before_a_minute_is_over() -> None:
    desk = Desk()
    desk.traffic.rows = [traffic_row(11, 6)]
    for _ in range(30):
        desk.take()
        desk.now_ns += SECOND_NS
    assert desk.traffic.forgotten == []


def test_the_row_of_those_without_a_row_of_their_own_is_never_forgotten() -> None:
    desk = Desk()
    desk.traffic.rows = [traffic_row(0, 0), traffic_row(11, 6)]
    for _ in range(3):
        desk.take()
        desk.now_ns += FORGET_EVERY_NS
    assert desk.traffic.forgotten[0] == {(11, 6)}
    assert all((0, 0) not in gone for gone in desk.traffic.forgotten)


def test_nobody_is_taken_for_dead_where_not_all_processes_could_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MOST_TASKS", 4096)
    desk = Desk()
    desk.traffic.rows = [traffic_row(9_999, 5)]
    desk.tasks.rows = [task_row(pid, 5) for pid in range(1, 5000)] + [task_row(9_999, 5)]
    for _ in range(4):
        desk.take()
        desk.now_ns += FORGET_EVERY_NS
    assert desk.traffic.forgotten == []


def test_room_grows_to_its_limit_and_not_beyond() -> None:
    room = GrowingBuffer(row_bytes=8, first_rows=2, most_rows=5)
    offered: list[int] = []

    def read(buffer: memoryview) -> Reading:
        offered.append(len(buffer) // 8)
        return Reading(len(buffer), truncated=True)

    rows, truncated = room.fill(read)
    assert (offered, len(rows), truncated) == ([2, 4, 5], 40, True)


def test_searches_for_owners_never_take_more_than_a_twentieth_of_the_time() -> None:
    desk = Desk()

    def take_a_second() -> None:
        desk.now_ns += SECOND_NS

    desk.owners.while_reading = take_a_second
    desk.sockets.unowned = 1
    desk.take()
    desk.now_ns += 19 * SECOND_NS
    desk.take()
    assert desk.owners.passes == 1, "a socket without an owner has to wait"
    desk.now_ns += SECOND_NS
    desk.take()
    assert desk.owners.passes == 2
