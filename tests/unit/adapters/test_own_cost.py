from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from smoothtask_gui.adapters.own_cost import NOT_ASKED, OwnCostReader
from smoothtask_gui.adapters.sampler_client import SamplerClient

if TYPE_CHECKING:
    from pathlib import Path

    from smoothtask_gui.domain.own_cost import OwnReading


def read(reader: OwnCostReader, *, ask_helper: bool = False) -> OwnReading:
    async def once() -> OwnReading:
        try:
            return await reader.read((), 7, ask_helper=ask_helper)
        finally:
            await reader.close()

    return asyncio.run(once())


def test_this_process_is_read_from_the_kernel() -> None:
    reader = OwnCostReader(SamplerClient("unix:path=/nowhere"))
    before = read(reader)
    busy_until_s = time.process_time() + 0.05
    while time.process_time() < busy_until_s:
        sum(range(1000))
    after = read(reader)
    assert after.app_cpu_ns - before.app_cpu_ns >= 45_000_000
    assert after.app_resident_bytes is not None
    assert 5_000_000 < after.app_resident_bytes < 2**40
    assert after.app_wakeups >= before.app_wakeups
    assert (after.history_bytes, after.helper, after.helper_reason) == (7, None, NOT_ASKED)


def test_a_helper_that_cannot_be_asked_is_told_with_the_reason(tmp_path: Path) -> None:
    reader = OwnCostReader(SamplerClient(f"unix:path={tmp_path}/no-bus"), proc_self=tmp_path)
    reading = read(reader, ask_helper=True)
    assert reading.helper is None
    assert reading.helper_reason not in ("", NOT_ASKED)
    assert reading.app_resident_bytes is None
