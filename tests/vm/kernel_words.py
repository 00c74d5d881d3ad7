"""A kernel's record on its way to the app: put into a packet as the helper puts it."""

from __future__ import annotations

from helper.sampler import packets


def packet_with(record: bytes) -> bytes:
    return packets.packet(packets.EVENT, record)
