import math
from collections.abc import Callable

import pytest
from PySide6.QtCore import QLocale

from smoothtask_gui.ui import formats

pytestmark = pytest.mark.usefixtures("qapp")


def plain(text: str) -> str:
    return text.replace(formats.SPACE, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (1.234, "1.23"),
        (9.999, "10.0"),
        (12.34, "12.3"),
        (99.96, "100"),
        (1234.4, "1234"),
        (-0.001, "0.00"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert formats.digits(value) == text


@pytest.mark.parametrize("write", [formats.digits, formats.percent, formats.celsius, formats.size, formats.rate,
                                   formats.duration, formats.tenths])  # fmt: skip
@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_what_is_missing_is_a_dash_and_never_zero(write: Callable[[float | None], str], missing: float | None) -> None:
    assert write(missing) == formats.MISSING


@pytest.mark.parametrize(
    ("ratio", "text"), [(0, "0 %"), (0.034, "3.4 %"), (0.342, "34 %"), (1.0, "100 %"), (3.92, "392 %")]
)
def test_a_ratio_is_written_in_percent(ratio: float, text: str) -> None:
    assert plain(formats.percent(ratio)) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0 B"), (512, "512 B"), (999_600, "1.00 MB"), (9.13e9, "9.13 GB"), (3e16, "30000 TB")]
)
def test_sizes_take_the_unit_that_fits(size_bytes: float, text: str) -> None:
    assert plain(formats.size(size_bytes)) == text


def test_used_and_total_share_one_unit() -> None:
    assert plain(formats.size_of(9.1e9, 31e9)) == "9.10 of 31.0 GB"
    assert plain(formats.size_of(512e6, 31e9)) == "0.51 of 31.0 GB"


def test_two_rates_share_the_larger_ones_unit() -> None:
    assert plain(formats.rate_pair(3.1e6, 2e5, "↓ {} ↑ {}")) == "↓ 3.10 ↑ 0.20 MB/s"
    assert plain(formats.rate_pair(3.1e6, None, "{} / {}")) == "3.10 / — MB/s"
    assert formats.rate_pair(None, None, "{} / {}") == formats.MISSING


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (8, "8 s"), (60, "1 min"), (130, "2 min 10 s"), (3900, "1 h 5 min"), (277_200, "3 d 5 h")],
)
def test_a_duration_is_its_two_largest_units(seconds: float, text: str) -> None:
    assert plain(formats.duration(seconds)) == text


def test_the_decimal_sign_is_the_languages_own() -> None:
    QLocale.setDefault(QLocale(QLocale.Language.Russian))
    assert plain(formats.rate(3.1e6)) == "3,10 MB/s"


def test_a_name_stays_on_one_line_and_hides_nothing() -> None:
    shown = formats.name(b"new\nline\x1b[31m\xe2\x80\xae<b>")
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.endswith("<b>")


def test_an_endless_name_is_bounded() -> None:
    assert len(formats.name("x" * 10_000_000)) <= formats.NAME_LIMIT_BYTES


def test_a_tooltip_with_markup_is_shown_as_it_is_written() -> None:
    assert "&lt;b&gt;" in formats.tooltip("<b>bold</b>")
    assert "&amp;lt;" in formats.tooltip("&lt;")
    assert formats.tooltip("plain") == "plain"


def test_an_ampersand_in_a_menu_is_no_mnemonic() -> None:
    assert formats.label("a&b") == "a&&b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (2e-9, "2 ns"), (999e-9, "999 ns"), (1.024e-6, "1.02 µs"), (0.0336, "33.6 ms"), (1.07, "1.07 s")],
)
def test_short_times_are_in_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert plain(formats.brief(seconds)) == text


def test_a_number_stays_on_its_side_of_a_name_from_right_to_left() -> None:
    assert formats.apart("firefox") == "firefox"
    assert formats.apart("Музыка") == "Музыка"
    arabic = "\u0628\u0631\u0646\u0627\u0645\u062c"
    assert formats.apart(arabic) == f"\u2068{arabic}\u2069"
