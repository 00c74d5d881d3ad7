"""Tells systemd that the service is up and its loop alive: sd_notify(3), without its library.

Does nothing where systemd didn't ask for it (no NOTIFY_SOCKET). A loop that hangs sends nothing and is restarted.
"""

import asyncio
import os
import socket


class Watchdog:
    """Sends at half the interval that systemd gave in WATCHDOG_USEC."""

    def __init__(self, address: str | None, interval_us: int) -> None:
        self._address = address
        self._period_s = interval_us / 2 / 1_000_000

    @classmethod
    def from_environment(cls) -> "Watchdog":
        return cls(os.environ.get("NOTIFY_SOCKET"), int(os.environ.get("WATCHDOG_USEC", "0")))

    def start(self) -> None:
        """Call within the running loop."""
        self._send(b"READY=1")
        if self._address and self._period_s:
            self._again()

    def _again(self) -> None:
        self._send(b"WATCHDOG=1")
        asyncio.get_running_loop().call_later(self._period_s, self._again)

    def _send(self, text: bytes) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            notify.sendto(text, address)
