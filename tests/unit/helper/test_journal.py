"""Whatever a caller calls itself, the journal gets one harmless line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helper.bus import journal


@given(st.text())
def test_escaped_text_is_one_printable_line(text: str) -> None:
    shown = journal.escaped(text)
    assert shown.splitlines() in ([], [shown])
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in shown)


@pytest.mark.parametrize("hostile", ["a\nb", "\x1b[2J", "\u202egpj.exe", "\u2066", "\u2028", "\x00", "\x85", "\udcff"])
def test_line_breaks_escape_codes_and_bidi_controls_are_shown_as_numbers(hostile: str) -> None:
    assert "\\u" in journal.escaped(hostile)
    journal.escaped(hostile).encode()


def test_a_line_is_bounded() -> None:
    assert len(journal.escaped("x" * 100_000)) == 4000


def test_ordinary_words_stay_as_they_are() -> None:
    assert journal.escaped("Übermut «kworker/0:1»") == "Übermut «kworker/0:1»"
