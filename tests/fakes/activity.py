"""A stand-in for an activity probe: one table that the test decides on."""

from dataclasses import dataclass

from helper.loaders.errors import LoaderError
from helper.probes.activity import Table, Whose
from helper.probes.probe import ProbeCost


@dataclass
class FakeActivity:
    """Raises LoaderError while `broken`. Notes how often it was opened, read and closed."""

    name: str = "syscalls"
    section: int = 19
    rows: bytes = bytes(16)
    lost_count: int = 0
    broken: bool = False
    opened: int = 0
    closed: int = 0
    forgotten: int = 0
    read: int = 0
    waits_for: str = ""
    way: str = ""

    def open(self) -> None:
        self.opened += 1
        self._break()

    def close(self) -> None:
        self.closed += 1

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 4096, waits_for=self.waits_for, way=self.way)

    def tables(self) -> tuple[Table, ...]:
        self._break()
        self.read += 1
        return (Table(self.section, 16, self.rows, Whose.EVERYBODYS),)

    def lost(self) -> int:
        return self.lost_count

    def forget_idle(self) -> None:
        self._break()
        self.forgotten += 1

    def _break(self) -> None:
        if self.broken:
            raise LoaderError(self.name, "read", 5, "the verifier's last line")
