import numpy as np
import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.process_columns import Column
from smoothtask_gui.ui.process_model import ProcessModel
from tests.ui.samples import exited, processes, sample

DISPLAY, TIP = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole
USERS = {0: "root", 1000: "anna"}


@pytest.fixture
def model(qapp: QApplication) -> ProcessModel:
    made = ProcessModel(lambda uid: USERS.get(uid, str(uid)))
    made.checker = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    return made


def column(model: ProcessModel, which: Column) -> list[str]:
    return [model.index(row, which).data(DISPLAY).replace(formats.SPACE, " ") for row in range(model.rowCount())]


def names(model: ProcessModel) -> list[str]:
    return column(model, Column.NAME)


def test_the_busiest_process_comes_first(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "calm", 0.1), (2, "busy", 3.9), (3, "idle", 0.0))))
    assert names(model) == ["busy", "calm", "idle"]
    assert column(model, Column.CPU) == ["390", "10.0", "0.0"]


def test_rows_never_move_while_held_and_are_sorted_when_let_go(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "a", 0.3), (2, "b", 0.2), (3, "c", 0.1))))
    model.hold(True)
    model.show_sample(sample(processes((1, "a", 0.1), (3, "c", 0.9), (4, "new", 2.0))))
    assert names(model) == ["a", "b", "c", "new"]
    model.hold(False)
    assert names(model) == ["new", "c", "a"]


def test_a_process_that_ended_while_held_is_greyed_and_has_no_identity(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "a", 0.3), (2, "b", 0.2))))
    model.hold(True)
    model.show_sample(sample(processes((1, "a", 0.3))))
    assert model.identity(model.index(1, 0)) is None
    assert "ended" in model.index(1, 0).data(TIP)
    assert model.index(1, 0).data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.index(0, 0).data(Qt.ItemDataRole.ForegroundRole) is None


def test_a_marked_row_follows_its_process_through_any_change(model: ProcessModel) -> None:
    rng = np.random.default_rng(5)
    model.show_sample(sample(processes(*((pid, "x", float(pid)) for pid in range(1, 60)))))
    marked = QPersistentModelIndex(model.index(30, 0))
    identity = model.identity(marked)
    for _ in range(15):
        others = {*rng.choice(np.arange(1, 120), 50, replace=False).tolist(), identity.pid}
        model.show_sample(sample(processes(*((pid, "x", float(rng.random())) for pid in others))))
        assert marked.isValid()
        assert model.identity(marked) == identity


def test_equal_values_never_swap_places(model: ProcessModel) -> None:
    idle = [(pid, f"p{pid}", 0.0) for pid in range(1, 50)]
    model.show_sample(sample(processes(*idle)))
    before = names(model)
    for _ in range(5):
        model.show_sample(sample(processes(*idle)))
        assert names(model) == before


@pytest.mark.parametrize("which", list(Column))
@pytest.mark.parametrize("order", list(Qt.SortOrder))
def test_every_column_sorts_both_ways(model: ProcessModel, which: Column, order: Qt.SortOrder) -> None:
    table = processes((1, "b", 0.2), (2, "A", 0.1), (3, "c", 0.3))
    table["uid"] = (0, 1000, 1000)
    model.show_sample(sample(table))
    model.sort(which, order)
    keys = {
        Column.NAME: ["A", "b", "c"], Column.CPU: ["A", "b", "c"], Column.MEMORY: ["b", "A", "c"],
        Column.PID: ["b", "A", "c"],
    }.get(which)  # fmt: skip
    if keys:
        assert names(model) == (keys if order is Qt.SortOrder.AscendingOrder else keys[::-1])


def test_users_are_sorted_by_name_not_by_number(model: ProcessModel) -> None:
    table = processes((1, "a", 0), (2, "b", 0))
    table["uid"] = (0, 1000)
    model.show_sample(sample(table))
    model.sort(Column.USER, Qt.SortOrder.AscendingOrder)
    assert column(model, Column.USER) == ["anna", "root"]


