"""When the kernel's tables of sockets are walked, and what a frame shows in between."""

import struct

import pytest

from helper.probes.known_sockets import QUIET_TABLES_EVERY_NS, TABLES_EVERY_NS, KnownSockets
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_table import SOCKET_BYTES
from helper.probes.visibility import EVERYBODY, Mode, Visibility
from tests.fakes.sockets import FakeSockets, socket_row

ALICE = Visibility(Mode.SEES_OWN, 1000)


class Desk:
    """KnownSockets on fake tables, with a clock that the test moves."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.missed = 0
        self.tables = FakeSockets()
        self.memory = SocketMemory()
        self.memory.followed = lambda: self.missed
        self.closings = 0
        self.memory.closings = lambda: self.closings
        self.reader = KnownSockets(self.tables, self.memory, lambda: self.now_ns)

    def cookies(self, visibility: Visibility = EVERYBODY) -> list[int]:
        rows = self.reader.read_known(visibility)
        if rows is None:
            buffer = memoryview(bytearray(100 * SOCKET_BYTES))
            reading = self.reader.read_into(buffer, visibility)
            assert not reading.truncated
            rows = buffer[: reading.byte_count]
        return [struct.unpack_from("@Q", rows, at)[0] for at in range(0, len(rows), SOCKET_BYTES)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_tables_are_walked_first_and_then_every_ten_seconds_while_connections_close(desk: Desk) -> None:
    for second in range(25):
        desk.now_ns = second * 10**9
        desk.closings += 1
        desk.cookies()
    assert desk.tables.walks == 3
    assert TABLES_EVERY_NS == 10 * 10**9


def test_a_single_connection_that_closes_is_looked_for_until_nothing_is_left_of_it(desk: Desk) -> None:
    remains = [socket_row(5, is_remains=True)]
    shown = []
    for second in range(0, 240, 5):
        desk.now_ns = second * 10**9
        desk.closings = int(second >= 35)
        desk.tables.table = remains if 35 <= second < 95 else []
        shown.append((second, desk.cookies() == [5]))
    assert [second for second, is_shown in shown if is_shown] == list(range(35, 95, 5))
    assert desk.tables.walks == 1 + 7 + 2, "first; at 35, 45 … 95; at 155 and 215, as nothing has happened since"


def test_the_tables_are_walked_once_a_minute_while_no_connection_closes(desk: Desk) -> None:
    for second in range(130):
        desk.now_ns = second * 10**9
        desk.cookies()
    assert desk.tables.walks == 3
    assert QUIET_TABLES_EVERY_NS == 60 * 10**9


def test_between_two_walks_the_remembered_sockets_and_all_datagram_sockets_are_shown(desk: Desk) -> None:
    desk.tables.table, desk.tables.udp = [socket_row(1), socket_row(2)], [socket_row(7)]
    assert desk.cookies() == [1, 2, 7]
    desk.tables.known, desk.tables.udp = [socket_row(2), socket_row(3)], [socket_row(7), socket_row(8)]
    assert desk.cookies() == [2, 3, 7, 8]


def test_what_closed_connections_left_is_shown_until_the_next_walk(desk: Desk) -> None:
    desk.tables.table = [socket_row(1), socket_row(5, is_remains=True), socket_row(6, is_remains=True)]
    desk.cookies()
    desk.tables.known = [socket_row(1)]
    assert sorted(desk.cookies()) == [1, 5, 6]
    desk.now_ns, desk.tables.table = TABLES_EVERY_NS, [socket_row(1)]
    assert desk.cookies() == [1]
    assert desk.cookies() == [1]


def test_the_tables_are_walked_each_time_while_nobody_follows_connections(desk: Desk) -> None:
    desk.memory.followed = None
    for _ in range(3):
        desk.cookies()
    assert desk.tables.walks == 3


def test_the_tables_are_walked_at_once_when_a_connection_may_have_been_missed(desk: Desk) -> None:
    desk.cookies()
    desk.missed = 1
    desk.cookies()
    assert desk.tables.walks == 2
    desk.cookies()
    assert desk.tables.walks == 2


def test_a_socket_that_found_no_room_for_its_memory_is_shown_all_the_same(desk: Desk) -> None:
    desk.tables.table, desk.tables.unremembered = [socket_row(1)], 1
    assert [desk.cookies() for _ in range(3)] == [[1], [1], [1]]


def test_another_viewer_gets_rows_of_a_walk_made_for_that_viewer(desk: Desk) -> None:
    desk.cookies(EVERYBODY)
    desk.tables.table = [socket_row(3)]
    assert desk.cookies(ALICE) == [3]
    assert desk.tables.walks == 2


def test_more_sockets_than_the_map_of_rows_holds_are_read_from_the_tables(desk: Desk) -> None:
    desk.tables.most_known = 1
    desk.tables.table = desk.tables.known = [socket_row(1), socket_row(2)]
    desk.cookies()
    assert desk.cookies() == [1, 2]
    assert desk.tables.walks == 2


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_walk_that_found_no_room_for_all_is_made_again(desk: Desk, room: int) -> None:
    desk.tables.table = [socket_row(1), socket_row(5, is_remains=True), socket_row(2)]
    reading = desk.reader.read_into(memoryview(bytearray(room * SOCKET_BYTES)), EVERYBODY)
    assert reading.truncated
    assert reading.byte_count <= room * SOCKET_BYTES
    assert sorted(desk.cookies()) == [1, 2, 5]
    assert desk.tables.walks == 2
