"""Block requests against /proc/diskstats."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from helper.loaders.maps import SLACK
from helper.probes.block_io import KEY, BlockIo
from smoothtask_gui.sources.records import BLOCK_IO
from tests.bpf.disks import disk_below, loop_device
from tests.bpf.machine import boottime_ns, until
from tests.bpf.network import CONSTANTS, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf

SECTOR_BYTES = 512  # Documentation/admin-guide/iostats.rst: whatever the disk's own sectors are
WRITTEN_BYTES = 32 << 20
ROUNDS = 8


class BlockReader(Protocol):
    """The probe of either loader."""

    def read(self) -> bytes: ...


@pytest.fixture
def block_io(door: Libbpf) -> Iterator[BlockIo]:
    probe = BlockIo(door)
    probe.open()
    yield probe
    probe.close()


def rows(block_io: BlockReader) -> Rows:
    return np.frombuffer(block_io.read(), BLOCK_IO)


def counted(block_io: BlockReader, major: int, minor: int) -> tuple[int, ...]:
    """(reads, bytes read, writes, bytes written, flushes)."""
    numbers = []
    for operation in ("READ", "WRITE", "FLUSH"):
        found = rows(block_io)
        found = found[(found["major"] == major) & (found["minor"] == minor)]
        found = found[found["operation"] == CONSTANTS[f"ST_BLOCK_{operation}"]]
        numbers += [int(found["requests"].sum()), int(found["bytes"].sum())]
    return tuple(numbers[:5])


def diskstats(name: str) -> tuple[int, ...]:
    """As `counted`. An empty write, by which a flush is asked for, is a write here (blk_account_io_done())."""
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if fields[2] == name:
            return (
                int(fields[3]),
                int(fields[5]) * SECTOR_BYTES,
                int(fields[7]),
                int(fields[9]) * SECTOR_BYTES,
                int(fields[18]),
            )
    raise AssertionError(name)


def quiet_reading(block_io: BlockReader, place: tuple[int, int, str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both at a moment when the disk did nothing in between."""
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def is_quiet() -> bool:
        before = diskstats(place[2])
        ours = counted(block_io, *place[:2])
        found.append((before, ours))
        return diskstats(place[2]) == before

    until(is_quiet, "a moment in which the disk does nothing")
    return found[-1]


def write_and_read(folder: Path) -> None:
    path = folder / "block"
    with path.open("wb") as file:
        file.write(os.urandom(WRITTEN_BYTES))
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    path.read_bytes()
    path.unlink()


def assert_are_those_of_diskstats_and_never_more(probe: BlockReader, on_disk: Path) -> None:
    """Some rounds, since the sandbox's kernel skips programs in bursts, whichever the loader (docs/ebpf.md)."""
    place = disk_below(on_disk)
    theirs = ours = np.array([1, 1, 1, 1, 1])
    for _ in range(ROUNDS):
        their_before, our_before = quiet_reading(probe, place)
        write_and_read(on_disk)
        their_after, our_after = quiet_reading(probe, place)
        theirs, ours = np.subtract(their_after, their_before), np.subtract(our_after, our_before)
        assert (ours <= theirs).all()
        empty_writes = np.array([0, 0, theirs[2] - ours[2], 0, 0])
        if empty_writes[2] <= theirs[4] and (ours + empty_writes == theirs).all():
            break
    assert ours[[1, 3]] == pytest.approx(theirs[[1, 3]], rel=0.01)
    assert ours[[0, 2]] == pytest.approx(theirs[[0, 2]], rel=0.05, abs=4)
    assert ours[3] >= WRITTEN_BYTES


def test_bytes_and_requests_are_those_of_diskstats_and_never_more(block_io: BlockIo, on_disk: Path) -> None:
    assert_are_those_of_diskstats_and_never_more(block_io, on_disk)


def test_every_timed_request_is_in_a_bucket_that_its_time_allows(block_io: BlockIo, on_disk: Path) -> None:
    write_and_read(on_disk)
    found = rows(block_io)
    assert len(found)
    ends_us = 2 ** np.arange(1, CONSTANTS["ST_LATENCY_BUCKETS"] + 1)
    floors_us = ends_us // 2
    floors_us[0] = 0
    for row in found:
        assert row["timed_requests"] <= row["requests"]
        assert row["first_ns"] < boottime_ns()
    busiest = found[np.argmax(found["requests"])]
    assert busiest["latencies"].sum() == pytest.approx(busiest["timed_requests"], abs=2)
    assert (busiest["latencies"] * floors_us).sum() * 1000 <= busiest["latency_ns"]
    assert busiest["latency_ns"] <= (busiest["latencies"] * ends_us).sum() * 1000
    assert busiest["errors"] == 0


