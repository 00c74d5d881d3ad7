"""Reclaim that a process does itself at its memory cgroup's limit; the machine isn't made short of memory here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from helper.probes.memory_reclaim import MemoryReclaim
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.activity import ActivitySection
from tests.bpf.activity import opened, row_of, rows_of, table
from tests.bpf.machine import NOBODY, boottime_ns, child
from tests.bpf.test_rare_events import LIMIT_BYTES, memory_cgroup

if TYPE_CHECKING:
    from pathlib import Path

    from helper.loaders.libbpf import Libbpf

READ = (
    "with open(sys.argv[1] + '/cgroup.procs', 'w') as procs: procs.write(str(os.getpid()))\n"
    "with open('/proc/self/comm', 'w') as comm: comm.write('st-hoarder')\n"
    "say(); wait(); began = time.monotonic_ns()\n"
    "with open(sys.argv[2], 'rb', buffering=0) as file:\n"
    "    while file.read(1 << 20): pass\n"
    "say(str(time.monotonic_ns() - began)); wait()\n"
)


def test_who_reads_more_than_his_cgroup_holds_is_seen_reclaiming(door: Libbpf, on_disk: Path) -> None:
    big = on_disk / "big"
    big.touch()
    os.truncate(big, 4 * LIMIT_BYTES)
    with opened(MemoryReclaim(door)) as probe, memory_cgroup() as folder, child(READ, str(folder), str(big)) as hoarder:
        assert probe.missing_programs == {}
        hoarder.settle()
        assert len(rows_of(table(probe, ActivitySection.RECLAIM), hoarder.pid)) == 0
        hoarder.tell()
        took_ns = int(hoarder.hear())
        row = row_of(table(probe, ActivitySection.RECLAIM), hoarder.pid)
        hidden = table(probe, ActivitySection.RECLAIM, Visibility(Mode.SEES_AS_PROC, NOBODY))
        hoarder.end()
        assert probe.lost() == 0
    assert row["actor"]["comm"] == b"st-hoarder"
    assert row["actor"]["uid"] == 0
    assert 0 < row["actor"]["start_ns"] < row["actor"]["first_ns"] < boottime_ns()
    assert row["cgroup_count"] > 0
    assert 0 < row["cgroup_ns"] < took_ns, "it was part of the reading"
    assert row["machine_count"] == row["machine_ns"] == 0
    assert row["freed_pages"] * os.sysconf("SC_PAGE_SIZE") >= 2 * LIMIT_BYTES
    assert len(rows_of(hidden, hoarder.pid)) == 0
