"""Opens, reads, writes and syncs of a child that does a known number of each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.file_activity import FileActivity
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.activity import ActivitySection
from tests.bpf.activity import MACHINE_CODE, code_of_32_bit_call, opened, row_of, table
from tests.bpf.disks import loop_device
from tests.bpf.machine import NOBODY, boottime_ns, child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf
    from helper.probes.activity import ActivityProbe

KNOWN = """
say(); wait()
for _ in range(10):
    file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
    for _ in range(10): os.write(file, bytes(1000))
    os.pwrite(file, bytes(24), 0)
    os.fsync(file); os.fdatasync(file)
    os.lseek(file, 0, 0)
    for _ in range(5): os.read(file, 100)
    os.pread(file, 7, 3)
    os.close(file)
for _ in range(4):
    try: os.open(sys.argv[1] + '/nothing', os.O_RDONLY)
    except NotADirectoryError: pass
say(); wait()
"""
COUNTS = {
    "opens": 10,
    "failed_opens": 4,
    "writes": 110,
    "written_bytes": 10 * 10_024,
    "reads": 60,
    "read_bytes": 10 * 507,
    "syncs": 20,
}


@pytest.fixture
def probe(door: Libbpf) -> Iterator[ActivityProbe]:
    with opened(FileActivity(door)) as found:
        yield found


def test_a_childs_row_counts_exactly_what_it_did(probe: ActivityProbe, tmp_path: Path) -> None:
    with child(KNOWN, str(tmp_path / "file")) as user:
        user.settle()
        rows = table(probe, ActivitySection.FILE_USERS)
        assert rows is not None
        before = row_of(rows, user.pid).copy()
        user.tell()
        user.settle()
        row = row_of(table(probe, ActivitySection.FILE_USERS), user.pid)
    assert {name: int(row[name] - before[name]) for name in COUNTS} == COUNTS
    assert row["sync_ns"] > 0


EVERY_CALL = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
say(); wait()
path = sys.argv[1].encode(); where = ctypes.c_long(0)
class Part(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]
room = ctypes.create_string_buffer(100)
part = ctypes.byref(Part(ctypes.addressof(room), 100))
files = [
    libc.open(path, os.O_RDWR), libc.creat(path, 0o600), libc.openat(-100, path, os.O_RDWR),
    libc.syscall(437, -100, path, (ctypes.c_uint64 * 3)(os.O_RDWR, 0, 0), 24),  # openat2
]
file = files[0]; libc.ftruncate(file, 1000)
counts = [
    libc.write(file, room, 1), libc.pwrite(file, room, 2, where), libc.writev(file, part, 1),
    libc.pwritev(file, part, 1, where), libc.pwritev2(file, part, 1, where, 2),
    libc.read(file, room, 4), libc.pread(file, room, 8, where), libc.readv(file, part, 1),
    libc.preadv(file, part, 1, where), libc.preadv2(file, part, 1, where, 1),
    libc.fsync(file), libc.fdatasync(file), libc.sync_file_range(file, where, where, 2), libc.syncfs(file),
]
folder = libc.open(os.path.dirname(path), os.O_RDONLY)
assert min(files + counts + [folder]) >= 0, (files, counts, folder)
say(); wait()
"""
BYTES_OF_EVERY_CALL = {"written_bytes": 1 + 2 + 3 * 100, "read_bytes": 4 + 8 + 3 * 100}


