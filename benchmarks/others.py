"""What the default probes cost everybody else: messages, forks, TCP and the disk.

On is what a user has: the sampler as its own process, all default probes, one client at 1 Hz. Off is no sampler at all.
Each round has one phase on and two off, in each order in turn; the second one off is what this benchmark would call a
slowdown where there is none. In each phase every load goes on for a quarter of a second, with the same processes in the
same memory as in the phases before: where they happen to lie changes what a message costs by more than is looked for
here. Each block of rounds starts them anew. Attaching, detaching and starting lie between. The loads keep all CPUs
busy, each lane on its own (pace.c); the sampler goes where the scheduler puts it.

A load that only computes is slowed down by what each operation takes more of CPU time, and by the sampler's own share
of the CPUs, as it would otherwise have that too. Measured so, other work on the machine hardly matters; by the clock,
which a note tells, it does. Writes wait for a device, so they are measured by the clock: what one takes more on a disk
in memory, which answers at once and to nobody else, as a share of what one takes on this machine's disk.

Small messages over TCP are measured twice where the kernel has datagrams counted among the messages of all sockets
(docs/ebpf.md, "Two ways to datagrams"): right after the sampler's start, while they pay for that, which has no target,
and once they were so many that the count is paused, which is what goes on for as long as they do. The first comes first
and the second last in each phase, off as on; in between the same load goes on until the pause is there, if need be.
Where such messages pay for nothing, as for all other kernels, there is the second alone.
Run it while nobody else's sampler runs: off would not be off.
"""

import os
import random
import signal
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from statistics import median
from typing import TypeAlias

from benchmarks import cost, pace
from benchmarks.boxed import DEFAULT_KINDS, OTHERS_IN_FULL, PATIENCE_S, TOP, Box
from benchmarks.row import Row

BLOCKS, RUN_MS, SETTLE_S, DRAWS = 8, 250, 0.5, 2000
OFF, AGAIN, ON = "off", "off again", "on"
TITLE, REACH = "default probes' cost", 1
CPUS = len(os.sched_getaffinity(0))


MEMORY, DISK = "4 KiB writes with fsync", "4 KiB writes with fsync, by the clock of this machine's disk"
COMPUTING = {
    "processes passing messages": "messages",
    "fork, exec, exit": "forks",
    "loopback TCP throughput": "stream",
}
"""What each row of work that only computes is called by pace.c."""
SMALL, SMALL_AT_FIRST = "small messages over TCP", "small messages over TCP, until their number is noticed"
AMONG_ALL_MESSAGES = "sock_send_length"
"""Tracepoint of a program that every message pays for."""


@dataclass(frozen=True, slots=True)
class Run:
    """One load in one phase; `sampler_ratio`: CPU time of the sampler in that phase, of all CPUs.

    `pays`: whether at its begin and its end a program of the sampler's ran for the messages of all sockets.
    """

    pace: pace.Pace
    sampler_ratio: float
    pays: tuple[bool, bool]


Runs: TypeAlias = defaultdict[str, list[dict[str, Run]]]
"""By load: of each round the run in each phase."""


def measure() -> list[Row]:
    pace.build()
    runs: Runs = defaultdict(list)
    with Box() as box, pace.disk_in_memory() as memory, tempfile.TemporaryDirectory(dir=TOP / "build") as folder:
        box.let_everybody_see_all()
        for _ in range(BLOCKS):
            with ExitStack() as started:
                loads = {name: started.enter_context(pace.Load(what)) for name, what in COMPUTING.items()}
                loads[SMALL] = started.enter_context(pace.Load("texts"))
                loads[MEMORY] = started.enter_context(pace.Load("fsyncs", memory))
                loads[DISK] = started.enter_context(pace.Load("fsyncs", pace.Disk(Path(folder) / "file")))
                in_rounds(box, loads, runs)
    rows = [row_of_work(name, runs[name]) for name in (*COMPUTING, SMALL)]
    if any(phases[ON].pays[0] for phases in runs[SMALL_AT_FIRST]):
        rows.append(row_at_first(runs[SMALL_AT_FIRST]))
    return [*rows, *rows_of_writes(runs[MEMORY], runs[DISK])]


def in_rounds(box: Box, loads: dict[str, pace.Load], runs: Runs) -> None:
    """One block: a round in each order of the phases."""
    for order in permutations((OFF, AGAIN, ON)):
        of_round: dict[str, dict[str, Run]] = defaultdict(dict)
        for phase in order:
            with sampling(box) if phase == ON else no_sampler() as sampler_pid:
                for name, run in in_one_phase(loads, sampler_pid).items():
                    of_round[name][phase] = run
        for name, phases in of_round.items():
            runs[name].append(phases)


def in_one_phase(loads: dict[str, pace.Load], sampler_pid: int | None) -> dict[str, Run]:
    spent_ns, started_ns = _spent_ns(sampler_pid), time.monotonic_ns()
    found = {SMALL_AT_FIRST: watched(loads[SMALL], sampler_pid)}
    found |= {name: watched(load, sampler_pid) for name, load in loads.items() if name != SMALL}
    until_pause(loads[SMALL], sampler_pid)
    found[SMALL] = watched(loads[SMALL], sampler_pid)
    sampler_ratio = (_spent_ns(sampler_pid) - spent_ns) / (time.monotonic_ns() - started_ns) / CPUS
    return {name: Run(of_load, sampler_ratio, pays) for name, (of_load, pays) in found.items()}


