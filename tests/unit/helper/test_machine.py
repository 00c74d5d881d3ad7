"""Maps are as large as the machine asks for, within bounds; what they take is reckoned as each kernel reckons it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helper.loaders.map_memory import MMAPABLE, NO_PREALLOC, MapShape, MapType, estimate, map_bytes
from helper.machine import Machine, read_machine
from helper.probes.map_sizes import entries_for

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30
LAPTOP = Machine(
    cpus=8, page_bytes=4096, kernel=(6, 12), memory_bytes=16 * GIB, tasks=126_000, disks=2, file_systems=20
)
SMALL = Machine(cpus=1, page_bytes=4096, kernel=(6, 12), memory_bytes=GIB // 2, tasks=3_600, disks=1, file_systems=9)
SERVER = Machine(
    cpus=256, page_bytes=4096, kernel=(6, 12), memory_bytes=512 * GIB, tasks=4_000_000, disks=300, file_systems=4000
)
RING_NAMES = ("process_events_ring", "socket_events_ring", "oom_events_ring", "thermal_events_ring")


def written(root: Path, **files: str) -> Path:
    paths = {
        "possible": "sys/devices/system/cpu/possible",
        "pid_max": "proc/sys/kernel/pid_max",
        "threads": "proc/sys/kernel/threads-max",
        "mounts": "proc/self/mountinfo",
    }
    for name, text in files.items():
        path = root / paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_facts_are_what_the_kernel_s_files_say(tmp_path: Path) -> None:
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:5 / /proc rw - proc proc rw\n24 22 8:1 /a /b rw - ext4 x rw\n"
    )
    root = written(tmp_path, possible="0-3,8-11\n", pid_max="4194304\n", threads="120000\n", mounts=mounts)
    for disk in ("sda", "nvme0n1"):
        (root / "sys/block" / disk).mkdir(parents=True)
    found = read_machine(root)
    assert (found.cpus, found.tasks, found.disks, found.file_systems) == (12, 120_000, 2, 2)


def test_what_can_t_be_read_is_unknown_and_gets_the_least(tmp_path: Path) -> None:
    found = read_machine(tmp_path)
    assert (found.tasks, found.disks, found.file_systems) == (None, None, None)
    least = entries_for(replace(SMALL, memory_bytes=None, tasks=None, disks=None, file_systems=None))
    assert (least["actors"], least["disks"], least["file_systems"]) == (1024, 64, 64)
    assert all(least[name] <= 16384 for name in RING_NAMES)


def test_a_larger_machine_gets_larger_maps_and_none_is_beyond_its_bound() -> None:
    small, laptop, server = map(entries_for, (SMALL, LAPTOP, SERVER))
    assert small["actors"] < laptop["actors"] <= server["actors"] == 8192
    assert small["disks"] < server["disks"] == 4096
    assert laptop["cpus"] == 8
    assert server["process_events_ring"] == laptop["process_events_ring"] == 1 << 20
    assert small["process_events_ring"] == GIB // 2 // 4096


@pytest.mark.parametrize("page_bytes", [4096, 16384, 65536])
def test_ring_buffers_are_powers_of_two_and_whole_pages(page_bytes: int) -> None:
    for machine in (SMALL, LAPTOP, SERVER):
        sizes = entries_for(replace(machine, page_bytes=page_bytes))
        for name in RING_NAMES:
            assert sizes[name] & (sizes[name] - 1) == 0
            assert sizes[name] % page_bytes == 0


def test_rows_that_come_later_count_only_when_they_are_there() -> None:
    shape = MapShape("actors", MapType.HASH, 24, 72, 4096, NO_PREALLOC)
    fresh, one = map_bytes(shape, LAPTOP, 0), map_bytes(shape, LAPTOP, 1)
    assert one - fresh == 48 + 24 + 72 + 8
    assert estimate([shape], LAPTOP).full_bytes == fresh + 4096 * (one - fresh)


def test_rows_made_beforehand_count_at_once() -> None:
    found = estimate([MapShape("disks", MapType.HASH, 12, 320, 256, 0)], replace(LAPTOP, cpus=2))
    assert found.fresh_bytes == found.full_bytes == 104_080  # memlock of such a map on 6.18


def test_before_6_4_one_rule_is_for_all_and_leaves_out_ring_buffers() -> None:
    old = replace(LAPTOP, kernel=(6, 1), cpus=2)
    assert map_bytes(MapShape("ring", MapType.RINGBUF, 0, 0, 1 << 18, 0), old, 0) == 0
    assert map_bytes(MapShape("settings", MapType.ARRAY, 4, 8, 1, MMAPABLE), old, 0) == 4096
    assert map_bytes(MapShape("numbers", MapType.PERCPU_HASH, 4, 288, 512, NO_PREALLOC), old, 0) == 299_008


def test_a_kind_of_map_that_nobody_reckoned_is_an_error() -> None:
    with pytest.raises(ValueError, match="3"):
        estimate([MapShape("programs", 3, 4, 4, 1, 0)], LAPTOP)
