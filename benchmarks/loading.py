"""All default probes loaded and attached as the sampler does it, and what that takes."""

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes import (
    BlockIo,
    OomEvents,
    ProcessEvents,
    SocketEvents,
    SocketMemory,
    SocketOwners,
    Sockets,
    TaskSnapshot,
    ThermalEvents,
)

OBJECTS = Path(__file__).parents[1] / "build" / "bpf"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Milliseconds by the clock and of this thread's CPU time; `way`: how datagrams are counted, in words."""

    clock_ms: float
    cpu_ms: float
    way: str


@contextmanager
def attached(names: tuple[str, ...], at_functions: bool = True) -> Iterator[Loaded]:
    """These probes while the block lasts, opened as the sampler opens them.

    Without `at_functions` no program is put at the return of the kernel's functions, as if the kernel had refused one.
    Raises LoaderError.
    """
    started, started_cpu = time.perf_counter_ns(), time.thread_time_ns()
    door, memory = Libbpf(OBJECTS), SocketMemory()
    if not at_functions:
        door.function_exits.rule_out(LoaderError("fexit", "attach", errno.EBUSY, hint="a benchmark wants none"))
    door.together.plan(names)
    alone = [kind(door) for kind in (TaskSnapshot, ProcessEvents, OomEvents, ThermalEvents, BlockIo)]
    sharing = [kind(door, memory) for kind in (SocketEvents, Sockets, SocketOwners)]
    opened = [probe for probe in (*alone, *sharing) if probe.name in names]
    try:
        for probe in opened:
            probe.open()
        took_ms = (time.perf_counter_ns() - started) / 1e6, (time.thread_time_ns() - started_cpu) / 1e6
        yield Loaded(*took_ms, "".join(probe.cost().way for probe in opened if isinstance(probe, SocketEvents)))
    finally:
        for probe in opened:
            probe.close()
        memory.close()
