from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.activity_rates import (
    ActivityRates,
    CallerRates,
    FileSystemRates,
    FileUserRates,
    RunQueueRates,
    SyscallRates,
)
from smoothtask_gui.domain.activity_reading import ActivityReading, Others
from smoothtask_gui.domain.own_cost import ProbeCost, ProbeUse
from smoothtask_gui.domain.unix_sockets import UnixHolding
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.activity_page import FILES, RUN_QUEUE, SYSCALLS, UNIX_SOCKETS, ActivityPage, Parts
from smoothtask_gui.ui.histogram import FIRST_SLOT
from smoothtask_gui.ui.rows_model import RowsModel
from tests.ui import samples

RATES = ActivityRates(
    run_queue=RunQueueRates(1500.0, 30.5, 16.4, 2097.2, (0.0,) * 10 + (900.0, 600.0) + (0.0,) * 20),
    callers=(CallerRates(7, 1, "calm", 10.0, 0.0, 0.01), CallerRates(8, 1, "<b>busy</b>", 120_000.0, 3.0, 0.5)),
    syscalls=(SyscallRates(None, 5.0, 0.0, None, None, None), SyscallRates(99_999, 90.0, 0.0, 1.0, 2.05, 4.1)),
    file_users=(FileUserRates(0, 0, "", 1.0, 1e6, 0.0, 0.0, 0.0), FileUserRates(9, 1, "git", 5.0, 2e6, 5e5, 2.0, 0.02)),
    file_systems=(FileSystemRates(8, 1, "ext4", 6.0, 3e6, 5e5, 2.0, 8388.6, 16777.2, "/home/<b>\u202e"),),
    unix_holders=(UnixHolding(5, 1, "few", 2, 1, 0), UnixHolding(6, 1, "<i>many</i>", 4021, 3, 17)),
)
COST = ProbeUse(ProbeCost("syscalls", "running", "", 9, 900, 135_000), 1200.0, 0.021)


class Asked:
    """What the page wished to be counted."""

    def __init__(self) -> None:
        self.parts: list[Parts] = []
        self.others: list[Others] = []

    def __call__(self, parts: Parts, others: Others, answer: object) -> None:
        self.parts.append(parts)
        self.others.append(others)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def page(qtbot: QtBot, asked: Asked) -> ActivityPage:
    made = ActivityPage(asked)
    made.resize(900, 600)
    qtbot.addWidget(made)
    made.show_view(samples.view(samples.sample()))
    with qtbot.waitExposed(made):
        made.show()
    return made


def cells(model: RowsModel, row: int) -> list[str]:
    return [str(model.index(row, column).data()).replace(formats.SPACE, " ") for column in range(model.columnCount())]


def test_nothing_is_counted_before_the_person_asks(page: ActivityPage, asked: Asked) -> None:
    assert asked.parts == []
    assert "Nothing is counted now" in page.empty.text()
    assert not page.sheet.isVisible()


def test_a_switch_asks_for_its_part_and_shows_its_section_only(page: ActivityPage, asked: Asked) -> None:
    page.switches[SYSCALLS].click()
    page.switches[RUN_QUEUE].click()
    assert asked.parts == [frozenset({SYSCALLS}), frozenset({SYSCALLS, RUN_QUEUE})]
    assert page.sections[SYSCALLS].isVisible()
    assert not page.sections[FILES].isVisible()
    page.switches[SYSCALLS].click()
    page.switches[RUN_QUEUE].click()
    assert asked.parts[-1] == frozenset()
    assert page.empty.isVisible()


def test_it_ends_when_the_tab_is_left_and_begins_anew_when_it_is_back(page: ActivityPage, asked: Asked) -> None:
    page.switches[FILES].click()
    page.hide()
    assert asked.parts[-1] == frozenset()
    page.show_reading(ActivityReading(RATES))
    assert page.file_users.rowCount() == 0, "an answer that was on its way is late"
    page.show()
    assert asked.parts[-1] == {FILES}


def test_what_was_counted_before_a_part_was_off_is_not_shown_when_it_is_on_again(page: ActivityPage) -> None:
    for switch in page.switches.values():
        switch.click()
    page.show_reading(ActivityReading(RATES))
    shown = (page.caller_view, page.syscall_view, page.system_view, page.unix_view, page.waits, page.histogram)
    assert all(part.isVisible() for part in shown)
    for _ in ("off", "on"):
        for switch in page.switches.values():
            switch.click()
    assert all(section.isVisible() for section in page.sections.values())
    assert not any(part.isVisible() for part in shown)
    page.show_reading(ActivityReading(RATES))
    assert all(part.isVisible() for part in shown)


def test_a_part_in_which_nothing_happens_says_so_once_that_is_known(page: ActivityPage) -> None:
    for name in (SYSCALLS, FILES, UNIX_SOCKETS):
        page.switches[name].click()
        page.show_reading(ActivityReading(ActivityRates()))
        assert not page.nothing[name].isVisible()
    page.show_reading(ActivityReading(replace(RATES, callers=(), syscalls=None, file_users=(), file_systems=())))
    visible = [name for name in page.nothing if page.nothing[name].isVisible()]
    assert visible == [SYSCALLS, FILES]
    page.show_reading(ActivityReading(replace(RATES, callers=(), unix_holders=())))
    visible = [name for name in page.nothing if page.nothing[name].isVisible()]
    assert visible == [UNIX_SOCKETS]


