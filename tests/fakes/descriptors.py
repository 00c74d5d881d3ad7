"""How many files this process has open, and what it is like to have as many as it may."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    """Until the end every open() of this process fails with EMFILE; what is open goes on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_descriptors() -> int:
    """How many this process has; the one that looks is among them."""
    return len(list(Path("/proc/self/fd").iterdir()))
