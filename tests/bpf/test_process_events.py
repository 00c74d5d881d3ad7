"""Processes that come and go, against how many there were and what time they used."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helper.probes.late_exits import WAITING
from tests.bpf.machine import (
    COUNTERS,
    EXIT,
    Child,
    begin_and_take,
    boottime_ns,
    cgroup_of,
    child,
    clock_ticks,
    in_initial_pid_namespace,
    process_row,
    roll_ups,
    until,
)

if TYPE_CHECKING:
    from helper.probes import ProcessEvents, TaskSnapshot

FORK_AND_NAME = """
say(); wait()
for _ in range(int(sys.argv[2])):
    pid = os.fork()
    if not pid:
        with open('/proc/self/comm', 'w') as comm: comm.write(sys.argv[1])
        os._exit(0)
    os.waitpid(pid, 0)
say(); wait()
"""


def count_of(events: ProcessEvents, comm: bytes) -> int:
    rows = roll_ups(events)
    return int(rows["count"][rows["comm"] == comm].sum())


def missing_of(events: ProcessEvents, exits: int, counted: int) -> int:
    """Exits in no roll-up; each is in the count of the lost, which has other processes' too."""
    missing = exits - counted
    assert 0 <= missing <= events.lost()
    return missing


def all_accounted(events: ProcessEvents, exits: int, counted: int) -> bool:
    """Whether each exit is counted, or counted as lost: a sandbox kernel may not run our program at some."""
    return counted + events.lost() >= exits


def has_child_of(events: ProcessEvents, parent: Child) -> bool:
    return bool((roll_ups(events)["parent_pid"] == parent.pid).any())


def exit_of(events: ProcessEvents, pid: int) -> np.void:
    """Waits for the exit event of a process."""
    records: list[bytes] = []

    def arrived() -> list[np.void]:
        events.drain(records.append)
        exits = [np.frombuffer(record, EXIT)[0] for record in records]
        return [one for one in exits if one["pid"] == pid]

    until(arrived, f"the exit of {pid}")
    assert len(arrived()) == 1
    return arrived()[0]


