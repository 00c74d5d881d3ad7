"""All default probes attached and read once a second, as the sampler does for a client that asks for all of them."""

import threading
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
def default_probes(period_s: float = 1.0) -> Iterator[Assembly]:
    """Attached and being read while the block lasts. RuntimeError if one of them doesn't run that could here."""
    made, over = assemble(TOP / "build" / "bpf", TOP / "bpf" / "bcc", Choice("core", "a benchmark")), threading.Event()

    def read_on() -> None:
        while not over.wait(period_s):
            read(made)

    reader = threading.Thread(target=read_on)
    try:
        made.probes.expect(KINDS)
        for slot in made.probes.wanted(KINDS):
            slot.open()
            if slot.reason and not slot.reason.endswith(LACKS_HARDWARE):
                raise RuntimeError(slot.reason)
        reader.start()
        yield made
    finally:
        over.set()
        if reader.is_alive():
            reader.join()
        made.probes.close()
