"""Which frames are still held by readers, so that nobody fills the service's memory by keeping them.

A memfd's pages are charged to us until the last descriptor is closed, and there is no call that tells who holds one.
But a write lease is granted only to the one who has a file open all alone (check_conflicting_open(), fs/locks.c). So
readers get a descriptor from an open(2) of its own, which counts, we keep a read-only one, and ask. A reader that
opens the frame anew and read-only is seen only by kernels with CONFIG_IMA (i_readcount, include/linux/fs.h), as
distributions build them; others bound it by MemoryMax.
"""

import fcntl
import os
from collections import defaultdict
from typing import Final

from helper.probes.visibility import Visibility
from helper.sampler.frames import Frame

PER_STREAM: Final = 2  # as many as may lie unread in its socket
SPARE: Final = 4  # of a class: for readers that look at a frame while the next one comes
MOST_BYTES: Final = 48 * 1024 * 1024  # of all classes; MemoryMax is 128 MiB, the process itself takes 32


class KeptFrames:
    """The frames that were handed out and, as of the last `sweep`, are still held."""

    def __init__(self) -> None:
        self._kept: defaultdict[Visibility, list[tuple[int, int]]] = defaultdict(list)
        self.byte_count = 0

    def note(self, visibility: Visibility, frame: Frame) -> None:
        """`frame` is about to be handed to readers of that class."""
        watch = os.open(f"/proc/self/fd/{frame.descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        self._kept[visibility].append((watch, frame.byte_count))
        self.byte_count += frame.byte_count

    def has_room(self, visibility: Visibility, stream_count: int) -> bool:
        """Whether readers of that class, with so many streams, may be given another frame."""
        kept = len(self._kept[visibility])
        return kept < PER_STREAM * stream_count + SPARE and (self.byte_count < MOST_BYTES or kept < PER_STREAM)

    def sweep(self) -> None:
        """Lets go of all that nobody else holds."""
        for visibility, frames in list(self._kept.items()):
            held = [(watch, byte_count) for watch, byte_count in frames if _is_held(watch)]
            if held:
                self._kept[visibility] = held
            else:
                del self._kept[visibility]
            self._close(set(frames) - set(held))

    def close(self) -> None:
        for frames in self._kept.values():
            self._close(set(frames))
        self._kept.clear()

    def _close(self, frames: set[tuple[int, int]]) -> None:
        for watch, byte_count in frames:
            os.close(watch)
            self.byte_count -= byte_count


def _is_held(watch: int) -> bool:
    """If it isn't, `watch` has the lease until it is closed."""
    try:
        fcntl.fcntl(watch, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError:
        return True
    return False
