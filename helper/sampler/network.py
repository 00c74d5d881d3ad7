"""The network part of a tick: sockets, who holds them, and what closed connections and datagrams moved.

Costs are bounded: at most MOST_SOCKETS rows (a table with more is cut short and says so); open files are searched for
owners only when `OwnerSearch` says so; the traffic of processes that are gone is dropped after a minute or two. Each
probe may be missing or fail; then its section is missing, and `Probes` says why.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.row_table import TASK_BYTES
from helper.probes.socket_events import TRAFFIC, traffic_seen_by
from helper.probes.socket_owners import OWNER_BYTES, OwnerSearch
from helper.probes.socket_table import SOCKET_BYTES, sockets_seen_by
from helper.probes.task_snapshot import ALL_BORN
from helper.probes.visibility import EVERYBODY, Mode, Visibility
from helper.sampler import packets
from helper.sampler.elsewhere import Elsewhere, ElsewhereRows
from helper.sampler.growing_buffer import FIRST_SOCKETS, MOST_SOCKETS, GrowingBuffer
from helper.sampler.packets import Section
from helper.sampler.probe_set import Slot, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from helper.probes.probe import Reading

MOST_TASKS: Final = 262_144
FORGET_EVERY_NS: Final = 60 * 10**9

_OWNER: Final = struct.Struct("@QQIIII")  # struct st_socket_owner
_TASK_IDENTITY: Final = struct.Struct("@II8xQ112x")  # pid, tgid and start_ns of struct st_task


class SocketRows(Protocol):
    """helper.probes.known_sockets.KnownSockets."""

    @property
    def unowned(self) -> int: ...

    def read_known(self, visibility: Visibility) -> memoryview | None: ...

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading: ...


class OwnerRows(ElsewhereRows, Protocol):
    """helper.probes.socket_owners.SocketOwners."""

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading: ...


class TrafficRows(Protocol):
    """helper.probes.socket_events.SocketEvents, its part that has no events."""

    def read_traffic(self) -> bytes: ...

    def forget(self, gone: Iterable[tuple[int, int]]) -> int: ...


class TaskRows(Protocol):
    """helper.probes.task_snapshot.TaskSnapshot."""

    def read_into(self, buffer: memoryview, born_before_ns: int = ...) -> Reading: ...


@dataclass(slots=True)
class _Holders:
    """What the latest pass over all open files found."""

    rows: memoryview
    truncated: bool
    by_uid: dict[int, bytes] = field(default_factory=dict)

    def section(self, visibility: Visibility) -> Section:
        rows: memoryview | bytes = self.rows
        if visibility.mode is not Mode.SEES_ALL:
            if visibility.uid not in self.by_uid:
                own = (_OWNER.pack(*row) for row in _OWNER.iter_unpack(self.rows) if row[3] == visibility.uid)
                self.by_uid[visibility.uid] = b"".join(own)
            rows = self.by_uid[visibility.uid]
        return Section(packets.SECTION_SOCKET_OWNERS, OWNER_BYTES, rows, self.truncated)


@dataclass(slots=True)
class _Moment:
    """What was read for the tick that is being served.

    While one class of viewers asks, the kernel is asked for its sockets alone; as soon as there are several it is asked
    once for all sockets.
    """

    at_ns: int = -1
    viewers: set[Visibility] = field(default_factory=set)
    scope: Visibility | None = None
    sockets: tuple[memoryview, bool] | None = None
    traffic: bytes | None = None

    def next(self, at_ns: int, viewer: Visibility) -> _Moment:
        return _Moment(at_ns, scope=viewer if self.viewers <= {viewer} else EVERYBODY)


class Network:
    """The sections of KIND_SOCKETS. Other users' rows are left out for all classes but SEES_ALL."""

    kind = packets.KIND_SOCKETS

    def __init__(
        self,
        sockets: tuple[Slot, SocketRows],
        owners: tuple[Slot, OwnerRows],
        traffic: tuple[Slot, TrafficRows] | None,
        tasks: tuple[Slot, TaskRows],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`traffic` is None where the loader's programs don't sum bytes (BCC)."""
        self._sockets = sockets
        self._owners = owners
        self._traffic = traffic
        self._departed = Departed(tasks)
        self._clock_ns = clock_ns
        self._socket_room = GrowingBuffer(SOCKET_BYTES, FIRST_SOCKETS, MOST_SOCKETS)
        self._owner_room = GrowingBuffer(OWNER_BYTES, FIRST_SOCKETS, MOST_SOCKETS)
        self._search = OwnerSearch()
        self._holders: _Holders | None = None
        self._elsewhere = Elsewhere(*owners, clock_ns)
        self._moment = _Moment()

    def sections(self, visibility: Visibility, moment_ns: int) -> tuple[Section, ...]:
        """Sockets, the holders that the latest pass found, and traffic, in this order; absent if not running."""
        if moment_ns != self._moment.at_ns:
            self._moment = self._moment.next(moment_ns, visibility)
            self._read_sockets()
            self._look_for_owners()
            self._elsewhere.look(self._holders.rows if self._holders else None)
            self._read_traffic()
        elif self._moment.scope not in {visibility, EVERYBODY}:
            self._moment.scope = EVERYBODY
            self._read_sockets()
        self._moment.viewers.add(visibility)
        sockets = self._socket_section(visibility)
        holders = () if self._holders is None or not sockets else (self._holders.section(visibility),)
        return (*sockets, *holders, *self._traffic_section(visibility))

    def _socket_section(self, visibility: Visibility) -> tuple[Section, ...]:
        if self._moment.sockets is None:
            return ()
        (rows, truncated), (elsewhere, more_elsewhere) = self._moment.sockets, self._elsewhere.rows()
        shown = sockets_seen_by(visibility, memoryview(b"".join((rows, elsewhere))) if elsewhere else rows)
        return (Section(packets.SECTION_SOCKETS, SOCKET_BYTES, shown, truncated or more_elsewhere),)

    def _read_sockets(self) -> None:
        slot, source = self._sockets
        self._moment.sockets = None
        scope = self._moment.scope or EVERYBODY
        if slot.state is State.RUNNING:
            try:
                known = source.read_known(scope)
                if known is None:
                    self._moment.sockets = self._socket_room.fill(lambda room: source.read_into(room, scope))
                else:
                    self._moment.sockets = known, False
            except LoaderError as error:
                slot.fail(error)

    def _look_for_owners(self) -> None:
        """What is found is in the next tick's sockets, and in this one's section of holders."""
        (socket_slot, sockets), (slot, source) = self._sockets, self._owners
        if slot.state is not State.RUNNING or socket_slot.state is not State.RUNNING:
            self._holders = None
            return
        began_ns = self._clock_ns()
        if not self._search.is_due(sockets.unowned, began_ns):
            return
        try:
            rows, truncated = self._owner_room.fill(lambda room: source.read_into(room, EVERYBODY))
        except LoaderError as error:
            slot.fail(error)
            self._holders = None
            return
        self._holders = _Holders(rows, truncated)
        now_ns = self._clock_ns()
        self._search = self._search.after_pass(now_ns - began_ns, now_ns)

    def _traffic_section(self, visibility: Visibility) -> tuple[Section, ...]:
        if self._moment.traffic is None:
            return ()
        return (Section(packets.SECTION_TRAFFIC, TRAFFIC.size, traffic_seen_by(visibility, self._moment.traffic)),)

    def _read_traffic(self) -> None:
        if self._traffic is None:
            return
        slot, source = self._traffic
        if slot.state is State.RUNNING:
            try:
                gone = self._departed.look(source, self._moment.at_ns)
                if gone:
                    source.forget(gone)
                self._moment.traffic = source.read_traffic()
            except LoaderError as error:
                slot.fail(error)


class Departed:
    """Finds processes with traffic that are gone, once a minute: those that two looks in a row don't find.

    The minute between lets every reader have the last bytes, and connections outlive their process.
    """

    def __init__(self, tasks: tuple[Slot, TaskRows]) -> None:
        self._tasks = tasks
        self._next_ns = 0
        self._missed: set[tuple[int, int]] = set()

    def look(self, source: TrafficRows, now_ns: int) -> set[tuple[int, int]]:
        """The (pid, start_ns) to forget now; empty nearly always, and where tasks can't be read."""
        slot, tasks = self._tasks
        if now_ns < self._next_ns or slot.state is not State.RUNNING:
            return set()
        self._next_ns = now_ns + FORGET_EVERY_NS
        known = {(row[0], row[2]) for row in TRAFFIC.iter_unpack(source.read_traffic()) if row[0]}
        if not known:
            self._missed = set()
            return set()
        try:
            room = GrowingBuffer(TASK_BYTES, 4096, MOST_TASKS)
            rows, truncated = room.fill(lambda buffer: tasks.read_into(buffer, ALL_BORN))
        except LoaderError as error:
            slot.fail(error)
            return set()
        if truncated:
            return set()
        alive = {(pid, start_ns) for pid, tgid, start_ns in _TASK_IDENTITY.iter_unpack(rows) if pid == tgid}
        missing = known - alive
        gone, self._missed = missing & self._missed, missing - self._missed
        return gone