def test_a_missing_reading_is_a_dash_with_its_reason(model: ProcessModel) -> None:
    table = processes((1, "a", 0.1))
    table["read_bps"] = np.nan
    model.show_sample(sample(table, unavailable={"io": "Only the owner may read it."}))
    cell = model.index(0, Column.READ)
    assert cell.data(DISPLAY) == formats.MISSING
    assert "Only the owner may read it." in cell.data(TIP)


def test_a_missing_reading_without_a_known_reason_says_that(model: ProcessModel) -> None:
    table = processes((1, "a", np.nan))
    model.show_sample(sample(table))
    assert "no reading" in model.index(0, Column.CPU).data(TIP)


def test_short_lived_processes_are_one_last_row(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "a", 0.1)), exited=(exited("cc1", 37, 0.6), exited("sh", 5, 0.1))))
    assert names(model) == ["a", "Short-lived: 42"]
    assert column(model, Column.CPU) == ["10.0", "70.0"]
    assert model.identity(model.index(1, 0)) is None
    assert "cc1" in model.index(1, 0).data(TIP)
    model.show_sample(sample(processes((1, "a", 0.1))))
    assert names(model) == ["a"]


def test_percent_of_one_core_or_of_the_machine(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "a", 2.0))))
    assert column(model, Column.CPU) == ["200"]
    model.count_per_core(False)
    assert column(model, Column.CPU) == ["50.0"]


def test_search_finds_names_users_and_pids(model: ProcessModel) -> None:
    table = processes((11, "Firefox", 0.1), (12, "bash", 0.1), (13, "root-tool", 0.1))
    table["uid"] = (1000, 0, 1000)
    model.show_sample(sample(table))
    for needle, found in (("fire", {"Firefox"}), ("12", {"bash"}), ("ROOT", {"bash", "root-tool"}), ("zzz", set())):
        model.search(needle)
        assert set(names(model)) == found
    model.search("")
    assert model.rowCount() == 3


def test_what_the_search_hides_stays_hidden_with_the_next_sample(model: ProcessModel) -> None:
    model.search("b")
    model.show_sample(sample(processes((1, "a", 0.1), (2, "b", 0.1))))
    assert names(model) == ["b"]


def test_hostile_names_are_shown_literally_on_one_line(model: ProcessModel) -> None:
    hostile = (b"<b>x</b>", b"a\nb", b"\x1b[31mred", b"\xff\xfe", b"&amp;", "\u202edlo".encode())
    model.show_sample(sample(processes(*((pid, name, 0.1) for pid, name in enumerate(hostile, 1)))))
    model.sort(Column.PID)
    shown = names(model)
    assert shown[0] == "<b>x</b>"
    assert all(text.isprintable() for text in shown)
    assert "&lt;b&gt;" in model.index(0, 0).data(TIP)
    assert shown[4] == "&amp;"


def test_a_nameless_process_still_has_a_row_that_can_be_read(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, b"", 0.1))))
    assert names(model) != [""]


def test_identity_is_pid_and_start_time(model: ProcessModel) -> None:
    model.show_sample(sample(processes((4, "a", 0.1), start_ns=99)))
    assert model.identity(model.index(0, 0)) == ProcessIdentity(4, 99, 1000, "a")


def test_a_fork_storm_passes_through_while_held(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "shell", 0.1))))
    model.hold(True)
    for tick in range(10):
        storm = ((100 + tick * 50 + number, "child", 0.01) for number in range(50))
        model.show_sample(sample(processes((1, "shell", 0.1), *storm)))
    assert model.rowCount() <= 1 + 50 + 256
    assert names(model)[0] == "shell"


def test_numbers_are_right_aligned_and_names_left(model: ProcessModel) -> None:
    model.show_sample(sample(processes((1, "a", 0.1))))
    role = Qt.ItemDataRole.TextAlignmentRole
    for which in Column:
        flag = Qt.AlignmentFlag.AlignLeft if which in {Column.NAME, Column.USER} else Qt.AlignmentFlag.AlignRight
        assert model.index(0, which).data(role) & flag
        assert model.headerData(which, Qt.Orientation.Horizontal, role) & flag
