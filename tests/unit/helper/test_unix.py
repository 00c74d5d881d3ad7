"""The unix sockets of a tick on a fake probe: how often they are read, for whom, how much at most, and until when."""

import struct

from helper.loaders.errors import LoaderError
from helper.probes.probe import ProbeCost, Reading
from helper.probes.unix_table import (
    HOLDER_BYTES,
    SECTION_UNIX_HOLDERS,
    SECTION_UNIX_READING,
    SECTION_UNIX_SOCKETS,
    SOCKET_BYTES,
    UnixTables,
)
from helper.probes.visibility import Mode, Visibility
from helper.sampler.growing_buffer import MOST_SOCKETS
from helper.sampler.packets import Section
from helper.sampler.probe_set import ProbeSet, Slot, State, kinds_of
from helper.sampler.unix import COST_FACTOR, PACE_NS, READING, Unix

ALICE = Visibility(Mode.SEES_AS_PROC, 1000)
BOB = Visibility(Mode.SEES_OWN, 1001)
ROOT = Visibility(Mode.SEES_ALL, 0)
NOBODYS = 2**32 - 1
MS = 10**6


def socket_row(inode: int, uid: int) -> bytes:
    return struct.pack("@QQQI132x", 100 + inode, inode, 0, uid)


def holder_row(inode: int, owner: int, pid: int = 10) -> bytes:
    return struct.pack("@QQIIII16s", inode, 5, pid, owner, 3, 1, b"holder")


def inodes(section: Section, record_bytes: int, at: int) -> list[int]:
    rows = bytes(section.rows)
    return [struct.unpack_from("@Q", rows, place + at)[0] for place in range(0, len(rows), record_bytes)]