def test_every_call_on_files_is_counted_once_as_what_it_is(probe: ActivityProbe, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with child(EVERY_CALL, str(path)) as user:
        user.settle()
        before = row_of(table(probe, ActivitySection.FILE_USERS), user.pid).copy()
        user.tell()
        user.settle()
        row = row_of(table(probe, ActivitySection.FILE_USERS), user.pid)
    counts = {"opens": 4 + 1, "writes": 5, "reads": 5, "syncs": 4, "failed_opens": 0} | BYTES_OF_EVERY_CALL
    assert {name: int(row[name] - before[name]) for name in counts} == counts


def test_a_32_bit_call_is_not_taken_for_the_64_bit_call_of_its_number(probe: ActivityProbe, tmp_path: Path) -> None:
    code = code_of_32_bit_call("b8 13000000 89fb b9 64000000 31d2")  # eax = 19: there it is lseek, here readv; to 100
    script = (
        "file = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT); say(); wait(); assert call(file) == 100; say(); wait()"
    )
    with child(MACHINE_CODE + script, code, str(tmp_path / "file")) as user:
        user.settle()
        before = row_of(table(probe, ActivitySection.FILE_USERS), user.pid).copy()
        user.tell()
        user.settle()
        row = row_of(table(probe, ActivitySection.FILE_USERS), user.pid)
    assert [row[name] - before[name] for name in ("reads", "read_bytes")] == [0, 0]


def test_what_is_read_from_a_disk_itself_is_a_files_bytes_too(probe: ActivityProbe, tmp_path: Path) -> None:
    script = "say(); wait(); file = os.open(sys.argv[1], os.O_RDONLY); os.read(file, 4096); say(); wait()"
    with loop_device(tmp_path) as device, child(script, str(device)) as user:
        user.settle()
        before = row_of(table(probe, ActivitySection.FILE_USERS), user.pid).copy()
        user.tell()
        user.settle()
        row = row_of(table(probe, ActivitySection.FILE_USERS), user.pid)
    assert [int(row[name] - before[name]) for name in ("opens", "reads", "read_bytes")] == [1, 1, 4096]


def test_a_file_systems_row_is_that_of_the_device_the_file_lies_on(probe: ActivityProbe, tmp_path: Path) -> None:
    before = systems(probe)
    with child(KNOWN, str(tmp_path / "file")) as user:
        user.settle()
        user.tell()
        user.settle()
    device = tmp_path.stat().st_dev
    after = systems(probe)
    row = after[os.major(device), os.minor(device)]
    known = before.get((os.major(device), os.minor(device)))
    for name, count in COUNTS.items():
        if name != "failed_opens":
            assert row[name] - (known[name] if known is not None else 0) >= count, name
    assert row["durations"].sum() == row["syncs"]
    bounds_ns = 2.0 ** np.arange(32)
    assert (row["durations"][1:] * bounds_ns[1:]).sum() <= row["sync_ns"]
    assert row["sync_ns"] <= (row["durations"] * 2 * bounds_ns).sum() or row["durations"][31]
    assert row["type"].decode() == type_of_mount(os.major(device), os.minor(device))
    assert 0 < row["first_ns"] < boottime_ns()


def systems(probe: ActivityProbe) -> dict[tuple[int, int], object]:
    rows = table(probe, ActivitySection.FILE_SYSTEMS)
    assert rows is not None
    return {(int(row["major"]), int(row["minor"])): row for row in rows}


def type_of_mount(major: int, minor: int) -> str:
    with Path("/proc/self/mountinfo").open(encoding="utf-8") as lines:
        return next(line.split(" - ")[1].split()[0] for line in lines if line.split()[2] == f"{major}:{minor}")


def test_pipes_and_sockets_are_no_files(probe: ActivityProbe) -> None:
    script = (
        "import socket\nsay(); wait()\n"
        "ends = os.pipe(); left, right = socket.socketpair()\n"
        "for _ in range(50):\n"
        "    os.write(ends[1], b'x'); os.read(ends[0], 1)\n"
        "    os.write(left.fileno(), b'x'); os.read(right.fileno(), 1)\n"
        "say(); wait()\n"
    )
    with child(script) as talker:
        talker.settle()
        before = row_of(table(probe, ActivitySection.FILE_USERS), talker.pid).copy()
        talker.tell()
        talker.settle()
        row = row_of(table(probe, ActivitySection.FILE_USERS), talker.pid)
    assert [row[name] - before[name] for name in ("reads", "writes", "opens")] == [0, 0, 0]


def test_who_does_not_see_all_gets_his_own_rows_and_no_file_systems(probe: ActivityProbe, tmp_path: Path) -> None:
    with child(KNOWN, str(tmp_path / "file")) as user:
        user.settle()
        user.tell()
        user.settle()
        viewer = Visibility(Mode.SEES_AS_PROC, NOBODY)
        rows = table(probe, ActivitySection.FILE_USERS, viewer)
        assert rows is not None
        assert user.pid not in rows["actor"]["pid"]
        assert table(probe, ActivitySection.FILE_SYSTEMS, viewer) is None


MANY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000) == 0  # CLONE_NEWNS
assert libc.mount(b"none", b"/", None, 0x44000, None) == 0  # MS_REC | MS_PRIVATE
place = sys.argv[1].encode()
for _ in range(300):
    assert libc.mount(b"none", place, b"tmpfs", 0, None) == 0
    os.close(os.open(sys.argv[1] + "/file", os.O_WRONLY | os.O_CREAT))
say(); wait()
"""


def test_more_file_systems_than_the_map_holds_are_counted_together(small_door: Libbpf, tmp_path: Path) -> None:
    with opened(FileActivity(small_door)) as probe, child(MANY, str(tmp_path)) as mounter:
        mounter.settle()
        rows = table(probe, ActivitySection.FILE_SYSTEMS)
    assert rows is not None
    [others] = rows[rows["type"] == b""]
    assert (int(others["major"]), int(others["minor"])) == (0, 0)
    assert 64 < len(rows) <= 64 + 257
    assert 0 < others["opens"] < 300
    assert 0 < others["first_ns"] < boottime_ns()
    assert rows["opens"][(rows["type"] == b"tmpfs") | (rows["type"] == b"")].sum() >= 300
