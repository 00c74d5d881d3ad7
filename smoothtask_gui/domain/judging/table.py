"""What a tick says of the targets of one scope: a row each, a column a series."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.judging.expression import Floats

Key = Hashable
Made = TypeVar("Made")
COMM_BYTES: Final = 15


@dataclass(frozen=True, slots=True)
class Target:
    """Who or what a row is about."""

    subject: str  # as `Incident.subject`
    name: str  # safe to show
    identity: ProcessIdentity | None = None
    parent: str = ""
    aliases: tuple[str, ...] = ()  # other names by which an ignore list may mean it
    started_ns: int | None = None  # boot time; None for what isn't started, such as a disk
    app_id: str = ""  # of the app that it is, or is a process of; "" for what belongs to none

    def is_called(self, names: Sequence[str]) -> bool:
        """Whether one of these means it; the kernel keeps COMM_BYTES of a process's name."""
        if not names:
            return False
        cut = {safe_text(name.encode(errors="surrogateescape")[:COMM_BYTES]) for name in names}
        return self.name in names or not cut.isdisjoint(self.aliases)


class Rows(Protocol):
    """Finds rows again from tick to tick."""

    def __len__(self) -> int: ...

    def key(self, row: int) -> Key:
        """What stays the same for this target."""

    def find(self, key: Key) -> int | None:
        """The row of a target, None if it is gone."""

    def target(self, row: int, by: str = "") -> Target:
        """Who it is; of several processes the one with most of the series `by`, if they have it."""

    def lasting(self, row: int, series: str, since_ns: int) -> float | None:
        """The part of a series by what has been there since then; None for a target of one piece."""


class Columns(Mapping[str, "Made | float"], Generic[Made]):
    """Series by name, each made when somebody first asks: one or two decide most rules. `beside`: one value for all."""

    def __init__(self, makers: Mapping[str, Callable[[], Made]], beside: Mapping[str, float]) -> None:
        self._makers, self._beside = makers, beside
        self._made: dict[str, Made] = {}

    def __getitem__(self, name: str) -> Made | float:
        return self.of_rows(name) if name in self._makers else self._beside[name]

    @property
    def made_of_rows(self) -> Collection[str]:
        """The names of the series that have a value for each row."""
        return self._makers.keys()

    def of_rows(self, name: str) -> Made:
        """A series that has a value for each row. Raises KeyError."""
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = self._makers[name]()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter({**self._beside, **self._makers})

    def __len__(self) -> int:
        return len(self._beside.keys() | self._makers.keys())


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` have shape (len(rows),), or are one number for all."""

    rows: Rows
    columns: Mapping[str, Floats | float]
    reason: str = ""  # why there are no rows
    is_read: bool = True  # False: nobody knows whether there are targets; what was there isn't known to be gone


@dataclass(frozen=True, slots=True)
class Named:
    """A few rows, known by name: disks, sensors, fans; or the machine, the one row named ""."""

    targets: Sequence[Target]

    def __len__(self) -> int:
        return len(self.targets)

    def key(self, row: int) -> Key:
        return self.targets[row].subject

    def find(self, key: Key) -> int | None:
        return next((row for row, target in enumerate(self.targets) if target.subject == key), None)

    def target(self, row: int, by: str = "") -> Target:  # noqa: ARG002 - these are of one piece
        return self.targets[row]

    def lasting(self, row: int, series: str, since_ns: int) -> float | None:
        """Nothing: these are of one piece."""
