"""Builders of the three tables of unix sockets; what isn't named is 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smoothtask_gui.domain.activity import UNIX_HOLDER, UNIX_READING, UNIX_SOCKET, Activity
from tests.fakes.batches import SECOND, rows

if TYPE_CHECKING:
    from collections.abc import Iterable

HOME: int = 4026531833


def unix_socket(inode: int, name: bytes = b"", **values: Any) -> dict[str, Any]:
    """A connected stream of user 1000 in the machine's own network namespace."""
    return {
        "cookie": inode or 999, "inode": inode, "uid": 1000, "net_namespace": HOME, "type": 1, "state": 1,
        "name_bytes": len(name), "name": np.void(name.ljust(112, b"\0")), **values,
    }  # fmt: skip


def unix_holder(inode: int, pid: int = 10, **values: Any) -> dict[str, Any]:
    """Process `pid` holds it (as `batches.process` makes it)."""
    return {
        "inode": inode, "pid": pid, "pid_start_ns": pid * SECOND, "owner": 1000, "fd": 3, "net_namespace": HOME,
        "comm": b"app", **values,
    }  # fmt: skip


def unix_activity(
    sockets: Iterable[dict[str, Any]], holders: Iterable[dict[str, Any]], read_ns: int = 0, truncated: int = 0
) -> Activity:
    reading = {"read_ns": read_ns, "took_ns": 1, "truncated": truncated}
    return Activity(
        unix_reading=rows(reading, dtype=UNIX_READING),
        unix_sockets=rows(*sockets, dtype=UNIX_SOCKET),
        unix_holders=rows(*holders, dtype=UNIX_HOLDER),
    )
