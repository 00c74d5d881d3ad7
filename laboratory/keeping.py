"""How recordings are kept: as xz files, whose packer sees what one tick has in common with the next, and their labels.

A recording's own format packs item by item, so that a crash loses one at most; what ships has no crash to fear.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import lzma
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources.recording import laid_open

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS: Final = Path(__file__).with_name("recordings")
MOST_BYTES: Final = 10 << 20
"""Of all recordings that ship."""


@dataclass(frozen=True, slots=True)
class Label:
    """When a situation's actors began and ended, of boot time; equal if it has none."""

    began_ns: int
    ended_ns: int


def kept(name: str, folder: Path = RECORDINGS) -> Path:
    """Where a situation's recording lies."""
    return folder / f"{name}.strec.xz"


def keep(recording: bytes, label: Label, name: str, folder: Path = RECORDINGS) -> int:
    """Put a recording and its label into `folder`; returns the bytes it takes there. Raises OSError."""
    packed = lzma.compress(laid_open(recording), preset=9 | lzma.PRESET_EXTREME)
    kept(name, folder).write_bytes(packed)
    (folder / f"{name}.json").write_text(json.dumps(dataclasses.asdict(label)) + "\n")
    return len(packed)


@contextlib.contextmanager
def unpacked(name: str, folder: Path = RECORDINGS) -> Iterator[Path]:
    """A recording as its reader wants it, for as long as the context lasts. Raises OSError or lzma.LZMAError."""
    with tempfile.NamedTemporaryFile(suffix=".strec") as file:
        file.write(lzma.decompress(kept(name, folder).read_bytes()))
        file.flush()
        yield Path(file.name)


def label_of(name: str, folder: Path = RECORDINGS) -> Label:
    """The label beside the recording. Raises OSError or ValueError."""
    return Label(**json.loads((folder / f"{name}.json").read_text()))


def all_bytes(folder: Path = RECORDINGS) -> int:
    """What all recordings take."""
    return sum(each.stat().st_size for each in folder.glob("*.strec.xz"))
