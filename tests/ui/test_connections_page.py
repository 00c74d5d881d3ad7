import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.connections import CONNECTION
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.connection_columns import Column, Filter
from smoothtask_gui.ui.connections_page import ConnectionsPage
from tests.ui.samples import sample, view

TIP = Qt.ItemDataRole.ToolTipRole


def rows(*found: tuple[int, str, float], **values: object) -> np.ndarray:
    """Rows of (cookie, process name, received a second): TCP connections to 10.0.0.COOKIE:443."""
    table = np.zeros(len(found), CONNECTION)
    for place, (cookie, comm, received_bps) in enumerate(found):
        table["cookie"][place], table["comm"][place] = cookie, comm.encode()
        table["received_bps"][place] = received_bps
        table["remote"][place] = np.void(bytes((10, 0, 0, cookie)).ljust(16, b"\0"))
    table["pid"], table["protocol"], table["state"], table["family"] = 77, 6, 1, 2
    table["remote_port"], table["local_port"] = 443, 5000
    for name, value in values.items():
        table[name] = value
    return table


@pytest.fixture
def page(qtbot: QtBot) -> ConnectionsPage:
    made = ConnectionsPage()
    made.resize(900, 400)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def show(page: ConnectionsPage, table: np.ndarray | None, *, source: str = "helper", **unavailable: str) -> None:
    page.show_view(view(sample(find_connections=lambda: table, unavailable=unavailable), source=source))


def column(page: ConnectionsPage, which: Column = Column.NAME) -> list[str]:
    return [page.model.index(row, which).data() for row in range(page.model.rowCount())]


def pointer(page: ConnectionsPage, *, inside: bool) -> None:
    place = QPoint(5, 5).toPointF()
    event = QEnterEvent(place, place, place) if inside else QEvent(QEvent.Type.Leave)
    QApplication.sendEvent(page.view.viewport(), event)


def test_the_connection_that_receives_most_comes_first(page: ConnectionsPage) -> None:
    show(page, rows((1, "curl", 10.0), (2, "firefox", 3e6)))
    assert column(page) == ["firefox", "curl"]
    assert column(page, Column.RECEIVED_RATE) == [f"3.00{formats.SPACE}MB/s", f"10{formats.SPACE}B/s"]
    assert column(page, Column.REMOTE) == ["10.0.0.2:443", "10.0.0.1:443"]


def test_rows_stay_under_the_pointer_and_a_closed_one_says_so(page: ConnectionsPage) -> None:
    show(page, rows((1, "a", 3.0), (2, "b", 2.0)))
    pointer(page, inside=True)
    show(page, rows((2, "b", 9.0), (3, "c", 5.0)))
    assert column(page) == ["a", "b", "c"]
    assert "closed" in page.model.index(0, 0).data(TIP)
    pointer(page, inside=False)
    assert column(page) == ["b", "c"]


def test_a_table_that_comes_into_view_under_the_pointer_is_sorted_first(page: ConnectionsPage) -> None:
    page.hide()
    pointer(page, inside=True)
    page.show()
    show(page, rows((1, "a", 1.0), (2, "b", 2.0)))
    assert column(page) == ["b", "a"]


@pytest.mark.parametrize("which", list(Column))
@pytest.mark.parametrize("order", list(Qt.SortOrder))
def test_every_column_sorts_both_ways(page: ConnectionsPage, which: Column, order: Qt.SortOrder) -> None:
    show(page, rows((1, "b", 1.0), (2, "A", 2.0), (3, "c", 3.0)))
    page.view.sortByColumn(int(which), order)
    expected = {Column.NAME: ["A", "b", "c"], Column.REMOTE: ["b", "A", "c"], Column.RECEIVED_RATE: ["b", "A", "c"]}
    if which in expected:
        names = expected[which]
        assert column(page) == (names if order is Qt.SortOrder.AscendingOrder else names[::-1])
    assert sorted(column(page)) == ["A", "b", "c"]


def test_addresses_sort_by_number_and_not_by_letter(page: ConnectionsPage) -> None:
    show(page, rows((100, "x", 0), (20, "y", 0), (3, "z", 0)))
    page.view.sortByColumn(int(Column.REMOTE), Qt.SortOrder.AscendingOrder)
    assert column(page) == ["z", "y", "x"]


