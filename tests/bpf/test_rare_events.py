"""OOM kills as the kernel makes them; thermal programs as far as a machine without a thermal zone allows."""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes import EVENT_KINDS, OomEvents, ThermalEvents
from tests.bpf.machine import COUNTER_SLACK_PAGES, HEAD, NOBODY, OOM_KILL, boottime_ns, cgroup_of, child, until
from tests.bpf.running import full_ring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf

LIMIT_BYTES = 30 << 20
V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")
EAT = (
    "with open(sys.argv[1] + '/cgroup.procs', 'w') as procs: procs.write(str(os.getpid()))\n"
    "with open('/proc/self/comm', 'w') as comm: comm.write('st-glutton')\n"
    "with open('/proc/self/oom_score_adj', 'w') as adjustment: adjustment.write('321')\n"
    "os.setresuid(0, 65534, 65534)\n"
    "say(); wait(); pages = []\n"
    "for _ in range(200):\n"
    "    pages.append(bytearray(1 << 20))\n"
    "    say(open('/proc/self/statm').read().split()[1])\n"
)


@contextmanager
def memory_cgroup() -> Iterator[Path]:
    """A memory cgroup of 30 MiB without swap, v1 or v2, whichever the machine has."""
    folder = (V1 if V1.is_dir() else V2) / f"smoothtask-test-{os.getpid()}-{boottime_ns()}"
    if not V1.is_dir():
        (V2 / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
    folder.mkdir()
    if V1.is_dir():
        (folder / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES), encoding="ascii")
    else:
        (folder / "memory.max").write_text(str(LIMIT_BYTES), encoding="ascii")
        if (folder / "memory.swap.max").exists():
            (folder / "memory.swap.max").write_text("0", encoding="ascii")
    try:
        yield folder
    finally:
        until(lambda: not (folder / "cgroup.procs").read_text(encoding="ascii"), "an empty cgroup")
        folder.rmdir()


def test_an_oom_kill_is_reported_with_its_victim(door: Libbpf) -> None:
    probe = OomEvents(door)
    probe.open()
    records: list[bytes] = []
    with memory_cgroup() as folder, child(EAT, str(folder)) as glutton:
        glutton.hear()
        cgroup_id = cgroup_of(glutton.pid)
        before_ns = boottime_ns()
        assert glutton.end() == -9
        said_bytes = int(glutton.rest()[-1]) * mmap.PAGESIZE
        until(lambda: probe.drain(records.append) or records, "the OOM event")
    assert probe.lost() == 0
    probe.close()
    kill = np.frombuffer(records[0], OOM_KILL)[0]
    head = np.frombuffer(records[0][: HEAD.itemsize], HEAD)[0]
    assert len(records) == 1
    assert head["kind"] == 2
    assert head["bytes"] == len(records[0]) == OOM_KILL.itemsize
    assert before_ns < head["boottime_ns"] < boottime_ns()
    assert kill["pid"] == glutton.pid
    assert kill["comm"] == b"st-glutton"
    assert (kill["uid"], kill["cgroup_id"], kill["oom_score_adj"]) == (NOBODY, cgroup_id, 321)
    assert kill["missing"] == 0
    assert said_bytes > LIMIT_BYTES / 2
    slack_bytes = (
        4 << 20
    ) + 2 * COUNTER_SLACK_PAGES * mmap.PAGESIZE  # it went on after its last word, and was reclaimed from
    assert int(kill["rss_bytes"]) == pytest.approx(said_bytes, abs=slack_bytes)
    assert kill["total_vm_bytes"] > kill["rss_bytes"]
    assert 0 < kill["start_ns"] < before_ns


def test_an_oom_kill_for_which_there_is_no_room_is_counted_as_lost(door: Libbpf) -> None:
    probe = OomEvents(door)
    probe.open()
    records: list[bytes] = []
    with memory_cgroup() as folder, child(EAT, str(folder)) as glutton:
        glutton.hear()
        with full_ring(probe._opened().map_fd("oom_events_ring")):
            assert glutton.end() == -9
            until(probe.lost, "the loss")
        probe.drain(records.append)
    probe.close()
    assert glutton.pid not in [np.frombuffer(record, OOM_KILL)[0]["pid"] for record in records]


def test_the_thermal_programs_attach_and_wait(door: Libbpf) -> None:
    probe = ThermalEvents(door)
    probe.open()
    records: list[bytes] = []
    probe.drain(records.append)
    assert probe.missing_programs == {}
    assert os.get_blocking(probe.fileno()) in {True, False}
    assert probe.lost() == 0
    probe.close()
    assert all(np.frombuffer(record[: HEAD.itemsize], HEAD)[0]["kind"] in {3, 4, 5} for record in records)


def test_each_kind_of_event_has_one_probe() -> None:
    kinds = list(EVENT_KINDS.values())
    assert sorted(kinds) == [1 << 1, 1 << 2, 1 << 3]
