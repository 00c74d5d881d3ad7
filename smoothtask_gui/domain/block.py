"""Adjacent columns of one type as one table: what is done to all of them is one vector operation instead of one each.

At one tick a second a vector operation over 1,000 rows costs less than finding its code in cold caches.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt


class Block:
    """The columns `names` of rows of dtype `dtype`. Raises ValueError where they aren't adjacent and of one type."""

    def __init__(self, dtype: np.dtype[np.void], names: tuple[str, ...]) -> None:
        known = dtype.fields or MappingProxyType({})
        fields = [known[name] for name in names]
        kind, begin = fields[0][:2]
        if [field[:2] for field in fields] != [(kind, begin + at * kind.itemsize) for at in range(len(names))]:
            raise ValueError(f"{', '.join(names)} don't stand side by side as columns of one type")
        self.names = names
        self._dtype = np.dtype(
            {"names": ["block"], "formats": [(kind, (len(names),))], "offsets": [begin], "itemsize": dtype.itemsize}
        )

    def of(self, rows: npt.NDArray[np.void]) -> npt.NDArray[Any]:
        """A view of them, shape (len(rows), len(names))."""
        block: npt.NDArray[Any] = rows.view(self._dtype)["block"]
        return block

    def place(self, name: str) -> int:
        """The column of `name`."""
        return self.names.index(name)


def picked(rows: npt.NDArray[np.void], places: npt.NDArray[Any]) -> npt.NDArray[np.void]:
    """`rows[places]`: numpy copies structured rows field by field, opaque ones eight times as fast."""
    chosen: npt.NDArray[np.void] = rows.view(f"V{rows.dtype.itemsize}")[places].view(rows.dtype)
    return chosen