def test_listening_sockets_are_a_filter_away(page: ConnectionsPage) -> None:
    table = rows((1, "ssh", 0.0), (2, "sshd", 0.0))
    table["state"][1], table["remote_port"][1] = 10, 0
    show(page, table)
    assert column(page) == ["ssh"]
    page.filter.setCurrentIndex(page.filter.findData(int(Filter.LISTENING)))
    assert column(page) == ["sshd"]
    assert column(page, Column.STATE) == ["listening"]
    assert column(page, Column.REMOTE) == [""]
    page.filter.setCurrentIndex(page.filter.findData(int(Filter.ALL)))
    assert sorted(column(page)) == ["ssh", "sshd"]


def test_where_something_listens_stands_in_the_place_of_the_other_end_that_it_lacks(page: ConnectionsPage) -> None:
    show(page, rows((1, "sshd", 0.0), state=10, remote_port=0))
    header = page.view.header()
    usual = [header.visualIndex(which) for which in Column]
    page.filter.setCurrentIndex(page.filter.findData(int(Filter.LISTENING)))
    assert header.visualIndex(Column.LOCAL) == usual[Column.REMOTE]
    assert page.view.isColumnHidden(Column.REMOTE)
    page.filter.setCurrentIndex(page.filter.findData(int(Filter.ALL)))
    assert not page.view.isColumnHidden(Column.REMOTE)
    page.filter.setCurrentIndex(page.filter.findData(int(Filter.ACTIVE)))
    assert [header.visualIndex(which) for which in Column] == usual
    assert page.view.columnWidth(Column.REMOTE) > 0


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("FIRE", ["firefox"]),
        ("10.0.0.1", ["curl"]),
        (":443", ["firefox", "curl"]),
        ("77", ["firefox", "curl"]),
        ("nothing", []),
    ],
)
def test_search_finds_processes_addresses_and_pids(page: ConnectionsPage, needle: str, found: list[str]) -> None:
    show(page, rows((1, "curl", 1.0), (2, "firefox", 2.0)))
    page.search.setText(needle)
    assert column(page) == found
    assert page.nothing.isVisible() is not bool(found)


def test_a_missing_reading_is_a_dash_with_its_reason(page: ConnectionsPage) -> None:
    nan = float("nan")
    show(page, rows((1, "", nan), pid=0, sent_bytes=nan, rtt_us=nan, age_s=nan))
    for which in (Column.NAME, Column.PID, Column.RECEIVED_RATE, Column.SENT, Column.RTT, Column.AGE):
        cell = page.model.index(0, which)
        assert cell.data() == formats.MISSING
        assert cell.data(TIP)


def queues(received: float, sent: float, waiting: float = float("nan")) -> dict[str, object]:
    return {"receive_queue_bytes": received, "send_queue_bytes": sent, "waiting_connections": waiting}


def test_what_waits_at_either_end_is_one_number_and_its_tooltip_tells_which(page: ConnectionsPage) -> None:
    show(page, rows((1, "curl", 1.0), **queues(1500, 12_000)))
    cell = page.model.index(0, Column.QUEUE)
    assert cell.data() == f"13.5{formats.SPACE}kB"
    read, acknowledged = cell.data(TIP).splitlines()
    assert read == f"Received and not yet read by the process: 1.50{formats.SPACE}kB"
    assert acknowledged == f"Sent and not yet acknowledged by the other end: 12.0{formats.SPACE}kB"
    show(page, rows((1, "curl", 1.0), **queues(0, 0)))
    assert (cell.data(), cell.data(TIP)) == ("0", None)


def test_the_queue_of_a_listener_is_the_connections_that_wait_for_it(page: ConnectionsPage) -> None:
    nan = float("nan")
    show(page, rows((1, "sshd", 0.0), **queues(nan, nan, 3)))
    cell = page.model.index(0, Column.QUEUE)
    assert cell.data() == "3"
    assert cell.data(TIP) == "Connections that the process hasn't accepted yet: 3"


def test_of_a_connection_that_is_over_no_queue_is_known(page: ConnectionsPage) -> None:
    nan = float("nan")
    show(page, rows((1, "", 0.0), **queues(nan, nan)))
    cell = page.model.index(0, Column.QUEUE)
    assert cell.data() == formats.MISSING
    assert "closed connection" in cell.data(TIP)


def test_the_longest_queue_comes_first_and_the_unknown_last(page: ConnectionsPage) -> None:
    nan = float("nan")
    table = rows((1, "short", 0.0), (2, "over", 0.0), (3, "long", 0.0), **queues(0, 0))
    table["receive_queue_bytes"] = (10, nan, 0)
    table["send_queue_bytes"] = (0, nan, 4000)
    show(page, table)
    page.view.sortByColumn(int(Column.QUEUE), Qt.SortOrder.DescendingOrder)
    assert column(page) == ["long", "short", "over"]


