"""A machine in a folder: files of /proc and /sys by path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def plant(root: Path, files: Mapping[str, str | int | bytes | Path]) -> Path:
    """Write each file below `root`; a Path makes a symbolic link to that path below `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(root / content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(f"{content}\n")
    return root
