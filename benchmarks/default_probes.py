"""All default probes attached in the benchmark's own process, and how they are read for one tick."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.boxed import TOP
from helper.loaders.choice import Choice
from helper.probes.visibility import Mode, Visibility
from helper.sampler import packets
from helper.sampler.assembly import Assembly, assemble

KINDS = packets.KINDS & ~packets.KINDS_OPT_IN & ~packets.KIND_ENERGY  # a virtual machine has no RAPL
EVERYTHING = Visibility(Mode.SEES_ALL, 0)


def read(made: Assembly) -> None:
    """One tick: rows as for a frame, and the events that have come."""
    dropped: list[bytes] = []
    for source in made.event_sources.values():
        source.drain(dropped.append)
    made.readings.take(EVERYTHING, made.readings.begin(), KINDS)


LACKS_HARDWARE = "(step: hardware)"


@contextmanager
def default_probes() -> Iterator[Assembly]:
    """Attached while the block lasts. RuntimeError if one of them doesn't run that could here."""
    made = assemble(TOP / "build" / "bpf", TOP / "bpf" / "bcc", Choice("core", "a benchmark"))
    try:
        made.probes.expect(KINDS)
        for slot in made.probes.wanted(KINDS):
            slot.open()
            if slot.reason and not slot.reason.endswith(LACKS_HARDWARE):
                raise RuntimeError(slot.reason)
        yield made
    finally:
        made.probes.close()
