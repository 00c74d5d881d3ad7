"""A made-up past for the pictures of `shots.py`: a gap, a broken sensor, long and hostile names, two incidents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from smoothtask_gui.domain.history import answers as past
from smoothtask_gui.domain.history.series import SERIES
from smoothtask_gui.domain.incident import Incident, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.history.question import Question

SECOND_NS = 1_000_000_000


class Past:
    """Answers each question with the same afternoon."""

    def __init__(self, incidents: tuple[Incident, Incident]) -> None:
        self._busy, self._hot = incidents

    def __call__(self, question: Question, answer: Callable[[past.Answer | str], object]) -> None:
        rng = np.random.default_rng(11)
        count = min(question.points, 900)
        width_s = (question.until_s - question.since_s) / count
        start_s = question.since_s + np.arange(count) * width_s
        means = np.full((count, len(SERIES)), np.nan)
        wave = 0.35 + 0.2 * np.sin(np.arange(count) / 37) + rng.normal(0, 0.03, count)
        wave += 0.4 * ((np.arange(count) > count * 0.62) & (np.arange(count) < count * 0.71))
        for name, values in (
            ("cpu_busy_ratio", wave), ("memory_used_bytes", 9e9 + 9e9 * wave), ("memory_total_bytes", 0 * wave + 33e9),
            ("cpu_temperature_c", 45 + 50 * wave),
        ):  # fmt: skip
            means[:, SERIES.index(name)] = values
        means[count // 5 : count // 4, SERIES.index("cpu_temperature_c")] = np.nan
        kept = (np.arange(count) < count * 0.3) | (np.arange(count) > count * 0.42)
        line = past.Line(start_s, np.full(count, width_s), means, means * (1 + rng.pareto(6, count)[:, None] * 0.3))
        line = past.Line(*(part[kept] for part in (line.start_s, line.length_s, line.means, line.peaks)))
        uses = tuple(
            past.AppUse(name, name, share, share * 400, 4e9 * share, 1e8 * share, 2e7, 3e8 * share, None, gpu, 3, ended)
            for name, share, gpu, ended in (
                ("HandBrake", 0.71, 0.4, 0), ("Firefox", 0.12, 0.02, 3), ("make", 0.05, None, 1_837),
                ("A very long name of an application that somebody installed from somewhere", 0.03, None, 0),
                ("<b>bold</b>&amp", 0.01, None, 0), ("Музыка", 0.002, None, 0),
                ("short-lived processes", 0.001, None, 412),
            )
        )  # fmt: skip
        at_ns = round((question.since_s + 0.63 * (question.until_s - question.since_s)) * SECOND_NS)
        over = replace(self._hot, id=77, started_realtime_ns=at_ns, severity=Severity.CRITICAL)
        busy = replace(
            self._hot, id=78, started_realtime_ns=at_ns - round(width_s * 300) * SECOND_NS, title=self._busy.title
        )
        answer(past.Answer(line, uses, 0.079, int(start_s[0]), int(question.until_s), 2_900.0, (busy, over), (), 1, 2))
