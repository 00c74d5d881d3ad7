"""Pressure that the test makes, heard through the kernel's triggers; in this lane because it needs a memory cgroup."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from smoothtask_gui.domain.batch import Batch, PressureEvent
from smoothtask_gui.sources.pressure import PressureSource, PressureTriggers, Threshold
from tests.bpf.machine import NOBODY, boottime_ns, child
from tests.bpf.test_rare_events import LIMIT_BYTES, memory_cgroup
from tests.fakes.recordable import batch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smoothtask_gui.sources.protocol import Item

PATIENCE_S = 30
BURN = "os.sched_setaffinity(0, {int(sys.argv[1])})\nsay(); wait()\nburn(60)\n"
THRASH = (
    "with open(sys.argv[1] + '/cgroup.procs', 'w') as procs: procs.write(str(os.getpid()))\n"
    "say(); wait()\n"
    "while True:\n"
    "    with open(sys.argv[2], 'rb', buffering=0) as file:\n"
    "        while file.read(1 << 20): pass\n"
)


async def heard(threshold: Threshold) -> PressureEvent:
    """The first alarm of a trigger of its own."""
    told: asyncio.Queue[PressureEvent] = asyncio.Queue()
    triggers = PressureTriggers(told.put_nowait, [threshold])
    triggers.open()
    try:
        assert triggers.refused == {}
        return await asyncio.wait_for(told.get(), PATIENCE_S)
    finally:
        triggers.close()


def test_three_busy_loops_on_one_cpu_raise_its_alarm() -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        for _ in range(3):
            rival = stack.enter_context(child(BURN, cpu))
            rival.hear()
            rival.tell()
        before_ns = boottime_ns()
        event = asyncio.run(heard(Threshold("cpu", "some", 200_000)))
    assert (event.resource, event.extent, event.threshold_ratio) == ("cpu", "some", 0.1)
    assert before_ns < event.boottime_ns < boottime_ns()


def test_a_process_that_thrashes_in_its_cgroup_raises_the_memory_alarm(on_disk: Path) -> None:
    big = on_disk / "big"
    big.touch()
    os.truncate(big, 4 * LIMIT_BYTES)  # not written: the pages would be in our cgroup's account, not in the child's
    with memory_cgroup() as folder, child(THRASH, str(folder), str(big)) as thrasher:
        thrasher.hear()
        thrasher.tell()
        event = asyncio.run(heard(Threshold("memory", "some", 1_000)))
    assert (event.resource, event.extent) == ("memory", "some")


class Batches:
    """A source that yields a batch and then waits."""

    name = "procfs"

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        del period_ms
        yield batch()
        await asyncio.Event().wait()


def test_alarms_come_between_the_batches_of_any_source() -> None:
    async def listen() -> list[Item]:
        source = PressureSource(Batches(), [Threshold("cpu", "some", 200_000)])
        found: list[Item] = []
        async with aclosing(source.items(1000)) as items:
            async for item in items:
                found.append(item)
                if len(found) == 2:
                    return found
        return found

    cpu = str(min(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        for _ in range(3):
            rival = stack.enter_context(child(BURN, cpu))
            rival.hear()
            rival.tell()
        first, second = asyncio.run(asyncio.wait_for(listen(), PATIENCE_S))
    assert isinstance(first, Batch)
    assert "pressure_events" not in first.unavailable
    assert isinstance(second, PressureEvent)


AS_NOBODY = """
import os, sys
refused = []
for text in ("some 150000 2000000", "some 150000 1000000"):
    try:
        fd = os.open("/proc/pressure/memory", os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, text.encode() + bytes(1))
    except OSError as error:
        refused.append(text)
print(*refused, sep="|")
"""


def test_a_user_without_rights_may_set_windows_of_two_seconds_but_not_of_one() -> None:
    """Since 6.5, and in those older stable kernels that took the change over."""
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    drop += ["--inh-caps=-all", "--bounding-set=-all"]
    command = [*drop, "/usr/bin/python3", "-I", "-c", AS_NOBODY]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    refused = result.stdout.strip().split("|")
    since_6_5 = tuple(map(int, platform.release().split(".")[:2])) >= (6, 5)
    assert refused[-1] == "some 150000 1000000"
    assert refused[:-1] in ([[]] if since_6_5 else [[], ["some 150000 2000000"]])


def test_a_kernel_without_pressure_leaves_the_averages_and_says_why(tmp_path: Path) -> None:
    async def refusals() -> dict[str, str]:
        triggers = PressureTriggers(lambda _: None, proc_root=tmp_path)
        triggers.open()
        triggers.close()
        return triggers.refused

    reasons = asyncio.run(refusals())
    assert reasons.keys() == {"cpu", "memory", "io"}
    assert set(reasons.values()) == {"this kernel has no /proc/pressure (CONFIG_PSI)"}


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_closed_triggers_leave_no_descriptor() -> None:
    async def open_and_close() -> tuple[int, int]:
        before = open_fds()
        triggers = PressureTriggers(lambda _: None)
        triggers.open()
        triggers.close()
        return before, open_fds()

    before, after = asyncio.run(open_and_close())
    assert before == after