def test_hostile_names_are_shown_literally(page: ConnectionsPage) -> None:
    show(page, rows((1, "<b>x\n\x1b[2J", 1.0)))
    assert "\n" not in column(page)[0]
    assert "\x1b" not in column(page)[0]
    assert "&lt;b&gt;" in page.model.index(0, 0).data(TIP)


def test_without_the_helper_the_page_says_what_is_needed_and_offers_it(page: ConnectionsPage, qtbot: QtBot) -> None:
    show(page, None, source="procfs")
    assert "needs the helper" in page.empty.text()
    with qtbot.waitSignal(page.help_requested):
        page.help.click()


def test_while_the_probes_load_or_have_failed_the_reason_stands_there(page: ConnectionsPage) -> None:
    show(page, None, network="the helper's probes of sockets are not running (yet)")
    assert "not running" in page.empty.text()
    assert not page.help.isVisible()
    page.show_view(view(None))
    assert "first reading" in page.empty.text()


def test_a_list_of_ones_own_connections_says_so(page: ConnectionsPage) -> None:
    show(page, rows((1, "curl", 1.0)), network="of other users' processes: they need the administrator's consent")
    assert page.hint.text() == "Your own connections"


def test_what_the_list_lacks_is_said_beside_it_with_every_reason(page: ConnectionsPage) -> None:
    reasons = {"network": "others' need consent", "datagrams": "some were <not> counted"}
    show(page, rows((1, "curl", 1.0)), **reasons)
    assert page.hint.text() == "Not all of UDP is counted"
    assert page.hint.accessibleDescription() == "· some were <not> counted\n· others' need consent"
    assert "&lt;not&gt;" in page.hint.toolTip()
    show(page, rows((1, "curl", 1.0)), connections="there were more than a frame holds", **reasons)
    assert page.hint.text() == "Too many to show: the list is cut short"
    show(page, rows((1, "curl", 1.0)))
    assert (page.hint.text(), page.hint.toolTip(), page.hint.accessibleDescription()) == ("", "", "")


@pytest.mark.parametrize(("rtt_us", "said"), [(87.0, "87.0 µs"), (1_490.0, "1.49 ms"), (127_000_000.0, "127 s")])
def test_a_round_trip_has_the_unit_that_fits(page: ConnectionsPage, rtt_us: float, said: str) -> None:
    show(page, rows((1, "curl", 1.0), rtt_us=rtt_us))
    assert column(page, Column.RTT) == [said.replace(" ", formats.SPACE)]


def test_a_wide_window_shows_the_longest_addresses_whole(page: ConnectionsPage, qtbot: QtBot) -> None:
    table = rows((1, "x" * 15, 1.0), family=10, local_port=65535, remote_port=65535)
    table["local"] = table["remote"] = np.void(bytes.fromhex("20010db8aaaabbbbccccddddeeeeffff"))
    show(page, table)
    page.resize(2400, 400)
    metrics = page.view.fontMetrics()
    for which in (Column.NAME, Column.REMOTE, Column.LOCAL):
        words = metrics.horizontalAdvance(column(page, which)[0])
        qtbot.waitUntil(lambda which=which, words=words: page.view.columnWidth(which) > words, timeout=30_000)
    page.resize(600, 400)
    qtbot.waitUntil(lambda: page.view.horizontalScrollBar().maximum() > 0, timeout=30_000)


def test_an_address_can_be_copied(page: ConnectionsPage) -> None:
    show(page, rows((1, "curl", 1.0)))
    menu = page.menu_for(page.model.index(0, 0))
    assert menu is not None
    menu.actions()[1].trigger()
    assert QApplication.clipboard().text() == "10.0.0.1:443"


def test_a_marked_row_follows_its_connection_through_any_change(page: ConnectionsPage) -> None:
    show(page, rows((1, "a", 1.0), (2, "b", 2.0), (3, "c", 3.0)))
    page.view.setCurrentIndex(page.model.index(2, 0))
    show(page, rows((4, "d", 9.0), (1, "a", 10.0), (3, "c", 1.0)))
    page.view.sortByColumn(int(Column.RECEIVED_RATE), Qt.SortOrder.DescendingOrder)
    assert page.view.currentIndex().data() == "a"
