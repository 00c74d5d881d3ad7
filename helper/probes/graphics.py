"""What the probes of graphics cards have in common: their programs are in the kernel only while a card is awake.

A card's state is read from power/runtime_status, which wakes nobody (Documentation/ABI/testing/sysfs-devices-power).
The probe is open as soon as there is a card; while all sleep it is dormant: it holds nothing, has no tables, says so.
"""

from __future__ import annotations

import errno
import re
import time
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.probes.activity import ActivityProbe
from helper.probes.probe import ProbeCost

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.loaders.libbpf import Libbpf
    from helper.probes.activity import Table

CARD: Final = re.compile(r"card\d+")
ASLEEP: Final = frozenset({"suspended", "suspending"})
LOOK_EVERY_S: Final = 5.0
DORMANT_AFTER_S: Final = 60.0
ALL_SLEEP: Final = "every graphics card sleeps; it is loaded when one wakes up"
NO_TRACEPOINT: Final = frozenset({errno.ENOENT, errno.ESRCH})


class Cards:
    """The machine's graphics cards, as sysfs shows them."""

    def __init__(self, sysfs_root: Path = Path("/sys")) -> None:
        self._folder = sysfs_root / "class/drm"

    def awake(self) -> bool | None:
        """Whether any is; None if there is no card. One whose state can't be read can't sleep."""
        try:
            cards = [path for path in self._folder.iterdir() if CARD.fullmatch(path.name)]
        except OSError:
            return None
        return any(_state(card) not in ASLEEP for card in cards) if cards else None


def _state(card: Path) -> str:
    try:
        return (card / "device/power/runtime_status").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class CardProbe(ActivityProbe):
    """A probe that is in the kernel while a card is awake, and a minute longer; `tracepoint` is named when it lacks."""

    tracepoint = ""

    def __init__(self, door: Libbpf, cards: Cards | None = None, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(door)
        self._cards = cards or Cards()
        self._clock_s = clock_s
        self._looked_s = self._awake_s = float("-inf")

    def open(self) -> None:
        awake = self._cards.awake()
        if awake is None:
            hint = "the kernel shows no graphics card here (usual in virtual machines)"
            raise LoaderError(self.name, "hardware", 0, hint=hint)
        self._looked_s = self._clock_s()
        if awake:
            self._wake()

    def cost(self) -> ProbeCost:
        return super().cost() if self._object is not None else ProbeCost(None, None, 0, waits_for=ALL_SLEEP)

    def tables(self) -> tuple[Table, ...]:
        """None while dormant. Raises LoaderError."""
        self._follow_cards()
        return () if self._object is None else self._tables()

    def forget_idle(self) -> None:
        if self._object is not None:
            self._forget_idle()

    @abstractmethod
    def _tables(self) -> tuple[Table, ...]:
        """Of a probe that is in the kernel."""

    def _forget_idle(self) -> None:
        """Likewise; for those whose rows don't go by themselves."""

    def _follow_cards(self) -> None:
        now_s = self._clock_s()
        if now_s < self._looked_s + LOOK_EVERY_S:
            return
        self._looked_s = now_s
        if self._cards.awake():
            self._wake()
        elif self._object is not None and now_s >= self._awake_s + DORMANT_AFTER_S:
            self.close()

    def _wake(self) -> None:
        self._awake_s = self._clock_s()
        if self._object is not None:
            return
        try:
            super().open()
        except LoaderError as error:
            if error.errno not in NO_TRACEPOINT or error.step != "attach":
                raise
            hint = f"this kernel has no tracepoint {self.tracepoint}"
            raise LoaderError(self.name, "attach", error.errno, error.log_tail, hint) from error
