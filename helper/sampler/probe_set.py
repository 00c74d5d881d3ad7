"""The probes of the sampler, each with its state: opened one by one, each fails alone, with its reason kept for people.

A probe that failed stays failed until the process ends (it ends when idle): trying again on every request would let
any caller burn CPU in the verifier.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from helper.bus import journal
from helper.loaders.errors import LoaderError
from helper.probes.probe import Probe, ProbeCost
from helper.sampler import packets

NOT_COUNTED = 2**64 - 1


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

    def open(self) -> None:
        """Opens the probe if it wasn't tried yet."""
        if self.state not in {State.OFF, State.LOADING}:
            return
        try:
            self.probe.open()
        except LoaderError as error:
            self.state = State.UNAVAILABLE if error.step in {"library", "btf"} else State.FAILED
            self.reason = str(error) + (f"\n{error.log_tail}" if error.log_tail else "")
            journal.write(f"probe {self.probe.name} isn't running: {error}")
        else:
            self.state = State.RUNNING

    def cost(self) -> ProbeCost:
        if self.state is not State.RUNNING:
            return ProbeCost(None, None, 0)
        return self.probe.cost()

    def fail(self, error: LoaderError) -> None:
        """A running probe could not be read."""
        if self.state is State.RUNNING:
            journal.write(f"probe {self.probe.name} failed while running: {error}")
            self.reason = str(error)
            self.close(State.FAILED)

    def close(self, state: State = State.OFF) -> None:
        """Closes a running probe; `before_close` lets go of its descriptors first."""
        if self.state is State.RUNNING:
            if self.before_close is not None:
                self.before_close()
            self.probe.close()
            self.state = state


class ProbeSet:
    """All probes, in the order in which they are opened. The first one is what ticks are made of."""

    def __init__(self, slots: tuple[Slot, ...], loader: str) -> None:
        """`loader`: "core", "bcc" or "none"; with "none" the slots are unavailable and say why."""
        self.slots = slots
        self.loader = loader

    def wanted(self, kinds: int) -> Iterator[Slot]:
        """The probes that serve `kinds` and were not tried yet."""
        return (slot for slot in self.slots if slot.kinds & kinds and slot.state is State.OFF)

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
            rows.append([slot.probe.name, str(slot.state), slot.reason, runs, run_ns, cost.memory_bytes])
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
    }[name]
