"""A rule of one's own: the processes of one name together hold more memory than allowed, for a while.

The alert's life (pending, firing, resolved; when it begins, when it ends) is SmoothTask's; only the condition is new.
"""

import asyncio
import sys

import numpy as np
from reading import options, samples

from smoothtask_gui.domain.alert import Alert, Timing, advance, judge
from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.domain.text import size
from smoothtask_gui.sources.protocol import SourceError

CLEAR_RATIO = 0.9


def held_bytes(sample: Sample, name: str) -> float | None:
    """What all processes of that name hold; None if none of them has a reading."""
    of_name = sample.processes["rss_bytes"][sample.processes["comm"] == name.encode()]
    known = of_name[~np.isnan(of_name)]
    return float(known.sum()) if len(known) else None


async def watch() -> None:
    parser = options(__doc__)
    parser.add_argument("name", help="of the processes, at most 15 bytes")
    parser.add_argument("most_mib", type=float)
    parser.add_argument("--for-s", type=float, default=3.0)
    chosen = parser.parse_args()
    level = chosen.most_mib * 2**20
    alert = Alert(Timing.of_seconds(chosen.for_s, keep_firing_for_s=chosen.for_s, cooldown_s=60.0))
    async for sample in samples(chosen.source, chosen.period_ms, chosen.count):
        held = held_bytes(sample, chosen.name)
        was_firing = alert.is_firing
        holds = judge(held, level, level * CLEAR_RATIO, firing=was_firing)
        alert = advance(alert, holds=holds, now_ns=sample.boottime_ns)
        if alert.is_firing and not was_firing:
            print(f"{chosen.name} holds {'?' if held is None else size(held)}, more than {size(level)}", flush=True)
        elif was_firing and not alert.is_firing:
            print(f"{chosen.name} is back below {size(level)}", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(watch())
    except SourceError as error:
        sys.exit(str(error))