class FakeProbe:
    """Rows that a test decides on; a pass over open files takes as long as it says."""

    name = "unix_sockets"

    def __init__(self) -> None:
        self.now_ns = 10**12
        self.took_ns = 0
        self.sockets: list[bytes] = []
        self.holders: list[bytes] = []
        self.passes = 0
        self.broken = False

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing is open."""

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 0)

    def read_sockets_into(self, buffer: memoryview) -> Reading:
        return self._fill(buffer, self.sockets, SOCKET_BYTES)

    def read_holders_into(self, buffer: memoryview) -> Reading:
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        self.passes += 1
        self.now_ns += self.took_ns
        return self._fill(buffer, self.holders, HOLDER_BYTES)

    def _fill(self, buffer: memoryview, rows: list[bytes], record_bytes: int) -> Reading:
        fitting = min(len(rows), len(buffer) // record_bytes)
        buffer[: fitting * record_bytes] = b"".join(rows[:fitting])
        return Reading(fitting * record_bytes, truncated=fitting < len(rows))


class Desk:
    """The part on a fake probe that runs."""

    def __init__(self) -> None:
        self.probe = FakeProbe()
        self.slot = Slot(self.probe, kinds_of(self.probe.name))
        self.unix = Unix(self.slot, self.probe, clock_ns=lambda: self.probe.now_ns)
        self.slot.open()

    def take(self, visibility: Visibility = ROOT, after_ns: int = 0) -> dict[int, Section]:
        self.probe.now_ns += after_ns
        return {section.kind: section for section in self.unix.sections(visibility, self.probe.now_ns)}


def test_a_stream_with_a_tick_a_second_has_a_new_reading_with_each_and_a_faster_one_shares_them() -> None:
    desk = Desk()
    for _ in range(10):
        desk.take(after_ns=995 * MS)
    assert desk.probe.passes == 10
    for _ in range(90):
        desk.take(after_ns=100 * MS)
    assert desk.probe.passes == 20


def test_readings_never_take_more_than_a_twentieth_of_the_time() -> None:
    desk = Desk()
    desk.probe.took_ns = 200 * MS
    began_ns = desk.probe.now_ns
    for _ in range(1000):
        desk.take(after_ns=100 * MS)
    share = desk.probe.passes * desk.probe.took_ns / (desk.probe.now_ns - began_ns)
    assert 0.9 / COST_FACTOR <= share <= 1 / COST_FACTOR


def test_streams_that_come_and_go_bring_no_more_readings() -> None:
    desk = Desk()
    probes = ProbeSet((desk.slot,), choice=None)  # type: ignore[arg-type]  # nobody asks which loader it is
    for _ in range(100):
        desk.take(after_ns=10 * MS)
        probes.close_unwanted(0)
        assert desk.slot.state is State.OFF
        assert desk.take() == {}
        desk.slot.open()
    assert desk.probe.passes == 2
    assert 100 * 10 * MS < 2 * PACE_NS


def test_a_reading_says_when_it_was_made_and_how_long_it_took() -> None:
    desk = Desk()
    desk.probe.took_ns = 7 * MS
    first = desk.take()[SECTION_UNIX_READING]
    read_ns = desk.probe.now_ns
    later = desk.take(after_ns=60 * MS)[SECTION_UNIX_READING]
    assert bytes(first.rows) == bytes(later.rows) == READING.pack(read_ns, 7 * MS, 0)


def test_others_see_what_they_created_and_what_their_own_processes_hold() -> None:
    desk = Desk()
    desk.probe.sockets = [socket_row(1, 1000), socket_row(2, 0), socket_row(3, 0), socket_row(4, 1001)]
    desk.probe.holders = [
        holder_row(1, 1000), holder_row(2, 1000), holder_row(2, 0), holder_row(3, 0), holder_row(4, NOBODYS),
    ]  # fmt: skip
    alice, bob, root = (desk.take(visibility) for visibility in (ALICE, BOB, ROOT))
    assert inodes(alice[SECTION_UNIX_SOCKETS], SOCKET_BYTES, 8) == [1, 2]
    assert inodes(alice[SECTION_UNIX_HOLDERS], HOLDER_BYTES, 0) == [1, 2]
    assert inodes(bob[SECTION_UNIX_SOCKETS], SOCKET_BYTES, 8) == [4], "he created it; who holds it is not his"
    assert inodes(bob[SECTION_UNIX_HOLDERS], HOLDER_BYTES, 0) == []
    assert inodes(root[SECTION_UNIX_SOCKETS], SOCKET_BYTES, 8) == [1, 2, 3, 4]
    assert len(root[SECTION_UNIX_HOLDERS].rows) == 5 * HOLDER_BYTES
    assert desk.probe.passes == 1


def test_connections_that_wait_to_be_accepted_are_not_taken_for_held_ones() -> None:
    tables = UnixTables(socket_row(0, 0) + socket_row(5, 0), holder_row(5, 1000))
    seen = tables.seen_by(ALICE)
    assert bytes(seen.sockets) == socket_row(5, 0)


def test_too_many_are_cut_short_and_it_is_said() -> None:
    desk = Desk()
    desk.probe.sockets = [socket_row(1, 1000)] * (MOST_SOCKETS + 1)
    desk.probe.holders = [holder_row(1, 1000)] * 3
    found = desk.take()
    assert found[SECTION_UNIX_SOCKETS].truncated
    assert not found[SECTION_UNIX_HOLDERS].truncated
    assert len(found[SECTION_UNIX_SOCKETS].rows) == MOST_SOCKETS * SOCKET_BYTES
    assert READING.unpack(found[SECTION_UNIX_READING].rows)[2] == 1


def test_a_probe_that_cannot_be_read_is_closed_and_its_sections_are_gone() -> None:
    desk = Desk()
    assert desk.take()
    desk.probe.broken = True
    assert desk.take(after_ns=PACE_NS) == {}
    assert desk.slot.state is State.FAILED
    assert "read" in desk.slot.reason


def test_each_of_several_users_gets_his_own_of_one_reading() -> None:
    desk = Desk()
    alice, carol = (Visibility(Mode.SEES_OWN, uid) for uid in (1000, 1002))
    desk.probe.sockets = [socket_row(1, 1000), socket_row(2, 1002)]
    desk.probe.holders = [holder_row(1, 1000), holder_row(2, 1002)]
    for viewer, inode in ((alice, 1), (carol, 2), (alice, 1)):
        shown = desk.take(viewer)
        assert inodes(shown[SECTION_UNIX_SOCKETS], SOCKET_BYTES, at=8) == [inode]
        assert inodes(shown[SECTION_UNIX_HOLDERS], HOLDER_BYTES, at=0) == [inode]
    assert desk.probe.passes == 1
