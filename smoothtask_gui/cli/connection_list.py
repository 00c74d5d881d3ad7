"""What both lists of `smoothtask connections` share: how they are printed, and one's own without the helper."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import psutil  # type: ignore[import-untyped]  # ships no types

from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


T = TypeVar("T")


def print_objects(objects: Iterable[Mapping[str, object]]) -> None:
    """One JSON object a line."""
    for each in objects:
        print(json.dumps(each, allow_nan=False))


def print_table(heading: str, lines: Iterable[str]) -> None:
    """Cut off at the terminal's edge, if it is one."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(line[:columns] for line in (heading, *lines)))


def own(kind: str, path: str, convert: Callable[[Any, bytes | None], T]) -> list[T]:
    """Those whose descriptors psutil may read, each with its process's name (None if it has gone).

    `kind` as psutil has it; `path` is what it reads. Raises Failure.
    """
    try:
        found = psutil.net_connections(kind=kind)
    except (psutil.Error, OSError, RuntimeError) as error:
        raise Failure(f"{path} can't be read: {error}") from error
    return [convert(each, _comm(each.pid)) for each in found if each.pid]


def _comm(pid: int) -> bytes | None:
    try:
        return files.read_bytes(f"/proc/{pid}/comm").rstrip(b"\n")
    except OSError:  # gone meanwhile
        return None
