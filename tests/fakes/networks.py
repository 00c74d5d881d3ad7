"""Builders of sockets, traffic rows and the network part of a batch; what isn't named is 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smoothtask_gui.domain.network import SOCKET, TRAFFIC, Network
from tests.fakes.batches import SECOND, rows

if TYPE_CHECKING:
    import numpy.typing as npt


def socket_row(cookie: int, pid: int = 10, sent: int = 0, received: int = 0, **values: Any) -> dict[str, Any]:
    """An established TCP connection of process `pid` (as `batches.process` makes it), older than the readings."""
    return {
        "cookie": cookie, "inode": cookie, "pid": pid, "pid_start_ns": pid * SECOND, "uid": 1000, "protocol": 6,
        "family": 2, "state": 1, "sent_bytes": sent, "received_bytes": received, **values,
    }  # fmt: skip


def traffic_row(pid: int = 10, **values: Any) -> dict[str, Any]:
    """What process `pid` has moved besides its open connections."""
    return {"pid": pid, "start_ns": pid * SECOND, "uid": 1000, "comm": b"app", **values}


def address(*octets: int) -> np.void:
    return np.void(bytes(octets).ljust(16, b"\0"))


def network(
    *sockets: dict[str, Any],
    traffic: tuple[dict[str, Any], ...] = (),
    closes: tuple[dict[str, Any], ...] = (),
    own_uid: int | None = 1000,
) -> Network:
    def table(found: tuple[dict[str, Any], ...], dtype: np.dtype[Any]) -> npt.NDArray[np.void]:
        return rows(*found, dtype=dtype)

    return Network(table(sockets, SOCKET), table(traffic, TRAFFIC), table(closes, SOCKET), own_uid)
