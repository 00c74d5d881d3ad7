"""Block requests against /proc/diskstats."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.block_io import BlockIo
from smoothtask_gui.sources.records import BLOCK_IO
from tests.bpf.disks import disk_below
from tests.bpf.machine import boottime_ns, until
from tests.bpf.network import CONSTANTS, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf

SECTOR_BYTES = 512  # Documentation/admin-guide/iostats.rst: whatever the disk's own sectors are
WRITTEN_BYTES = 32 << 20


@pytest.fixture
def block_io(door: Libbpf) -> Iterator[BlockIo]:
    probe = BlockIo(door)
    probe.open()
    yield probe
    probe.close()


def rows(block_io: BlockIo) -> Rows:
    return np.frombuffer(block_io.read(), BLOCK_IO)


def counted(block_io: BlockIo, major: int, minor: int) -> tuple[int, int, int, int]:
    """(reads, bytes read, writes, bytes written)."""
    numbers = []
    for operation in ("READ", "WRITE"):
        found = rows(block_io)
        found = found[(found["major"] == major) & (found["minor"] == minor)]
        found = found[found["operation"] == CONSTANTS[f"ST_BLOCK_{operation}"]]
        numbers += [int(found["requests"].sum()), int(found["bytes"].sum())]
    return numbers[0], numbers[1], numbers[2], numbers[3]


def diskstats(name: str) -> tuple[int, int, int, int]:
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if fields[2] == name:
            return (
                int(fields[3]),
                int(fields[5]) * SECTOR_BYTES,
                int(fields[7]),
                int(fields[9]) * SECTOR_BYTES,
            )
    raise AssertionError(name)


def quiet_reading(block_io: BlockIo, place: tuple[int, int, str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
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


def test_bytes_and_requests_are_those_of_diskstats(block_io: BlockIo, on_disk: Path) -> None:
    place = disk_below(on_disk)
    their_before, our_before = quiet_reading(block_io, place)
    write_and_read(on_disk)
    their_after, our_after = quiet_reading(block_io, place)
    theirs = np.subtract(their_after, their_before)
    ours = np.subtract(our_after, our_before)
    assert ours[[1, 3]] == pytest.approx(theirs[[1, 3]], rel=0.01)
    assert ours[[0, 2]] == pytest.approx(theirs[[0, 2]], rel=0.05, abs=4)
    assert ours[3] >= WRITTEN_BYTES


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


def test_a_flush_is_seen(block_io: BlockIo, on_disk: Path) -> None:
    def flushes() -> int:
        found = rows(block_io)
        return int(found["requests"][found["operation"] == CONSTANTS["ST_BLOCK_FLUSH"]].sum())

    before = flushes()
    write_and_read(on_disk)
    subprocess.run(["sync", "-f", on_disk], check=True)
    until(lambda: flushes() > before, "a flush")
