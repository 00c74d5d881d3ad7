"""Alarms from the kernel when tasks stall for want of CPU, memory or disk: PSI triggers.

A trigger (Documentation/accounting/psi.rst) says within moments what averages show only after ten seconds. Each is a
file of /proc/pressure into which a threshold was written; it is polled for POLLPRI. asyncio's selector knows only
readable and writable, so each file has an epoll of its own, which is readable when POLLPRI is there. Asking takes the
alarm away (psi_trigger_poll()), and the loop's selector has asked by the time it calls us: hence one epoll a trigger,
and none is asked again.

Who lacks CAP_SYS_RESOURCE may set triggers since kernel 6.5 ("sched/psi: Allow unprivileged polling of N*2s period";
Debian's 6.1.176 has it too), with windows of whole multiples of 2 s: those are looked at every 2 s only, so an alarm
comes up to 2 s late and may come at every second window only. On older kernels, in sandboxes and with psi=0 there are
none: `refused` says why, and the averages stay.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import time
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.batch import Batch, PressureEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from smoothtask_gui.sources.protocol import Item, Source

WINDOW_US: Final = 2_000_000
MOST_WAITING: Final = 64
"""A reader that doesn't take the alarms has the latest of them: each trigger gives at most one in a window."""

_REASONS: Final = {
    errno.ENOENT: "this kernel has no /proc/pressure (CONFIG_PSI)",
    errno.EOPNOTSUPP: "pressure is switched off (boot parameter psi=1 switches it on)",
    errno.EACCES: "only root may set pressure triggers before kernel 6.5, or a sandbox forbids it",
    errno.EPERM: "only root may set pressure triggers before kernel 6.5, or a sandbox forbids it",
    errno.EROFS: "/proc is mounted read-only here",
    errno.EINVAL: "the kernel allows this window to root only",
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """An alarm when tasks stalled for `stall_us` of a window: "some" task, or all that aren't idle ("full")."""

    resource: str  # "cpu", "memory", "io"
    extent: str
    stall_us: int
    window_us: int = WINDOW_US

    def as_text(self) -> bytes:
        return f"{self.extent} {self.stall_us} {self.window_us}\0".encode()


THRESHOLDS: Final = (
    Threshold("memory", "some", 150_000),  # the example of psi.rst, at half its share
    Threshold("memory", "full", 100_000),
    Threshold("io", "full", 1_000_000),
    Threshold("cpu", "some", 1_500_000),  # a busy compile has half of that, and is nobody's trouble
)


class PressureTriggers:
    """Registers `thresholds` with the kernel; `on_event` is called in the running loop."""

    def __init__(
        self,
        on_event: Callable[[PressureEvent], None],
        thresholds: Sequence[Threshold] = THRESHOLDS,
        proc_root: Path = Path("/proc"),
    ) -> None:
        self._on_event = on_event
        self._thresholds = thresholds
        self._folder = proc_root / "pressure"
        self._held: list[tuple[int, select.epoll]] = []
        self.refused: dict[str, str] = {}
        """Resource to reason, in words for people."""

    def open(self) -> None:
        """Call within the running loop. Thresholds that the kernel refuses are noted, not raised."""
        for threshold in self._thresholds:
            try:
                self._register(threshold)
            except OSError as error:
                self.refused[threshold.resource] = _REASONS.get(error.errno or 0, error.strerror or str(error))

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for fd, inner in self._held:
            loop.remove_reader(inner.fileno())
            inner.close()
            os.close(fd)
        self._held.clear()

    def _register(self, threshold: Threshold) -> None:
        fd = os.open(self._folder / threshold.resource, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, threshold.as_text())
            inner = select.epoll()
            inner.register(fd, select.EPOLLPRI)
        except OSError:
            os.close(fd)
            raise
        self._held.append((fd, inner))
        asyncio.get_running_loop().add_reader(inner.fileno(), partial(self._tell, threshold))

    def _tell(self, threshold: Threshold) -> None:
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        ratio = threshold.stall_us / threshold.window_us
        self._on_event(PressureEvent(now_ns, threshold.resource, threshold.extent, ratio))


class PressureSource:
    """`Source` over another one: its items, and the alarms as they come."""

    def __init__(self, inner: Source, thresholds: Sequence[Threshold] = THRESHOLDS) -> None:
        self._inner = inner
        self._thresholds = thresholds

    @property
    def name(self) -> str:
        return self._inner.name

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield all items of the other source; it ends, and raises SourceError, when that one does."""
        alarms = _Alarms()
        triggers = PressureTriggers(alarms.keep, self._thresholds)
        triggers.open()
        try:
            async with aclosing(self._inner.items(period_ms)) as items, aclosing(_merged(items, alarms)) as merged:
                async for item in merged:
                    yield _with_refusals(item, triggers.refused)
        finally:
            triggers.close()

    async def change_period(self, period_ms: int) -> None:
        await self._inner.change_period(period_ms)


class _Alarms:
    """The latest alarms that nobody has taken yet, and whoever waits for one or for something else."""

    def __init__(self) -> None:
        self.waiting: deque[PressureEvent] = deque(maxlen=MOST_WAITING)
        self._bell: asyncio.Future[None] | None = None

    def keep(self, event: PressureEvent) -> None:
        self.waiting.append(event)
        self._ring()

    async def or_done(self, other: asyncio.Future[Item]) -> None:
        """Wait until there is an alarm, or `other` is done: one future, where asyncio.wait makes a round of them."""
        if self.waiting or other.done():
            return
        self._bell = bell = asyncio.get_running_loop().create_future()
        other.add_done_callback(self._ring)
        try:
            await bell
        finally:
            other.remove_done_callback(self._ring)

    def _ring(self, _other: object = None) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)


async def _merged(items: AsyncGenerator[Item], alarms: _Alarms) -> AsyncGenerator[Item]:
    following = asyncio.ensure_future(anext(items))
    try:
        while True:
            await alarms.or_done(following)
            while alarms.waiting:
                yield alarms.waiting.popleft()
            if following.done():
                try:
                    item = following.result()
                except StopAsyncIteration:
                    return
                yield item
                following = asyncio.ensure_future(anext(items))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _with_refusals(item: Item, refused: dict[str, str]) -> Item:
    if not refused or not isinstance(item, Batch):
        return item
    reasons = "; ".join(f"{resource}: {reason}" for resource, reason in refused.items())
    return replace(item, unavailable={**item.unavailable, "pressure_events": f"pressure alarms: {reasons}"})
