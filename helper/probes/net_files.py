"""Files of /proc/net, of the network namespace in which the thread was that asked first.

They stay open until `close`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

OWN_NET: Final = Path("/proc/thread-self/net")
MOST_BYTES: Final = 16384


class NetFiles:
    """Opens each when it is first wanted."""

    def __init__(self, folder: Path = OWN_NET) -> None:
        self._folder = folder
        self._fds: dict[str, int] = {}

    def read(self, name: str) -> bytes:
        """The whole file. Raises OSError."""
        if name not in self._fds:
            self._fds[name] = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._fds[name], MOST_BYTES, 0)

    def close(self) -> None:
        for fd in self._fds.values():
            os.close(fd)
        self._fds = {}