def test_without_the_helper_the_switches_say_why_they_are_off(page: ActivityPage, asked: Asked) -> None:
    page.switches[FILES].click()
    page.show_view(replace(samples.view(samples.sample()), source="procfs"))
    assert asked.parts[-1] == frozenset()
    assert not page.switches[FILES].isEnabled()
    assert "needs the helper" in page.empty.text()


def test_the_busiest_are_first_with_their_numbers_and_foreign_names_literal(page: ActivityPage) -> None:
    for switch in page.switches.values():
        switch.click()
    page.show_reading(ActivityReading(RATES, (COST,)))
    assert cells(page.callers, 0)[:4] == ["<b>busy</b>", "120000", "3.00", "0.50"]
    assert cells(page.syscalls, 0) == ["call 99999", "90.0", "0.00", "≤ 2.05 µs", "≤ 4.10 µs"]
    assert cells(page.syscalls, 1)[0] == "32-bit and unknown calls"
    assert cells(page.file_users, 0) == ["git", "5.00", "2.00 MB/s", "500 kB/s", "2.00", "10.0 ms", "9"]
    assert cells(page.file_users, 1)[0] == "others together"
    assert cells(page.file_systems, 0)[0] == "/home/<b>\\u202e (ext4)"
    assert cells(page.file_systems, 0)[-2:] == ["≤ 8.39 ms", "≤ 16.8 ms"]
    assert cells(page.unix_holders, 0) == ["<i>many</i>", "4021", "3", "17", "6"]
    assert "1500 waits a second" in page.waits.text()
    assert page.histogram.bars[10 - FIRST_SLOT : 12 - FIRST_SLOT] == (900.0, 600.0)
    assert "System calls: 135 kB in the kernel, 2.1 % of a core" in page.cost.text().replace(formats.SPACE, " ")


OWN = ActivityReading(replace(RATES, syscalls=None, file_systems=None))
ALL = ActivityReading(RATES, sees_all=True)


def test_what_all_users_do_is_named_as_unseen_where_it_is(page: ActivityPage, asked: Asked) -> None:
    page.switches[SYSCALLS].click()
    page.show_reading(OWN)
    assert page.consent.isVisible()
    assert "administrator's consent only" in page.consent.text.text()
    assert not page.syscall_view.isVisible()
    page.show_reading(ALL)
    assert not page.consent.isVisible()
    assert asked.others == [Others.UNSEEN], "nobody clicked, so nobody may be asked for a password"


def test_with_unix_sockets_alone_consent_is_offered_asked_for_and_taken(page: ActivityPage, asked: Asked) -> None:
    page.switches[UNIX_SOCKETS].click()
    of_sockets = ActivityRates(unix_holders=RATES.unix_holders)
    page.show_reading(ActivityReading(of_sockets))
    assert page.consent.isVisible()
    page.consent.ask.click()
    assert (asked.parts[-1], asked.others[-1]) == ({UNIX_SOCKETS}, Others.ASKED_FOR)
    page.show_reading(ActivityReading(of_sockets))
    assert page.consent.text.text().startswith("Waiting for"), "a reading that was on its way is no answer"
    page.show_reading(ActivityReading(of_sockets, sees_all=True))
    assert not page.consent.isVisible()
    page.switches[UNIX_SOCKETS].click()
    page.switches[UNIX_SOCKETS].click()
    assert asked.others[-1] is Others.UNSEEN, "with the last part that takes it the consent is forgotten"


def test_what_a_process_did_as_two_users_is_one_row(page: ActivityPage) -> None:
    for name in (SYSCALLS, FILES):
        page.switches[name].click()
    callers = tuple(CallerRates(7, 1, "sudo", calls, 1.0, 0.25) for calls in (40.0, 60.0))
    other = CallerRates(7, 2, "of the same number", 30.0, 0.0, 0.0)
    users = tuple(FileUserRates(7, 1, "sudo", 2.0, read, 1e6, syncs, 0.02) for read, syncs in ((1e6, 1.0), (2e6, 3.0)))
    page.show_reading(ActivityReading(replace(RATES, callers=(*callers, other), file_users=users)))
    assert [cells(page.callers, row) for row in range(page.callers.rowCount())] == [
        ["sudo", "100", "2.00", "0.50", "7"],
        ["of the same number", "30.0", "0.00", "0.00", "7"],
    ]
    assert cells(page.file_users, 0) == ["sudo", "4.00", "3.00 MB/s", "2.00 MB/s", "4.00", "10.0 ms", "7"]
    assert page.file_users.rowCount() == 1


