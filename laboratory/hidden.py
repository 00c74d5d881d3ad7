"""Below which part the apps that are seen are no longer the cause, where others are hidden: weighed on the recordings.

Two minutes of different situations are thought to happen at once, one seen, the other another user's and hidden (or two
or three hidden ones). Who used most of the CPU time is then known, and so how often a ratio would name the wrong side:
hidden processes though the busiest app is a seen one, or a seen one though it is hidden. Deterministic.
"""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from laboratory.keeping import label_of, unpacked
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.cli.alerts import judge
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.culprit import BLAME_CORES, HIDDEN
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.store import Store
from smoothtask_gui.sources.recording import RecordingReader

if TYPE_CHECKING:
    from collections.abc import Sequence

RATIOS: Final = (0.25, 1 / 3, 0.4, 0.45, 0.5, 0.55, 0.6)
MOST_HIDDEN: Final = 3
DRAWS: Final = 20_000
MINUTE_NS: Final = 60_000_000_000
APPS: Final = 64


@dataclass(frozen=True, slots=True)
class Minute:
    """Cores that the seen apps of a recording used, and the busiest of them alone."""

    all_cores: float
    first_cores: float


def weigh(names: Sequence[str], cores: int) -> str:
    """A line a ratio: of how many in a hundred cases it names the wrong side, with one to MOST_HIDDEN hidden users."""
    with ProcessPoolExecutor(max_workers=cores) as workers:
        found = [minutes for minutes in workers.map(minutes_of, names) if minutes]
    first = [minute.first_cores / minute.all_cores for minutes in found for minute in minutes]
    lines = [f"the busiest app's part of {len(first)} busy minutes, median: {sorted(first)[len(first) // 2]:.2f}"]
    for ratio in RATIOS:
        wrong = [f"{100 * wrong_ratio(found, hidden, ratio):5.1f} %" for hidden in range(1, MOST_HIDDEN + 1)]
        lines.append(f"seen below {ratio:.2f}: wrong {', '.join(wrong)}")
    return "\n".join(lines)


def minutes_of(name: str) -> list[Minute]:
    """The busy minutes of a recording, from the actors' start on."""
    store = Store()
    monitor = Monitor(shipped_rules(), store)
    next_ns = label_of(name).began_ns + MINUTE_NS
    found = []
    with unpacked(name) as recording:
        for item in RecordingReader(recording).items():
            judge(monitor, item)
            if isinstance(item, Batch) and item.boottime_ns >= next_ns:
                next_ns = item.boottime_ns + MINUTE_NS
                culprits = store.culprits(item.boottime_ns, MINUTE_NS, APPS)
                seen = [share.ratio for share in culprits.shares if share.app_id != HIDDEN.app_id]
                busy_cores = culprits.busy_cores or 0.0
                if busy_cores * sum(seen) >= BLAME_CORES:
                    found.append(Minute(busy_cores * sum(seen), busy_cores * max(seen)))
    return found


def wrong_ratio(situations: Sequence[Sequence[Minute]], hidden: int, ratio: float) -> float:
    """How often `ratio` names the wrong side where so many users are hidden, 0..1."""
    chance = random.Random(hidden)  # noqa: S311 - draws that are the same every time, nothing secret
    wrong = 0
    for _ in range(DRAWS):
        seen, *others = (chance.choice(minutes) for minutes in chance.sample(situations, hidden + 1))
        hidden_cores = sum(other.all_cores for other in others)
        names_hidden = seen.all_cores < ratio * (seen.all_cores + hidden_cores)
        wrong += names_hidden != (max(other.first_cores for other in others) > seen.first_cores)
    return wrong / DRAWS