def test_short_lived_processes_are_counted_and_none_twice(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    with child(FORK_AND_NAME, "st-brief", "300") as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()
        until(lambda: all_accounted(events, 300, count_of(events, b"st-brief")), "300 exits")
    rows = roll_ups(events)
    rows = rows[rows["comm"] == b"st-brief"]
    assert missing_of(events, 300, int(rows["count"][0])) < 30
    assert rows["parent_pid"].tolist() == [parent.pid]
    assert rows["uid"].tolist() == [os.geteuid()]
    assert rows["cgroup_id"].tolist() == [cgroup_of(os.getpid())]
    assert rows["first_ns"][0] < rows["last_ns"][0] < boottime_ns()
    assert rows["run_ns"][0] > rows["count"][0] * 10_000


def test_grandchildren_no_snapshot_has_seen_count_for_the_ancestor_that_one_has(
    events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    nested = "say(); wait()\nif not os.fork():\n" + FORK_AND_NAME.replace("say(); wait()\n", "").replace("\n", "\n    ")
    with child(nested + "\nos.wait(); say(); wait()", "st-nested", "5") as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()
        until(lambda: all_accounted(events, 5, count_of(events, b"st-nested")), "5 exits")
    rows = roll_ups(events)
    assert rows["parent_pid"][rows["comm"] == b"st-nested"].tolist() == [parent.pid]


def test_an_exec_chain_is_one_process_with_its_last_name(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    chain = "say(); wait(); os.system('exec sh -c \"exec env true\"'); say(); wait()"
    with child(chain) as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        before = np.frombuffer(events.counters(), COUNTERS)[0]
        parent.tell()
        parent.hear()
        until(lambda: has_child_of(events, parent), "the chain's end")
        after = np.frombuffer(events.counters(), COUNTERS)[0]
    rows = roll_ups(events)
    rows = rows[rows["parent_pid"] == parent.pid]
    assert rows["comm"].tolist() == [b"true"]
    assert rows["count"].tolist() == [1]
    assert after["execs"] - before["execs"] >= 4
    assert after["forks"] - before["forks"] >= 1
    assert after["exits"] - before["exits"] >= 1


def test_an_exec_by_a_thread_that_is_not_the_leader_is_no_exit(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    script = (
        "say(); wait()\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    burn(0.2)\n"
        "    def go(): burn(0.1); os.execv('/bin/true', ['true'])\n"
        "    threading.Thread(target=go).start(); time.sleep(60)\n"
        "os.waitpid(pid, 0); say(); wait()\n"
    )
    with child(script) as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()
        until(lambda: has_child_of(events, parent), "the exit")
        last = roll_ups(events)
    rows = last[last["parent_pid"] == parent.pid]
    assert rows["count"].tolist() == [1]
    assert rows["comm"].tolist() == [b"true"]
    assert rows["run_ns"][0] >= 290_000_000


def test_who_is_older_than_the_probe_comes_with_its_whole_life_though_no_snapshot_was_begun_since(
    events: ProcessEvents,
) -> None:
    with child("burn(0.2); say(); wait()", "st-older") as older:
        older.hear()
        events.close()
        events.open()
        older.end()
        gone = exit_of(events, older.pid)
    assert gone["run_ns"] >= 200_000_000
    assert b"st-older" not in roll_ups(events)["comm"]


def test_the_exit_of_a_process_that_was_seen_brings_its_whole_life(
    events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    with child("burn(0.2); say(); wait(); burn(0.1); os._exit(7)") as seen:
        seen.hear()
        row = process_row(begin_and_take(events, snapshot), seen.pid)
        assert seen.end() == 7
        gone = exit_of(events, seen.pid)
    assert gone["start_ns"] == row["start_ns"]
    assert gone["run_ns"] >= row["run_ns"] + 100_000_000
    assert gone["exit_code"] == 7 << 8
    assert gone["parent_pid"] == os.getpid()
    assert gone["comm"] == row["comm"]
    assert gone["cgroup_id"] == row["cgroup_id"]
    assert gone["missing"] == 0
    assert row["start_ns"] not in roll_ups(events)["first_ns"]


def test_the_exit_code_of_a_killed_process_is_its_signal(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    with child("say(); wait()") as seen:
        seen.hear()
        begin_and_take(events, snapshot)
        os.kill(seen.pid, 9)
        os.waitid(os.P_PID, seen.pid, os.WEXITED | os.WNOWAIT)
        seen._process.wait()
        assert exit_of(events, seen.pid)["exit_code"] == 9


def test_threads_of_a_process_are_in_its_exit_and_are_no_exits(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    script = (
        "say(); wait()\n"
        "def work(): burn(0.1); time.sleep(0.01)\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
    )
    with child(script) as seen:
        seen.hear()
        begin_and_take(events, snapshot)
        assert seen.end() == 0
        assert exit_of(events, seen.pid)["run_ns"] >= 300_000_000


def test_idle_roll_ups_are_forgotten_and_busy_ones_kept(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    with child(FORK_AND_NAME, "st-idle", "3") as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()
        until(lambda: count_of(events, b"st-idle") == 3, "3 exits")
    assert events.forget_idle(boottime_ns()) == 0
    assert count_of(events, b"st-idle") == 3
    assert events.forget_idle(boottime_ns() + 121 * 10**9) >= 1
    assert count_of(events, b"st-idle") == 0
    assert events.lost() == 0


def test_more_kinds_of_processes_than_the_map_holds_are_counted_in_the_overflow_row(
    crowded_events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    events, room = crowded_events, crowded_events._rollups.entries
    assert room < 2000
    many = FORK_AND_NAME.replace("range(int(sys.argv[2]))", "range(2500)").replace("sys.argv[1]", "f'st-{_}'")
    with child(many) as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()

        def counted() -> int:
            rows = roll_ups(events)
            return int(rows["count"][(rows["parent_pid"] == parent.pid) | (rows["comm"] == b"")].sum())

        until(lambda: all_accounted(events, 2500, counted()), "2500 exits")
    rows = roll_ups(events)
    overflow = rows[rows["comm"] == b""]
    assert overflow["parent_pid"].tolist() == [0]
    assert overflow["count"][0] >= 2500 - room - events.lost()
    assert overflow["run_ns"][0] > 0
    until(lambda: waiting(events) < 1250, "2500 exits to wait for nothing any more")


def waiting(events: ProcessEvents) -> int:
    """Exits that aren't freed yet."""
    return sum(WAITING.unpack_from(events._settings, events._late._offset))


UNREAPED = """
pid = os.fork()
if not pid: os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
say(); wait()
os.waitpid(pid, 0)
say(); wait()
"""


def test_a_process_that_nobody_has_reaped_is_not_lost(events: ProcessEvents) -> None:
    every_epoch = 1 << 31
    with child(UNREAPED) as parent:
        parent.hear()
        assert events._late._count_unreaped(0) == 0, "an epoch ago nobody had exited"
        unreaped = events._late._count_unreaped(every_epoch)
        assert 1 <= unreaped <= waiting(events)
        parent.tell()
        parent.hear()
        until(lambda: events._late._count_unreaped(every_epoch) < unreaped, "the zombie's end")


STORM = """
say(); wait(); forks = 0
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    pid = os.fork()
    if not pid:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until: pass
        os._exit(0)
    os.waitpid(pid, 0); forks += 1
say(forks); wait()
"""


class Attribution:
    """CPU time by process from snapshots, exits and roll-ups, as a client of the stream adds it up."""

    def __init__(self, events: ProcessEvents, snapshot: TaskSnapshot) -> None:
        self._events, self._snapshot = events, snapshot
        self._seen: dict[tuple[int, int], int] = {}
        self._rolled_ns = 0
        self._parents: list[int] = []
        self.total_ns = 0
        self._first_ns = boottime_ns()
        self.tick()
        self.total_ns = 0

    def tick(self) -> None:
        rows = begin_and_take(self._events, self._snapshot)
        starts = {int(row["pid"]): int(row["start_ns"]) for row in rows if row["pid"] == row["tgid"]}
        now: dict[tuple[int, int], int] = {}
        for row in rows:
            key = (int(row["tgid"]), starts.get(int(row["tgid"]), 0))
            now[key] = now.get(key, 0) + int(row["run_ns"])
        self.total_ns += sum(run_ns - self._seen.get(key, 0) for key, run_ns in now.items())
        self._seen |= now
        self._events.drain(self._gone)
        rolled_ns = int(roll_ups(self._events)["run_ns"].sum())
        self.total_ns += rolled_ns - self._rolled_ns
        self._rolled_ns = rolled_ns

    def children_of(self, parents: list[Child]) -> int:
        """Exits of their children so far, in roll-ups and events."""
        self._events.drain(self._gone)
        pids = [parent.pid for parent in parents]
        rows = roll_ups(self._events)
        return int(rows["count"][np.isin(rows["parent_pid"], pids)].sum() + np.isin(self._parents, pids).sum())

    def _gone(self, record: bytes) -> None:
        gone = np.frombuffer(record, EXIT)[0]
        self._parents.append(int(gone["parent_pid"]))
        key = (int(gone["pid"]), int(gone["start_ns"]))
        if key in self._seen or key[1] >= self._first_ns:  # else it was reaped before the first snapshot
            self.total_ns += int(gone["run_ns"]) - self._seen.pop(key, 0)


def busy_ns(parents: list[Child]) -> int:
    """Of the whole machine, as /proc/stat counts it; in a pid namespace, where others are unseen, of the storm alone.

    The latter is a little short: a parent reaps before its child's last switch away.
    """
    if in_initial_pid_namespace():
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        ticks = sum(int(fields[index]) for index in (0, 1, 2, 5, 6, 7)) - init_ticks()
    else:
        ticks = sum(int(field) for parent in parents for field in parent.stat()[11:15])
    return ticks * 10**9 // clock_ticks()


def init_ticks() -> int:
    """Of pid 1, which sandbox kernels keep out of BPF iterators; on other machines it does next to nothing."""
    fields = Path("/proc/1/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_in_a_storm_of_brief_processes_99_percent_of_the_busy_time_has_a_name(
    events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    with child(STORM, "4") as first, child(STORM, "4") as second:
        storm = [first, second]
        for parent in storm:
            parent.hear()
        attribution, before_ns = Attribution(events, snapshot), busy_ns(storm)
        for parent in storm:
            parent.tell()
        for _ in range(8):
            time.sleep(0.5)  # the sampler's period
            attribution.tick()
        forks = sum(int(parent.hear()) for parent in storm)
        until(lambda: all_accounted(events, forks, attribution.children_of(storm)), f"{forks} exits")
        attribution.tick()
        truth_ns = busy_ns(storm) - before_ns
    lost = missing_of(events, forks, attribution.children_of(storm))
    assert 0.99 * (1 - lost / forks) <= attribution.total_ns / truth_ns <= 1.05
    assert attribution.children_of(storm) > 500
    assert lost < 0.02 * forks
