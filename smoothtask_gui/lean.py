"""Keeps out of the living app what it would hold for nothing; called before anything large is imported.

Resident memory of the tray app on Debian 12, Python 3.11, PySide6 6.11: the sources of all imported modules, which
PySide's `feature_imported` reads with `inspect.getsource` at each import and `linecache` then keeps (13 MiB); libcrypto
and libssl, which asyncio and hashlib load where they find them (5 MiB; nothing here speaks TLS, and hashlib has its own
SHA and MD5). The app works alike with all of them.
"""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

NEVER_USED: Final = ("ssl", "_hashlib")


def stay_lean() -> None:
    """For the whole process, first thing."""
    sys.meta_path.insert(0, SourceForgetter())
    for name in NEVER_USED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None: as if it weren't installed


class SourceForgetter:
    """Finds no module; but at each import of a new one it drops the sources that the import before left behind."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del fullname, path, target
        linecache.clearcache()
        return None
