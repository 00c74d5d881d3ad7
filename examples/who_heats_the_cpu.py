"""Which apps have heated the processor so far, beside the hottest sensor, and how that was found out."""

import asyncio
import sys

from reading import options, samples

from smoothtask_gui.domain.app_window import WINDOW_NS, AppWindow
from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.protocol import SourceError


def hottest(sample: Sample) -> str:
    """The warmest sensor that gives a reading."""
    warm = [sensor for sensor in sample.sensors if sensor.temperature_c is not None]
    if not warm:
        return "no sensor gives a temperature"
    found = max(warm, key=lambda sensor: sensor.temperature_c or 0.0)
    return f"{safe_text(found.driver)} {found.temperature_c:.0f} °C"


async def watch() -> None:
    parser = options(__doc__)
    parser.add_argument("--most", type=int, default=3, help="apps to name")
    chosen = parser.parse_args()
    window = AppWindow()
    async for sample in samples(chosen.source, chosen.period_ms, chosen.count):
        window.append(sample)
        found = window.culprits(sample.boottime_ns, WINDOW_NS, chosen.most)
        shares = ", ".join(f"{safe_text(share.name)} {share.ratio * 100:.0f} %" for share in found.shares)
        print(
            f"{hottest(sample)}; {found.busy_cores or 0:.2f} cores busy: {shares or 'nobody'} ({found.method})",
            flush=True,
        )


if __name__ == "__main__":
    try:
        asyncio.run(watch())
    except SourceError as error:
        sys.exit(str(error))
