"""Reads what SmoothTask itself costs: this process from the kernel, the helper from its bus properties.

Read while somebody looks at the page and not otherwise. The helper is asked only while it gives the readings: asking
would start it. What can't be read is None, or a reason.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.own_cost import HelperCost, OwnReading
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    from smoothtask_gui.adapters.sampler_client import SamplerClient
    from smoothtask_gui.domain.description import CacheCounts

NOT_ASKED: Final = "The helper isn't used now: readings come from /proc or a recording."


class OwnCostReader:
    """Keeps one connection to the helper's bus until `close`."""

    def __init__(self, client: SamplerClient, proc_self: Path = Path("/proc/self")) -> None:
        self._client = client
        self._proc = proc_self

    async def read(
        self, caches: tuple[tuple[str, CacheCounts], ...], history_bytes: int, *, ask_helper: bool
    ) -> OwnReading:
        """One reading; `caches` and `history_bytes` are what the app's own thread knows."""
        helper: HelperCost | None = None
        reason = NOT_ASKED
        if ask_helper:
            try:
                facts = await self._client.facts()
                helper, reason = facts.cost, ""
            except SourceError as error:
                reason = str(error)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return OwnReading(
            boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
            app_cpu_ns=int((usage.ru_utime + usage.ru_stime) * 1e9),
            app_resident_bytes=_resident_bytes(self._proc / "statm"),
            app_wakeups=usage.ru_nvcsw,
            caches=caches,
            history_bytes=history_bytes,
            helper=helper,
            helper_reason=reason,
        )

    async def close(self) -> None:
        """Leave the bus until the next reading."""
        await self._client.close()


def _resident_bytes(statm: Path) -> int | None:
    """The second number of proc_pid_statm(5); None where it can't be read."""
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
