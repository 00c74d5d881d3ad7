"""One measured promise, and how it is written down. All figures of a row come from one run on one machine."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Sense = Literal["at most", "at least", "for comparison"]


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` in `unit`, to be `sense` `reach`; measured is None where it could not be, and `note` says why."""

    name: str
    measured: float | None
    unit: str
    sense: Sense = "for comparison"
    reach: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the promise is kept; None for a comparison."""
        if self.reach is None or self.sense == "for comparison":
            return None
        if self.measured is None:
            return False
        return self.measured <= self.reach if self.sense == "at most" else self.measured >= self.reach


def as_json(rows: Iterable[Row]) -> str:
    """The rows as JSON Lines, `met` included."""
    return "".join(json.dumps(asdict(row) | {"met": row.met}) + "\n" for row in rows)


def from_json(text: str) -> list[Row]:
    """What as_json wrote."""
    found = []
    for line in text.splitlines():
        fields = json.loads(line)
        del fields["met"]
        found.append(Row(**fields))
    return found


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> str:
    """The rows for people."""
    lines = [("what", "measured", "to reach", "", "")]
    for row in rows:
        target = (
            "" if row.reach is None else f"{'≤' if row.sense == 'at most' else '≥'} {_figure(row.reach)} {row.unit}"
        )
        word = {True: "met", False: "NOT met", None: ""}[row.met]
        lines.append((row.name, f"{_figure(row.measured)} {row.unit}", target, word, row.note))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), line[1].rjust(widths[1]), line[2].rjust(widths[2]), line[3].ljust(7), line[4]]
        )
        for line in lines
    )