def of_disk(block_io: BlockIo, device: Path, operation: str) -> np.void:
    """Its row; of zeros if there is none."""
    found = rows(block_io)
    number = device.stat().st_rdev
    is_it = (found["major"] == os.major(number)) & (found["minor"] == os.minor(number))
    found = found[is_it & (found["operation"] == CONSTANTS[f"ST_BLOCK_{operation}"])]
    row: np.void = found[0].copy() if len(found) else np.zeros(1, BLOCK_IO)[0]
    return row


@pytest.fixture
def second_disk(on_disk: Path) -> Iterator[Path]:
    """Of two loop devices: the minor number of the first one may be 0, as that of nothing is.

    Their files are on a disk: one in memory can't be zeroed without being written.
    """
    with ExitStack() as kept:
        for name in ("first", "second"):
            (on_disk / name).mkdir()
            device = kept.enter_context(loop_device(on_disk / name, 4 << 20))
        yield device


@pytest.mark.parametrize("how", [[], ["--zeroout"]], ids=["discarded", "zeroed"])
def test_what_is_discarded_is_told_apart_from_what_is_written(
    block_io: BlockIo, second_disk: Path, how: list[str]
) -> None:
    told = 0
    for _ in range(ROUNDS):
        before = of_disk(block_io, second_disk, "DISCARD"), of_disk(block_io, second_disk, "WRITE")
        subprocess.run(["blkdiscard", *how, "--offset", "0", "--length", str(1 << 20), second_disk], check=True)
        after = of_disk(block_io, second_disk, "DISCARD"), of_disk(block_io, second_disk, "WRITE")
        told = int(after[0]["bytes"] - before[0]["bytes"])
        assert told <= 1 << 20
        assert after[1]["bytes"] == before[1]["bytes"]
        if told == 1 << 20:
            break
    assert told == 1 << 20
    assert after[0]["requests"] > before[0]["requests"]


def test_a_write_that_the_disk_is_flushed_for_is_one_request(block_io: BlockIo, second_disk: Path) -> None:
    """A loop device has a cache and no FUA: the kernel ends such a write with its bytes, and again after the flush."""
    writes, size = 20, 4096
    gained = 0
    fd = os.open(second_disk, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
    try:
        with mmap.mmap(-1, size) as page:
            for _ in range(ROUNDS):
                before = of_disk(block_io, second_disk, "WRITE"), of_disk(block_io, second_disk, "FLUSH")
                for at in range(writes):
                    os.pwrite(fd, page, at * size)
                after = of_disk(block_io, second_disk, "WRITE"), of_disk(block_io, second_disk, "FLUSH")
                gained = int(after[0]["requests"] - before[0]["requests"])
                assert gained <= writes
                if gained == writes:
                    break
    finally:
        os.close(fd)
    assert gained == writes
    assert after[0]["bytes"] - before[0]["bytes"] == writes * size
    assert after[1]["requests"] > before[1]["requests"]


def test_what_a_disk_refuses_is_counted_as_an_error(block_io: BlockIo, tmp_path: Path) -> None:
    """A disk in a file for which its file system has no room."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], check=True)
    try:
        with loop_device(place, 8 << 20) as device:
            before = of_disk(block_io, device, "WRITE")
            fd = os.open(device, os.O_WRONLY | os.O_DIRECT)
            try:
                with mmap.mmap(-1, 4 << 20) as zeros:
                    zeros[:] = b"x" * len(zeros)
                    for _ in range(ROUNDS):
                        with pytest.raises(OSError):  # noqa: PT011  ENOSPC or EIO, as the kernel is old
                            os.pwrite(fd, zeros, 0)
            finally:
                os.close(fd)
            after = of_disk(block_io, device, "WRITE")
    finally:
        subprocess.run(["umount", place], check=True)
    assert 1 <= after["errors"] - before["errors"] <= after["requests"] - before["requests"]


def test_requests_of_more_disks_than_the_map_holds_are_counted_together(block_io: BlockIo, second_disk: Path) -> None:
    """Fills the map with disks that never were, through the map itself."""
    fd = block_io._disks._fd
    update = block_io._door.calls.bpf_map_update_elem
    added = 0
    while not update(fd, KEY.pack(1 << 11, added, 1), bytes(BLOCK_IO.itemsize), ctypes.c_uint64(0)):
        added += 1
        assert added <= block_io._disks.entries + SLACK
    began_ns = boottime_ns()
    for _ in range(ROUNDS):
        subprocess.run(["blkdiscard", second_disk], check=True)
    row = rows(block_io)[-1]
    assert (row["major"], row["minor"], row["operation"]) == (0, 0, 0)
    assert row["requests"] >= 1
    assert row["bytes"] >= 4 << 20
    assert began_ns < row["first_ns"] < boottime_ns()


def test_a_flush_is_seen(block_io: BlockIo, on_disk: Path) -> None:
    def flushes() -> int:
        found = rows(block_io)
        return int(found["requests"][found["operation"] == CONSTANTS["ST_BLOCK_FLUSH"]].sum())

    before = flushes()
    write_and_read(on_disk)
    subprocess.run(["sync", "-f", on_disk], check=True)
    until(lambda: flushes() > before, "a flush")
