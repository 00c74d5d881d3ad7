"""A stand-in for an activity probe: one table that the test decides on."""

from dataclasses import dataclass, field

from helper.loaders.errors import LoaderError
from helper.probes.activity import Table
from helper.probes.probe import ProbeCost
from helper.probes.visibility import Visibility


@dataclass
class FakeActivity:
    """Raises LoaderError while `broken`. Notes how often it was opened and closed, and who asked."""

    name: str = "syscalls"
    section: int = 19
    rows: bytes = bytes(16)
    lost_count: int = 0
    broken: bool = False
    opened: int = 0
    closed: int = 0
    forgotten: int = 0
    asked: list[Visibility] = field(default_factory=list)

    def open(self) -> None:
        self.opened += 1
        self._break()

    def close(self) -> None:
        self.closed += 1

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 4096)

    def tables(self, visibility: Visibility) -> tuple[Table, ...]:
        self._break()
        self.asked.append(visibility)
        return (Table(self.section, 16, self.rows),)

    def lost(self) -> int:
        return self.lost_count

    def forget_idle(self) -> None:
        self._break()
        self.forgotten += 1

    def _break(self) -> None:
        if self.broken:
            raise LoaderError(self.name, "read", 5, "the verifier's last line")
