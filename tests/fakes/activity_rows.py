"""A row of each table that hooks fill, growing with `second`: one process, one disk, one of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from smoothtask_gui.domain.activity import TABLES, Activity
from smoothtask_gui.domain.network import BLOCK_IO

if TYPE_CHECKING:
    import numpy.typing as npt

CONSTANT: Final[dict[str, Any]] = {
    "pid": 10, "uid": 1000, "start_ns": 5, "first_ns": 6, "comm": b"busy", "number": 1, "major": 8, "type": b"ext4",
}  # fmt: skip


def full_activity(second: int = 1) -> Activity:
    """Each counter is 1,000 times `second`; of histograms all of it is in slot 10."""
    return Activity(**{name: _row(dtype, second) for name, dtype in TABLES})


def disk_row(second: int = 1) -> npt.NDArray[np.void]:
    row = _row(BLOCK_IO, second)
    row["operation"] = 2
    return row


def _row(dtype: np.dtype[np.void], second: int) -> npt.NDArray[np.void]:
    row = np.zeros(1, dtype)
    for name in dtype.names or ():
        if name in CONSTANT and (dtype[name].kind == "S") is isinstance(CONSTANT[name], bytes):
            row[name] = CONSTANT[name]
        elif dtype[name].shape:
            row[name][0, 10] = 1000 * second
        elif dtype[name] == np.dtype("u8"):
            row[name] = 1000 * second
    return row
