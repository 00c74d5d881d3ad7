"""Sockets of other network namespaces: containers, sandboxes. An iterator of sockets sees the reader's own alone.

They are found through open files, at twice the cost of a search for owners. So a pass is made only while the search for
owners finds sockets elsewhere, every ten seconds, and never so often that passes take more than a hundredth of the
time. Between two passes the rows of the latest one are shown, flagged ST_MISSING_RATE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.socket_owners import OWNER_BYTES
from helper.probes.socket_table import SOCKET_BYTES
from helper.probes.visibility import EVERYBODY
from helper.sampler.growing_buffer import FIRST_SOCKETS, MOST_SOCKETS, GrowingBuffer
from helper.sampler.probe_set import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.probes.probe import Reading
    from helper.probes.visibility import Visibility
    from helper.sampler.probe_set import Slot

PACE_NS: Final = 10 * 10**9
COST_FACTOR: Final = 100
NAMESPACE_AT: Final = 28  # net_namespace of struct st_socket_owner, held by tests/contract


class ElsewhereRows(Protocol):
    """helper.probes.socket_owners.SocketOwners."""

    net_namespace: int

    def read_elsewhere_into(self, buffer: memoryview, visibility: Visibility) -> Reading: ...


class Elsewhere:
    """What the latest pass found; nothing where there is no other network namespace."""

    def __init__(self, slot: Slot, source: ElsewhereRows, clock_ns: Callable[[], int]) -> None:
        self._slot = slot
        self._source = source
        self._clock_ns = clock_ns
        self._room = GrowingBuffer(SOCKET_BYTES, FIRST_SOCKETS, MOST_SOCKETS)
        self._rows: tuple[memoryview, bool] | None = None
        self._next_ns = 0

    def look(self, holders: memoryview | None) -> None:
        """Makes a pass if one is due; `holders` are the rows of the latest search for owners, None if there is none."""
        if holders is None or self._slot.state is not State.RUNNING:
            self._rows = None
            return
        began_ns = self._clock_ns()
        if began_ns < self._next_ns:
            return
        self._next_ns = began_ns + PACE_NS
        namespaces = set(holders.cast("I")[NAMESPACE_AT // 4 :: OWNER_BYTES // 4].tolist())
        if namespaces <= {self._source.net_namespace}:
            self._rows = None
            return
        try:
            self._rows = self._room.fill(lambda room: self._source.read_elsewhere_into(room, EVERYBODY))
        except LoaderError as error:
            self._slot.fail(error)
            self._rows = None
        now_ns = self._clock_ns()
        self._next_ns = max(self._next_ns, now_ns + COST_FACTOR * (now_ns - began_ns))

    def rows(self) -> tuple[memoryview | bytes, bool]:
        """`struct st_socket` of everybody, and whether there were more."""
        return (b"", False) if self._rows is None else self._rows
