"""The probes of the sampler, each with its state: opened one by one, each fails alone, with its reason kept for people.

A probe that failed is tried again when a stream asks for it, but not before a pause is over that doubles from a minute
to an hour, and is a minute again once the probe has run for an hour: trying on every request would let any caller burn
CPU in the verifier. One that can't be had on this machine (no libbpf, no type information, no such hardware) is not
tried again. The opt-in probes run only while a stream asks for them.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from helper.bus import journal
from helper.loaders.choice import Choice
from helper.loaders.errors import LoaderError
from helper.loaders.map_memory import MapMemory
from helper.probes.probe import Probe, ProbeCost
from helper.sampler import packets

NOT_COUNTED = 2**64 - 1
WAITING: Final = "waiting"
"""How a running probe is shown that has nothing in the kernel now."""
FIRST_PAUSE_S: Final = 60.0
LONGEST_PAUSE_S: Final = 3600.0


class State(StrEnum):
    OFF = "off"
    LOADING = "loading"
    RUNNING = "running"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


@dataclass(slots=True)
class Slot:
    """One probe and what became of it."""

    probe: Probe
    kinds: int
    state: State = State.OFF
    reason: str = ""
    before_close: Callable[[], object] | None = None
    clock_s: Callable[[], float] = time.monotonic
    pause_s: float = FIRST_PAUSE_S
    again_s: float = 0.0
    opened_s: float = 0.0

    @property
    def is_opt_in(self) -> bool:
        return bool(self.kinds & packets.KINDS_OPT_IN)

    def may_open(self) -> bool:
        """Whether it is worth trying: it is off, or failed long enough ago."""
        return self.state is State.OFF or (self.state is State.FAILED and self.clock_s() >= self.again_s)

    def open(self) -> None:
        """Opens the probe if `may_open`, or if whoever asks said so by setting it to LOADING."""
        if self.state is not State.LOADING and not self.may_open():
            return
        try:
            self.probe.open()
        except LoaderError as error:
            self.state = State.UNAVAILABLE if error.step in {"library", "btf", "hardware"} else State.FAILED
            self._note_failure(error)
            journal.write(f"probe {self.probe.name} isn't running: {error}")
        else:
            self.state = State.RUNNING
            self.opened_s = self.clock_s()
            self.reason = ""
            if way := self.probe.cost().way:
                journal.write(f"probe {self.probe.name} is running: {way}")

    def cost(self) -> ProbeCost:
        if self.state is not State.RUNNING:
            return ProbeCost(None, None, 0)
        return self.probe.cost()

    def fail(self, error: LoaderError) -> None:
        """A running probe could not be read."""
        if self.state is State.RUNNING:
            journal.write(f"probe {self.probe.name} failed while running: {error}")
            if self.clock_s() - self.opened_s >= LONGEST_PAUSE_S:
                self.pause_s = FIRST_PAUSE_S
            self._note_failure(error)
            self.close(State.FAILED)

    def _note_failure(self, error: LoaderError) -> None:
        self.reason = str(error) + (f"\n{error.log_tail}" if error.log_tail else "")
        self.again_s = self.clock_s() + self.pause_s
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)

    def close(self, state: State = State.OFF) -> None:
        """Closes a running probe; `before_close` lets go of its descriptors first."""
        if self.state is State.RUNNING:
            if self.before_close is not None:
                self.before_close()
            self.probe.close()
            self.state = state


class ProbeSet:
    """All probes, in the order in which they are opened. The first one is what ticks are made of."""

    def __init__(
        self,
        slots: tuple[Slot, ...],
        choice: Choice,
        together: Callable[[list[str]], None] | None = None,
        estimates: Callable[[], Mapping[str, MapMemory]] = dict,
    ) -> None:
        """With the loader "none" the slots are unavailable and say why. `together` is told what is opened soon.

        `estimates` says what the maps of probes will take, by name, without loading them; asked once.
        """
        self.slots = slots
        self._make_estimates = estimates
        self._estimates: Mapping[str, MapMemory] | None = None
        self.choice = choice
        self._together = together

    def expect(self, kinds: int) -> None:
        """What serves `kinds` will be opened soon: whoever is first may bring all of it into the kernel in one go."""
        if self._together is not None:
            self._together([slot.probe.name for slot in self.wanted(kinds)])

    def wanted(self, kinds: int) -> Iterator[Slot]:
        """The probes that serve `kinds` and may be opened."""
        return (slot for slot in self.slots if slot.kinds & kinds and slot.may_open())

    def close_unwanted(self, kinds: int) -> None:
        """Closes the opt-in probes that serve none of `kinds`; the others stay until the process ends."""
        for slot in self.slots:
            if slot.is_opt_in and not slot.kinds & kinds:
                slot.close()

    def run_ns(self) -> int:
        """Run time of all programs, NOT_COUNTED where the kernel doesn't count it."""
        counted = [slot.cost().run_ns for slot in self.slots if slot.state is State.RUNNING]
        known = [run_ns for run_ns in counted if run_ns is not None]
        return sum(known) if known and len(known) == len(counted) else NOT_COUNTED

    def memory_bytes(self) -> int:
        return sum(slot.cost().memory_bytes for slot in self.slots)

    def rows(self) -> list[list[str | int]]:
        """The rows of the bus property Probes."""
        rows: list[list[str | int]] = []
        for slot in self.slots:
            cost = slot.cost()
            runs = NOT_COUNTED if cost.runs is None else cost.runs
            run_ns = NOT_COUNTED if cost.run_ns is None else cost.run_ns
            state, reason = (WAITING, cost.waits_for) if cost.waits_for else (str(slot.state), slot.reason or cost.way)
            rows.append([slot.probe.name, state, reason, runs, run_ns, cost.memory_bytes])
        return rows

    def memory_rows(self) -> list[list[str | int]]:
        """The rows of the bus property ProbeMemory."""
        if self._estimates is None:
            self._estimates = self._make_estimates()
        rows: list[list[str | int]] = []
        for slot in self.slots:
            known = self._estimates.get(slot.probe.name)
            fresh, full = (known.fresh_bytes, known.full_bytes) if known else (NOT_COUNTED, NOT_COUNTED)
            rows.append([slot.probe.name, fresh, slot.cost().map_bytes, full])
        return rows

    def close(self) -> None:
        for slot in self.slots:
            slot.close()


def kinds_of(name: str) -> int:
    """Which kinds of a stream need the probe `name`."""
    return {
        "task_snapshot": packets.KIND_TASKS | packets.KIND_SOCKETS,  # sockets: which processes are gone
        "process_events": packets.KIND_TASKS | packets.KIND_PROCESS_EXITS,
        "oom_events": packets.KIND_OOM,
        "thermal_events": packets.KIND_THERMAL,
        "socket_events": packets.KIND_SOCKETS | packets.KIND_SOCKET_CLOSES,
        "sockets": packets.KIND_SOCKETS,
        "socket_owners": packets.KIND_SOCKETS,
        "block_io": packets.KIND_BLOCK_IO,
        "memory_reclaim": packets.KIND_RECLAIM,
        "cpu_frequency": packets.KIND_CPU_FREQUENCY,
        "run_queue": packets.KIND_RUN_QUEUE,
        "syscalls": packets.KIND_SYSCALLS,
        "file_activity": packets.KIND_FILES,
        "unix_sockets": packets.KIND_UNIX_SOCKETS,
        "energy": packets.KIND_ENERGY,
        "gpu_jobs": packets.KIND_GPU,
        "gpu_fences": packets.KIND_GPU,
        "gpu_memory": packets.KIND_GPU,
    }[name]
