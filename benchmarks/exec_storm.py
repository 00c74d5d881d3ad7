"""Whether any program start goes uncounted while programs are started as fast as this machine can.

Two storms, of a program that is nothing but system calls (brief.c), one lane a core. In the first each is a process of
its own: vfork, execve, end, between two snapshots. So it must be in a roll-up, in an event (if the kernel frees it only
after the first snapshot that follows) or in the count of the lost. Others' exits don't count: name by name. In the
second each process executes itself 500 times: the fastest there is, and what is counted is execve alone, which is the
machine's: others' are in it too.
"""

import os
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks import load
from benchmarks.default_probes import EVERYTHING, default_probes, read
from benchmarks.row import Row
from helper.sampler import packets
from helper.sampler.assembly import Assembly

LANES = os.cpu_count() or 1
STARTS_EACH, CHAINS_EACH, CHAIN, PATIENCE_S = 30_000, 100, 500, 40
COUNTERS = struct.Struct("@4Q")  # struct st_counters: forks, execs, exits, lost_exits
EXITED = struct.Struct("@IIQ16sQQQ")  # the beginning of struct st_exited, up to the count
EXIT_EVENT, COMM_AT = 1, 96  # ST_EVENT_EXIT; comm of struct st_event_exit
NAME = load.BRIEF.name.encode()


@dataclass(frozen=True, slots=True)
class Counted:
    """Ended processes of that name in roll-ups and in events; exits lost and programs executed on the whole machine."""

    summed: int
    told: int
    lost: int
    execs: int

    @property
    def exits(self) -> int:
        return self.summed + self.told + self.lost

    def since(self, before: "Counted") -> "Counted":
        return Counted(self.summed - before.summed, self.told, self.lost - before.lost, self.execs - before.execs)


def names_of_exits(made: Assembly) -> list[bytes]:
    """Of the events that have come since the last call."""
    records: list[bytes] = []
    made.event_sources["process_events"].drain(records.append)
    return [record[COMM_AT:].rstrip(b"\0") for record in records if record[0] == EXIT_EVENT]


def counted(made: Assembly, told: int) -> Counted:
    """So far; `told` in events before, those that have come now are added."""
    told += names_of_exits(made).count(NAME)
    snapshot = made.readings.take(EVERYTHING, made.readings.begin(), packets.KIND_TASKS)
    sections = {section.kind: section for section in snapshot.sections}
    rows, width = bytes(sections[packets.SECTION_EXITED].rows), sections[packets.SECTION_EXITED].record_bytes
    found = [EXITED.unpack_from(rows, at) for at in range(0, len(rows), width)]
    summed = sum(row[6] for row in found if row[3].rstrip(b"\0") == NAME)
    _, execs, _, lost = COUNTERS.unpack(bytes(sections[packets.SECTION_COUNTERS].rows))
    return Counted(summed, told, lost, execs)


def storm(made: Assembly, starts: int, more: int, is_over: Callable[[Counted], bool]) -> tuple[Counted, float]:
    """What was counted of `starts` processes in each lane, which execute themselves `more` times; and its seconds."""
    read(made)
    before, started_s = counted(made, 0), time.monotonic()
    names_of_exits(made)
    words = ("execs", str(starts), str(load.BRIEF), str(more))
    with ThreadPoolExecutor(LANES) as lanes:
        list(lanes.map(lambda _: load.elapsed_ns(*words), range(LANES)))
    took_s = time.monotonic() - started_s
    until_s = time.monotonic() + PATIENCE_S  # a task is freed some milliseconds after it was reaped
    found = counted(made, 0).since(before)
    while not is_over(found) and time.monotonic() < until_s:
        time.sleep(0.1)
        found = counted(made, found.told).since(before)
    return found, took_s


def measure() -> list[Row]:
    count, chained = LANES * STARTS_EACH, LANES * CHAINS_EACH * (CHAIN + 1)
    with default_probes() as made:
        each, each_s = storm(made, STARTS_EACH, 0, lambda found: found.exits >= count)
        chain, chain_s = storm(made, CHAINS_EACH, CHAIN, lambda found: found.execs >= chained)
    said = f"of {count} {each.summed} in roll-ups, {each.told} told one by one, {each.lost} lost and counted"
    chain_said = f"{chain.execs} counted, {chained} of them ours"
    return [
        Row("programs started, each in a process of its own", count / each_s, "a second", "at least", 10_000),
        Row("of these in no count", max(0, count - each.exits), "processes", "at most", 0, said),
        Row("programs executed in chains", chained / chain_s, "a second", "at least", 10_000),
        Row("of these not counted", max(0, chained - chain.execs), "programs", "at most", 0, chain_said),
    ]
