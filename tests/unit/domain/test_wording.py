from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.heat import Heat
from smoothtask_gui.domain.incident import ProcessIdentity, Severity, Share
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.domain.wording import (
    heat_body,
    heat_resolved_title,
    heat_title,
    oom_title,
    shares_line,
)
from tests.fakes.batches import SECOND

HOT = Heat("cpu", "key", "CPU", 96.4, 95.0, 100.0, "critical limit", False, True, False, holds=True)


def culprits(*shares: tuple[str, float], busy_cores: float = 3.0, window_s: int = 60) -> Culprits:
    who = ProcessIdentity(1, 2, 1000, "x")
    rest = 1 - sum(ratio for _, ratio in shares)
    return Culprits(tuple(Share(name, ratio, who) for name, ratio in shares), rest, window_s * SECOND, busy_cores)


def test_heat_says_the_fact_and_then_the_name() -> None:
    assert heat_title(HOT, culprits(("HandBrake", 0.71))) == "CPU at 96 °C: HandBrake is heating it"
    assert heat_title(HOT, culprits(("HandBrake", 0.19))) == "CPU at 96 °C: no single app stands out"
    assert heat_title(HOT, culprits(("HandBrake", 0.9), busy_cores=0.1)) == "CPU at 96 °C though hardly busy"
    assert heat_title(HOT, Culprits()) == "CPU at 96 °C, critical limit 100 °C"


def test_the_shares_say_their_window_and_method() -> None:
    line = shares_line(culprits(("HandBrake", 0.71), ("Firefox", 0.12)))
    assert (
        line == "HandBrake 71 %, Firefox 12 %, the rest 17 % of CPU use in the last minute (estimated from CPU time)."
    )
    assert "in the last 12 s" in shares_line(culprits(("a", 1.0), window_s=12))
    assert shares_line(Culprits()) == "Who used the CPU isn't known yet."
    assert shares_line(culprits()) == "the rest 100 % of CPU use in the last minute (estimated from CPU time)."


def test_throttling_is_said_with_its_time() -> None:
    assert heat_body(HOT, culprits(("a", 1.0)), 8 * SECOND).endswith("Its critical limit is 100 °C. Throttled for 8 s.")
    assert heat_body(HOT, None, 0) == "Its critical limit is 100 °C. It is being throttled."
    assert heat_body(replace(HOT, limit_c=None), None, None) == ""


def test_cooling_down_says_to_what_and_after_how_long() -> None:
    cool = replace(HOT, temperature_c=71.2)
    assert heat_resolved_title(cool, "CPU", 130 * SECOND, unknown=False) == "CPU cooled down to 71 °C after 2 min 10 s"
    assert heat_resolved_title(None, "CPU", 130 * SECOND, unknown=False) == "CPU cooled down after 2 min 10 s"


def test_near_a_critical_limit_is_critical_and_throttling_alone_a_warning() -> None:
    assert HOT.severity is Severity.CRITICAL
    assert replace(HOT, is_over=False, throttled=True).severity is Severity.WARNING
    assert replace(HOT, limit_name="limit").severity is Severity.WARNING


@given(st.text(max_size=300) | st.binary(max_size=16), st.integers(0, 10**18))
def test_no_name_and_no_number_makes_a_title_too_long(raw: str | bytes, lasted_ns: int) -> None:
    name = safe_text(raw)
    titles = [
        heat_title(HOT, culprits((name, 0.9))),
        heat_title(replace(HOT, name=name), None),
        heat_resolved_title(HOT, name, lasted_ns, unknown=False),
        heat_resolved_title(HOT, name, lasted_ns, unknown=True),
        oom_title(name, lasted_ns),
    ]
    assert all(0 < len(title) <= 60 for title in titles)


@pytest.mark.parametrize("name", ["{name}", "{0}", "%s", "{"])
def test_a_name_that_looks_like_a_template_is_shown_as_it_is(name: str) -> None:
    assert name in heat_title(HOT, culprits((name, 0.9)))
    assert name in oom_title(name, 5)
    assert name in heat_title(replace(HOT, name=name), None)
