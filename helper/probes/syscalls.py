"""System calls by process and by number; the reader of bpf/syscalls.bpf.c.

A call counts when it returns: exit and exit_group never do, and what sleeps in poll counts when it wakes.
The table by number holds all users' calls together, so only who sees all gets it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader
from helper.probes.activity import ActivityProbe, ActorRows, Table, Whose, add_up, split

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_CALLERS: Final = 19
SECTION_SYSCALLS: Final = 20
CALLER: Final = struct.Struct("@IIQQII16sQQQ")  # struct st_caller
SYSCALL: Final = struct.Struct("@IIQQQ32Q")  # struct st_syscall
NUMBER: Final = struct.Struct("@II")  # its members that aren't sums


class Syscalls(ActivityProbe):
    """The probe `syscalls`."""

    name = "syscalls"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        self._callers = ActorRows(self._door, bpf_object, CALLER.size)
        self._value_bytes = SYSCALL.size * self._door.calls.libbpf_num_possible_cpus()
        fd = bpf_object.map_fd("numbers")
        self._numbers = HashReader(self._door, self.name, fd, key_bytes=4, value_bytes=self._value_bytes)

    def tables(self) -> tuple[Table, ...]:
        self._opened()
        callers = Table(SECTION_CALLERS, CALLER.size, self._callers.read(), Whose.ACTORS)
        _, values = self._numbers.read()
        rows = rows_of_numbers(bytes(values), self._value_bytes)
        return callers, Table(SECTION_SYSCALLS, SYSCALL.size, rows, Whose.ALL_USERS)

    def forget_idle(self) -> None:
        self._opened()
        self._callers.forget_idle()


def rows_of_numbers(values: bytes, value_bytes: int) -> bytes:
    """A row for each number; one that was put into the map this moment and has no count yet is left out."""
    return b"".join(_of_all_cpus(value) for value in split(values, value_bytes) if any(value))


def _of_all_cpus(values: bytes) -> bytes:
    """One row of the CPUs' shares. A CPU that never made the call has zeros, its number too."""
    shares = split(values, SYSCALL.size)
    number = max(NUMBER.unpack_from(share) for share in shares if any(share))
    return NUMBER.pack(*number) + add_up([share[NUMBER.size :] for share in shares])
