"""What the sampler answers on the bus: the operations of resources/dbus/io.github.smoothtask.Sampler1.xml.

`Sampler.table` names each method with the authorization it needs; the dispatcher refuses what isn't in it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from dbus_fast import Variant

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.bus.operations import Caller, Operation, Reply, Table
from helper.bus.quotas import Held, Limits
from helper.bus.standard import Readers, StandardInterfaces
from helper.kernel_facts import read_kernel_facts
from helper.loaders.errors import LoaderError
from helper.sampler import own_cost, packets, visibility
from helper.sampler.assembly import Assembly
from helper.sampler.event_feed import EventSource
from helper.sampler.hub import Hub
from helper.sampler.probe_set import Slot, State
from helper.sampler.revocation import Recheck
from helper.sampler.stream import Request, Stream
from helper.version import VERSION

NAME: Final = "io.github.smoothtask.Sampler1"
PATH: Final = "/io/github/smoothtask/Sampler1"
INTERFACE: Final = NAME
MONITOR: Final = "io.github.smoothtask.monitor"
MONITOR_OTHERS: Final = "io.github.smoothtask.monitor-others"
KINDS: Final = packets.KINDS | packets.KIND_OTHERS_IN_FULL
SHORTEST_MS, LONGEST_MS = 100, 60_000


class Sampler:
    """The service, apart from the bus connection."""

    def __init__(
        self,
        parts: Assembly,
        limits: Limits,
        interface_xml: str,
        recheck: Recheck,
        proc_mount: Callable[[], visibility.ProcMount] = visibility.read_proc_mount,
    ) -> None:
        self._probes = parts.probes
        self._event_sources = parts.event_sources
        self._recheck = recheck
        self._proc_mount = proc_mount
        self._held = Held("streams", limits.streams_per_uid, limits.streams_in_all)
        self.hub = Hub(parts.readings, self._stream_ended, parts.look)
        self._started_ns = time.monotonic_ns()
        self.idle_since_s = time.monotonic()
        self._loading: asyncio.Task[None] | None = None
        self.readers = self._make_readers()
        self.table: Table = {
            (INTERFACE, "OpenStream"): Operation("uu", _open_stream_actions, self._open_stream),
            (INTERFACE, "ChangePeriod"): Operation("tu", _change_period_actions, self._change_period),
            **StandardInterfaces(INTERFACE, interface_xml, self.readers, MONITOR).rows(),
        }

    def is_needed(self) -> bool:
        """Whether there is an open stream."""
        return self.hub.count() > 0

    async def chores(self) -> None:
        """Ends the streams of those who may not have them any more."""
        await self._recheck.for_ever(self.hub)

    def close(self) -> None:
        """Says goodbye to all readers and unloads the probes."""
        if self._loading is not None:
            self._loading.cancel()
        self.hub.close(packets.BYE_SHUTDOWN)
        self._probes.close()

    def _stream_ended(self, stream: Stream) -> None:
        self._held.give_back(stream.uid)
        self._probes.close_unwanted(self.hub.kinds_wanted())
        self.idle_since_s = time.monotonic()

    async def _open_stream(self, caller: Caller, body: Sequence[Any]) -> Reply:
        period_ms, kinds = body
        seen = visibility.decide(
            caller.uid, sees_others=bool(kinds & packets.KIND_OTHERS_IN_FULL), mount=self._proc_mount()
        )
        self._held.take(caller.uid)
        opened = False
        try:
            self._probes.expect(kinds | self.hub.kinds_wanted())
            self._load_first(kinds)
            stream = self.hub.open(Request(caller.name, caller.uid, period_ms, kinds, seen))
            opened = True
        except OSError as error:
            raise Refusal(errors.UNAVAILABLE, f"a stream can't be made: {error.strerror}") from error
        finally:
            if not opened:
                self._held.give_back(caller.uid)
        self._load_others_later()
        return Reply("h", (0,), (stream.other_end.detach(),))

    async def _change_period(self, caller: Caller, body: Sequence[Any]) -> Reply:
        stream_id, period_ms = body
        stream = self.hub.find(stream_id, caller.name)
        if stream is None:
            raise Refusal(errors.NO_SUCH_STREAM, f"stream {stream_id} isn't one of your open streams")
        self.hub.change_period(stream, period_ms)
        return Reply()

    def _load_first(self, kinds: int) -> None:
        """Opens what the first tick is made of; Refusal if the kernel doesn't let us."""
        if not kinds & packets.KIND_TASKS:
            return
        slot = self._probes.slots[0]
        slot.open()
        if slot.state is not State.RUNNING:
            raise Refusal(errors.UNAVAILABLE, slot.reason)

    def _load_others_later(self) -> None:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.get_running_loop().create_task(self._load_others())

    async def _load_others(self) -> None:
        """Opens the probes that open streams ask for, one at a time; between two of them the loop (and a tick) runs."""
        while slot := self._next_wanted():
            slot.state = State.LOADING
            if self._probes.choice.loader == "bcc":
                await asyncio.to_thread(slot.open)  # a compiler's run each
            else:
                await asyncio.sleep(0.005)
                slot.open()
            source = self._event_sources.get(slot.probe.name)
            if slot.state is State.RUNNING and source is not None:
                self._listen(slot, source)
            self._probes.close_unwanted(self.hub.kinds_wanted())

    def _listen(self, slot: Slot, source: EventSource) -> None:
        try:
            self.hub.events.listen(slot, source)
        except LoaderError as error:
            slot.fail(error)

    def _next_wanted(self) -> Slot | None:
        return next(self._probes.wanted(self.hub.kinds_wanted()), None)

    def _make_readers(self) -> Readers:
        return {
            "Version": lambda: Variant("s", VERSION),
            "StreamVersion": lambda: Variant("u", packets.STREAM_VERSION),
            "Kinds": lambda: Variant("u", KINDS),
            "Loader": lambda: Variant("s", self._probes.choice.loader),
            "Probes": lambda: Variant("a(sssttt)", self._probes.rows()),
            "ProbeMemory": lambda: Variant("a(sttt)", self._probes.memory_rows()),
            "KernelFacts": lambda: Variant(
                "a(sss)",
                own_cost.facts_for_people(self._proc_mount(), read_kernel_facts(), self._probes.choice),
            ),
            "OwnCost": lambda: Variant("(tttttu)", self._own_cost()),
        }

    def _own_cost(self) -> list[int]:
        return [
            own_cost.cpu_ns(),
            self._probes.run_ns(),
            own_cost.resident_bytes() + self.hub.kept_bytes(),
            self._probes.memory_bytes(),
            time.monotonic_ns() - self._started_ns,
            self.hub.count(),
        ]


def _change_period_actions(body: Sequence[Any]) -> Sequence[str]:
    _expect_period(body[1])
    return (MONITOR,)


def _open_stream_actions(body: Sequence[Any]) -> Sequence[str]:
    period_ms, kinds = body
    _expect_period(period_ms)
    unknown = kinds & ~KINDS
    if unknown:
        raise Refusal(errors.INVALID_ARGUMENT, f"kinds has unknown bits {unknown:#x}; known are {KINDS:#x}")
    if not kinds & packets.KINDS:
        raise Refusal(
            errors.INVALID_ARGUMENT, f"kinds is {kinds:#x} and asks for nothing; known are {packets.KINDS:#x}"
        )
    return (MONITOR, MONITOR_OTHERS) if kinds & packets.KIND_OTHERS_IN_FULL else (MONITOR,)


def _expect_period(period_ms: int) -> None:
    if not SHORTEST_MS <= period_ms <= LONGEST_MS:
        raise Refusal(errors.INVALID_ARGUMENT, f"period_ms is {period_ms}; {SHORTEST_MS} to {LONGEST_MS} are allowed")
