"""Print a line a sample: how busy the machine is, and where the readings come from."""

import asyncio
import sys

from reading import options, samples

from smoothtask_gui.sources.protocol import SourceError


def percent(ratio: float | None) -> str:
    """A ratio for people; what is missing isn't zero."""
    return "unknown" if ratio is None else f"{ratio * 100:.1f} %"


async def watch() -> None:
    chosen = options(__doc__).parse_args()
    async for sample in samples(chosen.source, chosen.period_ms, chosen.count):
        system = sample.system
        used = "unknown" if system.memory_used_bytes is None else f"{system.memory_used_bytes / 2**30:.2f} GiB"
        busy, attributed = percent(system.cpu_busy_ratio), percent(system.cpu_attributed_ratio)
        print(
            f"{sample.source}: CPU {busy}, of processes {attributed}, memory {used}, "
            f"{len(sample.processes)} processes, {sample.lost.ticks} ticks lost",
            flush=True,
        )


if __name__ == "__main__":
    try:
        asyncio.run(watch())
    except SourceError as error:
        sys.exit(str(error))
