import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.domain.text import duration, elide, one_line, percent, safe_text, size, three_digits


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"firefox", "firefox"),
        (b"a\nb\x1b[31m\x00", r"a\x0ab\x1b[31m\x00"),
        ("a\u202eb\u2028\u200b", r"a\u202eb\u2028\u200b"),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        ("<b>&amp;", "<b>&amp;"),
        ("\U000e0041\ud800", r"\U000e0041\ud800"),
    ],
)
def test_what_could_harm_a_sink_is_shown_as_an_escape(raw: str | bytes, shown: str) -> None:
    assert safe_text(raw) == shown


@given(st.text() | st.binary())
def test_any_text_becomes_one_bounded_printable_line(raw: str | bytes) -> None:
    shown = safe_text(raw)
    assert len(shown.encode()) <= 256
    assert shown.isprintable() or all(character.isspace() or character.isprintable() for character in shown)
    assert len(shown.splitlines()) <= 1


def test_a_very_long_name_is_cut_and_says_so() -> None:
    shown = safe_text("é" * 4096)
    assert len(shown.encode()) <= 256
    assert shown.endswith("…")


def test_several_lines_become_one_and_what_else_is_unprintable_stays_for_the_sink() -> None:
    assert one_line(" a \n\nb\r\n") == "a; b"
    assert one_line("a\x1b[2J") == "a\x1b[2J"


def test_a_name_is_elided_in_its_middle() -> None:
    assert elide("chromium-browser", 9) == "chro…wser"
    assert elide("short", 9) == "short"
    assert elide("anything", 1) == "…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (3.926, "3.93"), (1.0, "1"), (0.98765, "0.988"), (12.34, "12.3"), (1234.5, "1230"), (9.999, "10")],
)
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert three_digits(value) == shown


def test_units_are_chosen_by_size() -> None:
    assert size(410_000_000) == "410 MB"
    assert size(3.1e9) == "3.1 GB"
    assert size(999_900) == "1 MB"
    assert size(12) == "12 B"
    assert size(2**63) == "9220000 TB"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(8, "8 s"), (130, "2 min 10 s"), (360, "6 min"), (11100, "3 h 5 min"), (187200, "2 d 4 h"), (-5, "0 s")],
)
def test_durations_are_said_in_their_two_largest_units(seconds: int, shown: str) -> None:
    assert duration(seconds * 10**9) == shown


def test_a_small_share_is_not_nothing() -> None:
    assert percent(0.001) == "<1 %"
    assert percent(0.714) == "71 %"
    assert percent(math.nan) == "? %"


def test_kernel_threads_and_forced_idling_are_named_as_what_they_are() -> None:
    assert process_name(b"kswapd0", is_kernel=True) == "kernel (kswapd0)"
    assert process_name(b"idle_inject/3", is_kernel=True) == "forced idle (cooling)"
    assert process_name(b"kidle_inj/12", is_kernel=True) == "forced idle (cooling)"
    assert process_name(b"idle_inject/3", is_kernel=False) == "idle_inject/3"
    assert process_name(b"", is_kernel=False) == "(no name)"