def test_of_a_process_of_another_network_what_is_not_known_is_marked_as_missing(page: ActivityPage) -> None:
    page.switches[UNIX_SOCKETS].click()
    page.show_reading(ActivityReading(ActivityRates(unix_holders=(UnixHolding(9, 1, "boxed", 3, None, None),))))
    assert cells(page.unix_holders, 0) == ["boxed", "3", formats.MISSING, formats.MISSING, "9"]
    for column in (2, 3):
        told = page.unix_holders.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert "Not known in other networks" in str(told)


def test_waits_alone_withhold_nothing(page: ActivityPage) -> None:
    page.switches[RUN_QUEUE].click()
    page.show_reading(ActivityReading(ActivityRates(run_queue=RATES.run_queue)))
    assert not page.consent.isVisible()
    page.switches[SYSCALLS].click()
    page.show_reading(OWN)
    assert page.consent.isVisible()
    page.switches[SYSCALLS].click()
    assert not page.consent.isVisible()


def test_a_click_asks_for_consent_once_and_says_that_it_waits(page: ActivityPage, asked: Asked) -> None:
    page.switches[SYSCALLS].click()
    page.show_reading(OWN)
    page.consent.ask.click()
    assert asked.others[-1] is Others.ASKED_FOR
    assert asked.parts[-1] == {SYSCALLS}
    assert page.consent.text.text().startswith("Waiting for")
    assert not page.consent.ask.isEnabled()
    page.show_reading(OWN)
    page.show_reading(ActivityReading())
    assert page.consent.text.text().startswith("Waiting for"), "a reading that was on its way is no answer"
    page.show_reading(ALL)
    assert page.syscall_view.isVisible()
    assert not page.consent.isVisible()
    page.switches[FILES].click()
    assert asked.others[-1] is Others.AGREED, "another part takes the same consent, without a second prompt"


def test_a_refused_consent_says_why_and_can_be_asked_for_again(page: ActivityPage, asked: Asked) -> None:
    page.switches[SYSCALLS].click()
    page.show_reading(OWN)
    page.consent.ask.click()
    page.show_reading(ActivityReading(refusal="No administrator has agreed (<b>dismissed</b>)."))
    assert page.consent.text.text() == "No administrator has agreed (<b>dismissed</b>)."
    assert page.sections[SYSCALLS].isVisible(), "what was seen before still is"
    page.show_reading(ActivityReading())
    page.show_reading(OWN)
    assert "No administrator" in page.consent.text.text(), "the probe is loaded anew, readings go on, the reason stays"
    page.switches[FILES].click()
    assert asked.others[-1] is Others.UNSEEN
    page.consent.ask.click()
    assert asked.others[-1] is Others.ASKED_FOR


def test_consent_is_forgotten_with_the_tab(page: ActivityPage, asked: Asked) -> None:
    page.switches[SYSCALLS].click()
    page.show_reading(OWN)
    page.consent.ask.click()
    page.show_reading(ALL)
    page.hide()
    page.show()
    assert asked.others[-2:] == [Others.UNSEEN, Others.UNSEEN]


def test_a_helper_that_is_lost_while_somebody_is_asked_ends_the_waiting(page: ActivityPage) -> None:
    page.switches[SYSCALLS].click()
    page.show_reading(OWN)
    page.consent.ask.click()
    page.show_reading(ActivityReading(reason="The helper closed the stream."))
    assert not page.consent.isVisible()
    page.show_reading(OWN)
    assert page.consent.ask.isEnabled()


def test_a_refusal_is_shown_with_its_reason_until_readings_come_again(page: ActivityPage, asked: Asked) -> None:
    page.switches[SYSCALLS].click()
    page.show_reading(ActivityReading(reason="The helper refused: not from here."))
    assert page.empty.text() == "The helper refused: not from here.\nSmoothTask tries again."
    assert page.empty.isVisible()
    assert not page.sheet.isVisible()
    assert not page.cost.text()
    page.show_reading(ActivityReading(RATES))
    assert page.sections[SYSCALLS].isVisible()
    assert not page.sections[FILES].isVisible()
    assert not page.empty.isVisible()
    assert asked.parts == [{SYSCALLS}], "whoever reads asks again; the page goes on waiting"


def test_what_a_columns_title_means_is_in_its_tooltip(page: ActivityPage) -> None:
    header = [
        page.syscalls.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) for column in range(5)
    ]
    assert header[:2] == [None, None]
    assert header[3:] == [
        "Half of them took at most this long.", "99 of 100 took at most this long; the hundredth took longer.",
    ]  # fmt: skip


def test_a_probe_that_does_not_run_says_why_in_place_of_its_cost(page: ActivityPage) -> None:
    page.switches[SYSCALLS].click()
    failed = ProbeUse(ProbeCost("syscalls", "failed", "the kernel refused", None, None, 0), None, None)
    page.show_reading(ActivityReading(RATES, (failed,)))
    assert "the kernel refused" in page.cost.text()


def test_the_switches_are_reached_and_turned_by_keyboard(page: ActivityPage, asked: Asked, qtbot: QtBot) -> None:
    page.switches[SYSCALLS].setFocus()
    qtbot.keyClick(page.switches[SYSCALLS], Qt.Key.Key_Space)
    assert asked.parts[-1] == {SYSCALLS}
