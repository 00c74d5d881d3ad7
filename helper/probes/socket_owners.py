"""Which processes hold which sockets, as rows of `struct st_socket_owner`; see bpf/socket_owners.bpf.c.

A pass visits every open file of the machine, so it is made when a snapshot has found sockets without an owner, and
`OwnerSearch` says when: never so often that passes take more than a twentieth of the time. The owner that a pass finds
is in the next snapshot's rows. An owner that has given the socket away (a fork, a descriptor that was passed on) is
replaced by the second pass that doesn't find it holding the socket.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from helper.probes.object_probe import ObjectProbe
from helper.probes.rows import read_pass
from helper.probes.socket_table import SOCKET_BYTES
from helper.probes.sockets import OWN_NET_NAMESPACE, SETTINGS
from helper.probes.visibility import Mode, Visibility

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.probe import Reading
    from helper.probes.socket_memory import SocketMemory

OWNER_BYTES: Final = 32  # sizeof(struct st_socket_owner), held by tests/contract
COST_FACTOR: Final = 20
REFRESH_NS: Final = 60 * 10**9


class Rows(IntEnum):
    """`enum st_pass_rows`, bpf/settings.h."""

    OWNERS = 0
    NO_ROWS = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class OwnerSearch:
    """When to look for owners: state between passes, times in nanoseconds of one clock."""

    next_ns: int = 0
    refresh_ns: int = REFRESH_NS

    def is_due(self, unowned: int, now_ns: int) -> bool:
        """`unowned` as the latest snapshot counted them. Once a minute it is due anyway: owners change."""
        return now_ns >= self.refresh_ns or (unowned > 0 and now_ns >= self.next_ns)

    def after_pass(self, took_ns: int, now_ns: int) -> OwnerSearch:
        return replace(self, next_ns=now_ns + COST_FACTOR * took_ns, refresh_ns=now_ns + REFRESH_NS)


class SocketOwners(ObjectProbe):
    """The probe `socket_owners`."""

    name = "socket_owners"

    def __init__(self, door: Libbpf, memory: SocketMemory) -> None:
        super().__init__(door, memory.maps)
        self._memory = memory
        self._pass = 0
        self.net_namespace = 0
        """Inode of the helper's own, once open."""

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.socket_owners")
        self._memory.keep(bpf_object)
        self.net_namespace = OWN_NET_NAMESPACE.stat().st_ino

    def find_owners(self) -> int:
        """Makes a pass that writes no rows, only owners into the sockets' memory; returns nanoseconds it took."""
        began_ns = time.monotonic_ns()
        self._read(memoryview(b""), Visibility(Mode.SEES_ALL, 0), Rows.NO_ROWS)
        return time.monotonic_ns() - began_ns

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        """A pass with its rows: one for each descriptor, of all network namespaces; fills `buffer` with whole rows.

        Viewers other than SEES_ALL get the rows of sockets that they created.
        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        return self._read(buffer, visibility, Rows.OWNERS)

    def read_elsewhere_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        """A pass that writes the sockets of other network namespaces, as `struct st_socket`; fills `buffer`.

        Those that a visible process holds: no remains of closed connections, none that wait to be accepted. Twice the
        cost of `find_owners`, which it does too: meant for a slower pace than snapshots.
        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        return self._read(buffer, visibility, Rows.ELSEWHERE)

    def _read(self, buffer: memoryview, visibility: Visibility, rows: Rows) -> Reading:
        bpf_object = self._opened()
        self._pass += 1
        own, uncounted_ns = self.net_namespace, self._memory.uncounted_ns
        SETTINGS.pack_into(
            self._settings, 0, visibility.mode, visibility.uid, own, 0, self._pass, rows, 0, 0, 0, 0, uncounted_ns
        )
        return read_pass(bpf_object, self.name, buffer, SOCKET_BYTES if rows is Rows.ELSEWHERE else OWNER_BYTES)
