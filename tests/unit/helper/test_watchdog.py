"""systemd hears that the service is up and alive, and only where it asked."""

import asyncio
import socket
from pathlib import Path

from helper.bus.watchdog import Watchdog


def test_ready_and_signs_of_life_reach_the_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)

        async def run() -> list[bytes]:
            Watchdog(str(tmp_path / "notify"), interval_us=20_000).start()
            return [await asyncio.to_thread(systemd.recv, 100) for _ in range(3)]

        assert asyncio.run(run()) == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_without_systemd_nothing_is_sent() -> None:
    async def run() -> None:
        Watchdog(None, interval_us=0).start()

    asyncio.run(run())
