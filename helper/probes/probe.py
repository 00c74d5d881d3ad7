"""What the sampler knows of a probe: a BPF program (or a few in one object) and its reader.

Each probe is opened, fails and is closed alone. `open` may run in another thread than the other methods, but never
at the same time as them. Nothing is pinned: programs and maps are gone when the process is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class ProbeCost:
    """What a probe's programs have cost since they were loaded; runs are None where the kernel doesn't count them.

    The kernel counts runs and run time only while kernel.bpf_stats_enabled is 1 (Documentation/admin-guide/sysctl).
    `memory_bytes` is memlock of /proc/self/fdinfo, over programs and maps; `map_bytes` that of the maps alone.
    `waits_for`: why an open probe has nothing in the kernel now; empty if it has. `way`: in which of several ways it
    does its work, and why; empty where there is only one.
    """

    runs: int | None
    run_ns: int | None
    memory_bytes: int
    map_bytes: int = 0
    waits_for: str = ""
    way: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of the buffer a snapshot filled.

    `truncated`: more rows existed than fit. The rows that are there are whole; take a buffer twice as large and
    read again, or keep what there is and say so.
    """

    byte_count: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class TaskReading(Reading):
    """A reading of tasks; `began_ns` is the boot time at which the first of them was read."""

    began_ns: int


class Probe(Protocol):
    """Every probe."""

    @property
    def name(self) -> str:
        """As in the bus property `Probes` and the object file's name."""

    def open(self) -> None:
        """Loads and attaches. Raises LoaderError; nothing stays behind then."""

    def close(self) -> None:
        """Detaches and frees; may be called at any time, also twice."""

    def cost(self) -> ProbeCost:
        """Of an open probe."""


class EventProbe(Probe, Protocol):
    """A probe with a ring buffer."""

    def fileno(self) -> int:
        """Readable (epoll) when there are events."""

    def drain(self, sink: Callable[[bytes], None]) -> None:
        """Hands every waiting record, beginning with `struct st_event`, to `sink`; never blocks."""

    def lost(self) -> int:
        """Events that found no room, since the probe was opened."""