def watched(load: pace.Load, sampler_pid: int | None) -> tuple[pace.Pace, tuple[bool, bool]]:
    before = messages_pay(sampler_pid)
    found = load.run(RUN_MS)
    return found, (before, messages_pay(sampler_pid))


def until_pause(load: pace.Load, sampler_pid: int | None) -> None:
    """The load goes on until messages pay for nothing. TimeoutError if that never comes."""
    give_up_s = time.monotonic() + PATIENCE_S
    while messages_pay(sampler_pid):
        if time.monotonic() > give_up_s:
            raise TimeoutError("many small messages don't pause the count of datagrams")
        load.run(RUN_MS)


def messages_pay(pid: int | None) -> bool:
    """Whether a program of this process is attached that runs for each message: bpf_raw_tp_link_show_fdinfo()."""
    if pid is None:
        return False
    for descriptor in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if AMONG_ALL_MESSAGES in descriptor.read_text(encoding="utf-8"):
                return True
    return False


def _spent_ns(pid: int | None) -> int:
    return cost.run_ns(pid) if pid else 0


@contextmanager
def no_sampler() -> Iterator[None]:
    time.sleep(SETTLE_S)
    yield None


@contextmanager
def sampling(box: Box) -> Iterator[int]:
    """One client at 1 Hz; at the end the sampler is told to end, and with it go its programs."""
    with box.clients(1, kinds=DEFAULT_KINDS | OTHERS_IN_FULL) as opened:
        time.sleep(SETTLE_S)
        yield opened["sampler_pid"]
    os.kill(opened["sampler_pid"], signal.SIGTERM)
    give_up_s = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{opened['sampler_pid']}").exists():
        if time.monotonic() > give_up_s:
            raise TimeoutError(f"the sampler (pid {opened['sampler_pid']}) doesn't end")
        time.sleep(0.02)


def row_of_work(name: str, rounds: list[dict[str, Run]]) -> Row:
    """By CPU time."""
    found, control, by_clock = (
        slower(rounds, ON, _cpu_ns),
        slower(rounds, AGAIN, _cpu_ns),
        slower(rounds, ON, _clock_ns),
    )
    sampler = median(phases[ON].sampler_ratio for phases in rounds) * 100
    note = f"{trust(found, control)}; of it the sampler {sampler:.2f}; by the clock: {told(by_clock)}"
    return Row(f"{TITLE}: {name}", median(found), "%", "at most", REACH, note)


def row_at_first(rounds: list[dict[str, Run]]) -> Row:
    """Of the rounds in which they paid all the time: the pause came after the load."""
    paid = [phases for phases in rounds if all(phases[ON].pays)]
    if not paid:
        return Row(f"{TITLE}: {SMALL_AT_FIRST}", None, "%", note="the pause came before the load's end each time")
    return replace(row_of_work(SMALL_AT_FIRST, paid), sense="for comparison", reach=None)


def rows_of_writes(in_memory: list[dict[str, Run]], on_disk: list[dict[str, Run]]) -> list[Row]:
    """By the clock: of a disk in memory as a share of a write to the machine's, and of that one itself."""
    memory_ns, disk_ns = (median(_clock_ns(phases[OFF]) for phases in rounds) for rounds in (in_memory, on_disk))
    found, control = (slower(in_memory, phase, _clock_ns, disk_ns) for phase in (ON, AGAIN))
    direct, direct_control = slower(on_disk, ON, _clock_ns), slower(on_disk, AGAIN, _clock_ns)
    note = f"{trust(found, control)}; {memory_ns / 1000:.0f} µs a write in memory, {disk_ns / 1000:.0f} to the disk"
    return [
        Row(f"{TITLE}: {MEMORY}", median(found), "%", "at most", REACH, note),
        Row(f"{TITLE}: {DISK}", median(direct), "%", note=trust(direct, direct_control)),
    ]


def _cpu_ns(run: Run) -> float:
    return run.pace.cpu_ns / (1 - run.sampler_ratio)


def _clock_ns(run: Run) -> float:
    return run.pace.clock_ns


def slower(
    rounds: list[dict[str, Run]], phase: str, of: Callable[[Run], float], whole_ns: float | None = None
) -> list[float]:
    """How much more than in the phase off of the same round, in per cent of that or of `whole_ns`."""
    return [(of(each[phase]) - of(each[OFF])) / (whole_ns or of(each[OFF])) * 100 for each in rounds]


def trust(found: list[float], control: list[float]) -> str:
    return f"95 % of {len(found)} rounds' medians: {between(found)}; off against off: {told(control)}"


def between(found: list[float]) -> str:
    """Where the median lies with 95 % confidence: bootstrap, percentiles."""
    draw = random.Random(0)
    medians = sorted(median(draw.choices(found, k=len(found))) for _ in range(DRAWS))
    return f"{medians[DRAWS // 40]:+.2f} to {medians[-DRAWS // 40]:+.2f}"


def told(found: list[float]) -> str:
    return f"{median(found):+.2f} ({between(found)})"
