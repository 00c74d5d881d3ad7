from __future__ import annotations

import math

from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.domain.alert import Alert
from smoothtask_gui.domain.judging.table import Target
from smoothtask_gui.domain.judging.watched import Look, Watched, draft
from smoothtask_gui.domain.judging.words import shown


def test_what_was_foreseen_stays_the_title_once_there_is_no_end_in_sight() -> None:
    rule = next(rule for rule in shipped_rules().declared if rule.name == "overheating_soon")
    watched = Watched(Alert(rule.timing), Target("", "CPU"), 0)

    def title(limit_in_s: float) -> str:
        series = {"cpu_limit_in_s": limit_in_s, "cpu_temperature_c": 91.0, "cpu_limit_c": 100.0}
        look = Look(91.0, 100.0, math.nan, is_critical=False, blamed=(), series=series)
        return draft(rule, watched, look, 10**9, lambda _: True).title

    foreseen = title(40.0)
    assert foreseen.endswith("in about 40 s")
    assert title(math.inf) == foreseen
    assert title(30.0).endswith("in about 30 s")


def test_a_time_without_end_is_nothing_to_show() -> None:
    assert shown("exhausts_in_s", math.inf) == ""
