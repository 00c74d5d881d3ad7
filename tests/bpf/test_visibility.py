"""Who sees what of other users' processes, with real processes of other users. Needs root to make them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.visibility import Mode, Visibility
from tests.bpf.machine import (
    EVERYTHING,
    EXIT,
    NOBODY,
    TASK,
    Child,
    begin_and_take,
    child,
    process_row,
    roll_ups,
    take,
    until,
)
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helper.probes import ProcessEvents, TaskSnapshot

AS_PROC = Visibility(Mode.SEES_AS_PROC, NOBODY)
OWN = Visibility(Mode.SEES_OWN, NOBODY)
ST_MISSING_IO = 1
MISSING_PARENT = 1 << 3  # ST_MISSING_PARENT
BECOME = "os.setresgid(65534, 65534, 65534); os.setresuid(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))\n"


@pytest.fixture
def own() -> Iterator[Child]:
    with child(BECOME + "say(); wait()", "65534", "65534", "65534") as process:
        process.settle()
        yield process


@pytest.fixture
def half_own() -> Iterator[Child]:
    """As a setuid program is that has dropped its rights for a while: it can have them back."""
    with child(BECOME + "say(); wait()", "65534", "65534", "0") as process:
        process.settle()
        yield process


def test_one_who_sees_only_his_own_gets_no_other_row(snapshot: TaskSnapshot, own: Child, half_own: Child) -> None:
    rows = take(snapshot, OWN)
    assert own.pid in rows["tgid"]
    assert half_own.pid not in rows["tgid"]
    assert os.getpid() not in rows["tgid"]
    assert 2 not in rows["pid"]


def test_one_who_sees_as_proc_shows_gets_no_io_of_others(snapshot: TaskSnapshot, own: Child, half_own: Child) -> None:
    rows = take(snapshot, AS_PROC)
    assert process_row(rows, own.pid)["missing"] == 0
    for other in (half_own.pid, os.getpid()):
        row = process_row(rows, other)
        assert row["missing"] & ST_MISSING_IO
        assert row["read_bytes"] == row["write_bytes"] == 0
        assert row["run_ns"] > 0
        assert row["rss_bytes"] > 0


def test_one_who_sees_all_gets_everything(snapshot: TaskSnapshot, own: Child, half_own: Child) -> None:
    rows = take(snapshot, EVERYTHING)
    for pid in (own.pid, half_own.pid, os.getpid()):
        assert not process_row(rows, pid)["missing"] & ST_MISSING_IO
    assert process_row(rows, own.pid)["uid"] == NOBODY


def test_the_effective_uid_of_a_setuid_child_is_the_one_shown(snapshot: TaskSnapshot) -> None:
    with child(BECOME + "say(); wait()", "65534", "0", "0") as setuid:
        setuid.settle()
        assert process_row(take(snapshot), setuid.pid)["uid"] == 0
        assert setuid.pid not in take(snapshot, OWN)["tgid"]


def test_the_next_snapshot_is_not_masked_by_the_one_before(snapshot: TaskSnapshot) -> None:
    take(snapshot, OWN)
    assert not process_row(take(snapshot, EVERYTHING), os.getpid())["missing"] & ST_MISSING_IO


def test_roll_ups_of_others_are_masked_by_the_same_rules(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    script = (
        "say(); wait()\n"
        "for uids in ((65534, 65534, 65534), (65534, 65534, 0), (0, 65534, 65534), (0, 0, 0)):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        with open('/proc/self/comm', 'w') as comm: comm.write('st-mask')\n"
        "        os.setresuid(*uids); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "say(); wait()\n"
    )
    with child(script) as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()
        until(lambda: roll_ups(events)["count"][roll_ups(events)["comm"] == b"st-mask"].sum() == 4, "4 exits")

    def rows(visibility: Visibility) -> np.ndarray:
        found = roll_ups(events, visibility)
        return found[found["comm"] == b"st-mask"]

    assert len(rows(EVERYTHING)) == 3
    assert not rows(EVERYTHING)["missing"].any()
    assert rows(OWN)[["uid", "uids_differ"]].tolist() == [(NOBODY, 0)]
    masked = {(row["uid"], row["uids_differ"]): row["missing"] for row in rows(AS_PROC)}
    assert masked == {(NOBODY, 0): 0, (NOBODY, 1): ST_MISSING_IO, (0, 0): ST_MISSING_IO}


@pytest.mark.parametrize("uids", [("0", "0", "0"), ("65534", "65534", "0"), ("0", "65534", "65534")])
def test_exits_of_others_are_masked_by_the_same_rules(
    events: ProcessEvents, snapshot: TaskSnapshot, uids: tuple[str, str, str]
) -> None:
    with child(BECOME + "say(); wait()", *uids) as other:
        other.settle()
        begin_and_take(events, snapshot)
        other.end()
        records: list[bytes] = []
        until(lambda: events.drain(records.append) or other.pid in [pid_of(one) for one in records], "the exit")
    record = next(one for one in records if pid_of(one) == other.pid)
    assert np.frombuffer(record, EXIT)["uid"].tolist() == [int(uids[1])]
    assert EVERYTHING.event(record) == record
    assert OWN.event(record) is None
    masked = AS_PROC.event(record)
    assert masked is not None
    assert np.frombuffer(masked, EXIT)["missing"].tolist() == [ST_MISSING_IO]
    assert np.frombuffer(masked, EXIT)[["read_bytes", "write_bytes"]].tolist() == [(0, 0)]


def pid_of(record: bytes) -> int:
    return int(np.frombuffer(record, EXIT)[0]["pid"])


@pytest.mark.parametrize("kind", [3, 4, 5])
def test_events_of_the_machine_are_everybodys(kind: int) -> None:
    record = kind.to_bytes(4, "little") + bytes(60)
    assert OWN.event(record) == record


INSIDE_A_PID_NAMESPACE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.libbpf import Libbpf
from helper.probes.task_snapshot import TaskSnapshot
probe = TaskSnapshot(Libbpf(Path(sys.argv[2])))
probe.open()
room = memoryview(bytearray(1 << 20))
sys.stdout.write(bytes(room[: probe.read_into(room).byte_count]).hex())
"""


def test_a_helper_in_a_pid_namespace_sees_that_alone_and_says_of_its_first_process_that_its_parent_is_missing(
    objects: Path,
) -> None:
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-I", "-c", INSIDE_A_PID_NAMESPACE]
    said = subprocess.run([*command, ROOT, objects], check=True, capture_output=True, text=True).stdout
    rows = np.frombuffer(bytes.fromhex(said), TASK)
    assert rows[["pid", "tgid", "parent_pid", "missing"]].tolist() == [(1, 1, 0, MISSING_PARENT)]
