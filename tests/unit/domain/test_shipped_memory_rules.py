"""The shipped rules about memory, each on its own case, and on what looks like it and is none of its business."""

from __future__ import annotations

import pytest

from smoothtask_gui.domain.batch import PressureEvent
from smoothtask_gui.domain.incident import Severity
from tests.fakes.batches import SECOND
from tests.fakes.ruled import MB, Desk, only


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    found.run(10)
    return found


def test_memory_that_runs_out_is_told_before_the_kernel_stops_something_and_who_grew_is_named(desk: Desk) -> None:
    chromium = desk.start("chromium", 0.2, rss_bytes=100 * MB)
    desk.per_s["memory_available_bytes"] = -100 * MB
    incidents = desk.said(85)
    incident = only(incidents, "memory_runs_out")
    assert incident.title.startswith("Memory may run out in about ")
    assert incident.severity is Severity.CRITICAL
    assert incident.body.startswith("chromium grew by ")
    assert incident.target is not None
    assert incident.target.pid == chromium.pid


def test_the_kernels_own_alarm_makes_the_warning_earlier() -> None:
    def seconds_until_told(*, alarmed: bool) -> int:
        desk = Desk()
        desk.per_s["memory_available_bytes"] = -100 * MB
        for second in range(120):
            if alarmed:
                desk.monitor.receive_event(PressureEvent(desk.machine.now_ns, "memory", "full", 0.05))
            if desk.said(1):
                return second
        raise AssertionError("never told")

    assert seconds_until_told(alarmed=True) < seconds_until_told(alarmed=False)


def test_memory_that_is_taken_once_and_kept_is_not_told(desk: Desk) -> None:
    desk.start("game", 0.2)
    desk.per_s["memory_available_bytes"] = -500 * MB
    desk.run(10)
    desk.per_s["memory_available_bytes"] = 0
    assert desk.said(300) == []


def test_programs_that_wait_for_memory_are_told(desk: Desk) -> None:
    desk.start("java", 0.1, rss_bytes=MB)
    desk.start("editor", 0.1, major_faults=35)
    desk.run(60)
    desk.per_s |= {"memory_pressure_us": 400_000, "memory_full_pressure_us": 150_000}
    incident = only(desk.said(30), "memory_pressure")
    assert incident.title == "Programs wait for memory"
    assert "Grew most: java (" in incident.body
    assert "Waits most: editor (35 a second)." in incident.body


def test_swapping_in_and_out_is_told_and_what_only_goes_out_is_not(desk: Desk) -> None:
    desk.per_s |= {"swap_out_bytes": 30 * MB, "memory_pressure_us": 150_000}
    assert desk.said(60) == []
    desk.per_s["swap_in_bytes"] = 30 * MB
    assert only(desk.said(30), "swap_thrash").value == pytest.approx(30 * MB)


def test_an_app_that_keeps_growing_is_told_with_the_time_that_is_left(desk: Desk) -> None:
    desk.start("leaky", 0.1, rss_bytes=3 * MB)
    incident = only(desk.said(420), "memory_leak")
    assert incident.title.startswith("leaky keeps growing: ")
    assert "memory is full in" in incident.body


def test_stop_reaches_the_process_that_grows_not_the_one_of_its_app_that_computes(desk: Desk) -> None:
    app = desk.start("server", 0.6)
    worker = desk.machine.start("worker", 0.1, parent_pid=app.pid, rss_bytes=100 * MB)
    desk.grows[worker.pid] = {"rss_bytes": 3 * MB}
    incident = only(desk.said(420), "memory_leak")
    assert incident.target is not None
    assert incident.target.pid == worker.pid
    assert f"Most of it by worker (process {worker.pid})." in incident.body


def test_an_app_that_grows_and_stops_is_no_leak(desk: Desk) -> None:
    browser = desk.start("browser", 0.1, rss_bytes=20 * MB)
    desk.run(60)
    desk.grows[browser.pid] = {}
    assert desk.said(600) == []


def test_an_app_that_grows_in_jumps_as_documents_are_opened_is_no_leak(desk: Desk) -> None:
    app = desk.start("office", 0.1)

    def work() -> None:
        app.row["rss_bytes"] = 200 * MB + (desk.machine.now_ns // SECOND // 90) * 150 * MB

    assert desk.said(900, work) == []


def test_an_app_whose_memory_comes_and_goes_is_no_leak(desk: Desk) -> None:
    app = desk.start("java", 0.1)

    def breathe() -> None:
        app.row["rss_bytes"] = 500 * MB + (desk.machine.now_ns // SECOND % 60) * 20 * MB

    assert desk.said(900, breathe) == []
