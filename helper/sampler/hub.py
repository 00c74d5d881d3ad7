"""The open streams and their ticks: one timer for all, one snapshot for all that are due, one frame a class and period.

A stream ends when its descriptor is closed at the other end, when its caller leaves the bus, or when the helper ends.
"""

import asyncio
import functools
import itertools
import operator
import select
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from helper.bus import journal
from helper.sampler import packets, schedule
from helper.sampler.event_feed import EventFeed
from helper.sampler.frames import Snapshot, sealed_frame
from helper.sampler.kept_frames import KeptFrames
from helper.sampler.message_watch import never
from helper.sampler.readings import Readings
from helper.sampler.stream import Request, Stream

if TYPE_CHECKING:
    from helper.probes.visibility import Visibility

    _Due: TypeAlias = defaultdict[tuple[Visibility, int], defaultdict[int, list[Stream]]]
    """Streams by what they may see of which kinds, then by period."""


class Hub:
    """`on_end` is told of each stream that ended, for whatever reason.

    `look` is called before each tick with the longest time between two frames of a stream of sockets in ms (0: there is
    none), twice its period, and says after how many ms it is to be called even without one, None if never.
    """

    def __init__(
        self,
        readings: Readings,
        on_end: Callable[[Stream], None],
        look: Callable[[int], int | None] = never,
    ) -> None:
        self._readings = readings
        self._on_end = on_end
        self._look = look
        self._look_due_ns: int | None = None
        self.events = EventFeed(self._streams_now)
        self._streams: dict[int, Stream] = {}
        self._by_descriptor: dict[int, Stream] = {}
        self._ids = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None
        self._kept = KeptFrames()
        self._hang_ups = select.epoll()
        asyncio.get_running_loop().add_reader(self._hang_ups.fileno(), self._end_hung_up)

    def count(self) -> int:
        return len(self._streams)

    def kept_bytes(self) -> int:
        """Frames that readers still hold, as of the latest tick: memory of ours."""
        return self._kept.byte_count

    def kinds_wanted(self) -> int:
        """All kinds that some open stream asks for."""
        return functools.reduce(operator.or_, (stream.kinds for stream in self._streams.values()), 0)

    def open(self, request: Request) -> Stream:
        """Opens a stream whose first tick comes at once; the caller passes `other_end` on and closes it."""
        stream = Stream(next(self._ids), request)
        stream.kernel_lost_before = self._kernel_lost(stream.kinds)
        self._streams[stream.stream_id] = stream
        self._by_descriptor[stream.fileno()] = stream
        self._hang_ups.register(stream.fileno(), 0)  # hang-ups only: what a client sends wakes nobody
        self._set_timer()
        return stream

    def find(self, stream_id: int, caller: str) -> Stream | None:
        """The stream `stream_id`, if it is one of the caller's."""
        stream = self._streams.get(stream_id)
        return stream if stream is not None and stream.caller == caller else None

    def change_period(self, stream: Stream, period_ms: int) -> None:
        stream.change_period(period_ms, time.monotonic_ns())
        self._set_timer()

    def end(self, stream: Stream, bye_reason: int | None = None) -> None:
        """Ends one stream."""
        if self._streams.pop(stream.stream_id, None) is None:
            return
        del self._by_descriptor[stream.fileno()]
        self._hang_ups.unregister(stream.fileno())
        stream.close(bye_reason)
        self._set_timer()
        self._on_end(stream)

    def callers(self) -> set[str]:
        """The bus names of all who have a stream."""
        return {stream.caller for stream in self._streams.values()}

    def end_all_of(self, caller: str, bye_reason: int | None = None) -> None:
        """The caller has left the bus, or may have no stream any more."""
        for stream in [stream for stream in self._streams.values() if stream.caller == caller]:
            self.end(stream, bye_reason)

    def close(self, bye_reason: int) -> None:
        """Ends everything."""
        self._look, self._look_due_ns = never, None
        for stream in list(self._streams.values()):
            self.end(stream, bye_reason)
        self._set_timer()
        self._kept.close()
        asyncio.get_running_loop().remove_reader(self._hang_ups.fileno())
        self._hang_ups.close()

    def _kernel_lost(self, kinds: int) -> int:
        return self.events.lost(kinds) + self._readings.lost(kinds)

    def _streams_now(self) -> list[Stream]:
        return list(self._streams.values())

    def _end_hung_up(self) -> None:
        for descriptor, _events in self._hang_ups.poll(0):
            stream = self._by_descriptor.get(descriptor)
            if stream is not None:
                self.end(stream)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [stream.due_ns for stream in self._streams.values()]
        if self._look_due_ns is not None:
            due.append(self._look_due_ns)
        if due:
            self._timer = asyncio.get_running_loop().call_at(min(due) / 1e9, self._tick)

    def _tick(self) -> None:
        """Serves all streams that are due. A late tick is not made up for: schedule.py."""
        self._timer = None
        now_ns = time.monotonic_ns()
        due: _Due = defaultdict(lambda: defaultdict(list))
        for stream in self._streams.values():
            if schedule.is_due(stream.due_ns, now_ns):
                due[stream.visibility, stream.kinds & packets.KINDS_IN_FRAMES][stream.period_ms].append(stream)
                stream.due_ns = schedule.next_due_ns(now_ns, stream.period_ms)
        try:
            self._look_around(now_ns)
            if due:
                self._serve(due)
        finally:
            self._set_timer()  # whatever failed, the next tick comes

    def _look_around(self, now_ns: int) -> None:
        of_sockets = (stream.period_ms for stream in self._streams.values() if stream.kinds & packets.KIND_SOCKETS)
        again_ms = self._look(2 * max(of_sockets, default=0))  # a late tick, or schedule.py, puts frames further apart
        self._look_due_ns = None if again_ms is None else schedule.next_due_ns(now_ns, again_ms)

    def _serve(self, due: "_Due") -> None:
        self._kept.sweep()
        moment_ns = self._readings.begin()
        of_kinds = {stream.kinds for stream in self._streams.values()}
        lost_events = {kinds: self._kernel_lost(kinds) for kinds in of_kinds}
        in_class = Counter(stream.visibility for stream in self._streams.values())
        for (visibility, kinds), periods in sorted(due.items(), key=_by_class):
            snapshot = self._readings.take(visibility, moment_ns, kinds)
            if kinds & packets.KIND_TASKS and not self._readings.has_tasks():
                self._end_failed(periods)
                continue
            if kinds & packets.KIND_SOCKETS:  # a connection that is no longer in the rows has closed before the tick
                self.events.drain_now(packets.KIND_SOCKET_CLOSES)
            for period_ms, streams in periods.items():
                if self._kept.has_room(visibility, in_class[visibility]):
                    self._send(snapshot, period_ms, streams, lost_events)
                else:
                    _lose_tick(streams)

    def _end_failed(self, periods: dict[int, list[Stream]]) -> None:
        """What these streams live on can't be read any more: they end rather than run on empty."""
        for stream in itertools.chain.from_iterable(periods.values()):
            self.end(stream, packets.BYE_FAILED)

    def _send(self, snapshot: Snapshot, period_ms: int, streams: list[Stream], lost_events: dict[int, int]) -> None:
        """One frame for all `streams`, which are of one class; `lost_events`: by the kinds a stream asked for."""
        try:
            with sealed_frame(snapshot, period_ms) as frame:
                self._kept.note(streams[0].visibility, frame)
                for stream in streams:
                    stream.send_tick(frame, lost_events[stream.kinds])
        except OSError as error:  # no descriptor or no memory for the frame; sending to a stream raises nothing
            _lose_tick(streams)
            journal.write(f"a frame can't be made, {len(streams)} streams lose a tick: {error.strerror}")


def _lose_tick(streams: list[Stream]) -> None:
    for stream in streams:
        stream.lose_tick()


def _by_class(entry: "tuple[tuple[Visibility, int], object]") -> "tuple[Visibility, int]":
    """Classes one after the other, so that each probe is read once for all the streams of a class."""
    return entry[0]
