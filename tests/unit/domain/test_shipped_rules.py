"""Each shipped rule on its own case, and on what looks like it and is none of its business."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.domain.incident import Action, Severity
from smoothtask_gui.domain.judging.reader import KEYS
from smoothtask_gui.domain.judging.series import Scope, known_series
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.network import SOCKET, TRAFFIC, Network
from smoothtask_gui.domain.parts import DiskReading, FanReading, FileSystemReading, Parts
from smoothtask_gui.domain.rules import parse_rules
from tests.fakes.batches import SECOND, App
from tests.fakes.ruled import GB, MB, Desk, only
from tests.fakes.watching import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.incident import Incident


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    found.run(10)
    return found


def test_an_idle_desktop_says_nothing_for_ten_minutes(desk: Desk) -> None:
    desk.start("firefox", 0.05)
    desk.machine.hot(48)
    assert desk.said(600) == []


def test_a_temperature_that_climbs_to_the_limit_is_told_before_it_is_there(desk: Desk) -> None:
    desk.start("HandBrake", 3.0)
    degrees = iter(np.linspace(70, 99, 59))
    incidents = desk.said(50, lambda: desk.machine.hot(float(next(degrees))))
    assert only(incidents, "overheating_soon").title.startswith("CPU will reach 100 °C in about ")
    assert "HandBrake 100 % of CPU use in the last " in incidents[0].body
    assert {Action.PAUSE, Action.LIMIT} <= set(incidents[0].actions)


def test_a_temperature_that_settles_below_its_limit_is_not_told(desk: Desk) -> None:
    degrees = iter([*np.linspace(50, 84, 10), *np.full(200, 84.0)])
    assert desk.said(200, lambda: desk.machine.hot(float(next(degrees)))) == []


def test_throttling_is_told_where_the_driver_counts_it(desk: Desk) -> None:
    desk.start("blender", 3.9)
    desk.per_s["throttled_ms"] = 300
    incident = only(desk.said(20), "throttling")
    assert incident.shares[0].name == "blender"
    assert incident.method == "estimated from CPU time"
    assert incident.rest_ratio is not None
    assert "blender 100 % of CPU use in the last " in incident.body
    assert incident.value == pytest.approx(0.3)


def fan(desk: Desk, speed_rpm: int) -> None:
    desk.machine.parts = Parts(fans=(FanReading("chip/fan1", "CPU fan", speed_rpm),))


def test_a_fan_that_stops_while_it_is_hot_is_told_and_one_that_never_turned_is_not(desk: Desk) -> None:
    desk.machine.hot(90)
    fan(desk, 0)
    assert desk.said(60) == []
    fan(desk, 1800)
    assert desk.said(10) == []
    fan(desk, 0)
    assert only(desk.said(30), "fan_stopped").title == "CPU fan stands still though the CPU is hot"


def test_a_fan_that_rests_while_it_is_cool_is_fine(desk: Desk) -> None:
    desk.machine.hot(45)
    fan(desk, 1800)
    desk.run(5)
    fan(desk, 0)
    assert desk.said(120) == []


def test_who_writes_so_much_that_others_stand_still_is_told_and_a_backup_is_not(desk: Desk) -> None:
    writer = desk.start("tar", 0.2, write_bytes=80 * MB, read_bytes=78 * MB)
    desk.per_s |= {"disk_write_bytes": 82 * MB, "io_pressure_us": 700_000, "io_full_pressure_us": 400_000}
    assert desk.said(120) == []
    desk.grows[writer.pid] = {"write_bytes": 80 * MB}
    incident = only(desk.said(70), "disk_hog")
    assert incident.title == "tar keeps the disk busy for 1 min"
    assert incident.shares[0].ratio == pytest.approx(80 / 82)


def test_who_writes_much_while_nobody_waits_is_fine(desk: Desk) -> None:
    desk.start("dd", 0.2, write_bytes=200 * MB)
    desk.per_s |= {"disk_write_bytes": 200 * MB, "io_pressure_us": 20_000, "io_full_pressure_us": 10_000}
    assert desk.said(300) == []


def test_a_disk_that_is_made_to_flush_without_end_is_told(desk: Desk) -> None:
    desk.start("sqlite", 0.1, write_bytes=MB)
    desk.disk = DiskReading("sda", 0, 0, 0, 0, 0, 0, 0)
    desk.disk_per_s = {"requests": 500, "flushes": 240, "busy_ms": 900, "waited_ms": 3000, "write_bytes": MB}
    desk.per_s["io_pressure_us"] = 600_000
    incident = only(desk.said(60), "fsync_storm")
    assert incident.title == "Disk sda must flush its cache: 240 a second"
    assert incident.shares[0].name == "sqlite"


def test_a_disk_that_does_not_answer_is_told_and_one_that_wakes_up_is_not(desk: Desk) -> None:
    desk.disk = DiskReading("sdb", 0, 0, 100, 0, 0, 3, 0)
    desk.disk_per_s = {"busy_ms": 1000}
    assert desk.said(12) == []
    desk.disk_per_s = {"busy_ms": 1000, "requests": 5}
    assert desk.said(60) == []
    desk.disk_per_s = {"busy_ms": 1000}
    incident = only(desk.said(30), "disk_stall")
    assert incident.severity is Severity.CRITICAL
    assert incident.title == "Disk sdb has not answered for 15 s"


def store(desk: Desk, free_bytes: int) -> None:
    desk.machine.parts = Parts(
        file_systems=(FileSystemReading("/home", "/dev/sda2", 100 * GB, free_bytes, 1_000_000, 900_000),)
    )


def test_a_file_system_that_fills_up_is_told_with_the_time_that_is_left(desk: Desk) -> None:
    desk.start("logger", 0.1, write_bytes=20 * MB)
    free = iter(range(25 * GB, 0, -20 * MB))
    incident = only(desk.said(120, lambda: store(desk, next(free))), "disk_full_soon")
    assert incident.title.startswith("/home may be full in about 1")
    assert incident.shares[0].name == "logger"


def test_a_file_system_that_is_nearly_full_is_told_once_and_a_full_big_one_with_room_is_not(desk: Desk) -> None:
    store(desk, 4 * GB)
    assert desk.said(120) == []
    store(desk, 1 * GB)
    assert only(desk.said(600), "disk_full").title == "/home is nearly full: 1 GB left"


def test_a_fork_storm_is_told_and_a_compile_is_not(desk: Desk) -> None:
    desk.per_s["forks"] = 250
    assert desk.said(300) == []
    desk.per_s["forks"] = 900
    incident = only(desk.said(30), "fork_storm")
    assert incident.title == "Processes are started without end: 900 a second"


def test_a_process_that_hangs_is_told_and_one_that_waits_for_its_disk_is_not(desk: Desk) -> None:
    busy = desk.start("cp", 0.01)
    busy.row["state"] = b"D"
    assert desk.said(200) == []
    busy.cores = 0.0
    incident = only(desk.said(70), "hung")
    assert incident.title == "cp hangs: no progress for 1 min"
    assert incident.culprit.app_id.startswith("command:")  # what is expected of it is expected of its app
    busy.row["state"] = b"S"
    assert any(incident.title.startswith("cp goes on after ") for incident in desk.said(10))


def connections(desk: Desk, owner: App, count: int, sent_bytes: int = 0) -> Network:
    sockets = np.zeros(count, SOCKET)
    sockets["cookie"] = np.arange(1, count + 1)
    sockets["pid"], sockets["pid_start_ns"], sockets["uid"] = owner.pid, owner.start_ns, 1000
    sockets["protocol"], sockets["state"], sockets["family"] = 6, 1, 2
    sockets["start_ns"] = 50 * SECOND
    sockets["sent_bytes"][:1] = sent_bytes
    return Network(sockets, np.zeros(0, TRAFFIC), np.zeros(0, SOCKET), None)


def with_network(desk: Desk, seconds: int, network: Callable[[int], Network]) -> list[Incident]:
    """As `said`, with sockets in each batch."""
    incidents: list[Incident] = []
    for second in range(seconds):
        batch = replace(desk.machine.tick(), network=network(second))
        incidents += told(desk.monitor.receive_batch(batch))
    return incidents


def test_a_process_that_opens_connection_after_connection_is_told(desk: Desk) -> None:
    leaky = desk.start("crawler", 0.1)
    incident = only(
        with_network(desk, 300, lambda second: connections(desk, leaky, 100 + second * 2)), "connection_leak"
    )
    assert incident.title.startswith("crawler holds ")


def test_many_connections_that_stay_are_fine(desk: Desk) -> None:
    server = desk.start("server", 0.1)
    assert with_network(desk, 300, lambda second: connections(desk, server, min(600, 20 * second))) == []


def test_a_process_that_floods_the_network_is_told_and_an_upload_is_not(desk: Desk) -> None:
    upload = desk.start("rsync", 0.1)

    def sends(second: int) -> Network:
        upload.row["read_bytes"] = 50 * MB * second
        return connections(desk, upload, 1, 60 * MB * second)

    assert with_network(desk, 150, sends) == []
    desk.machine.end(upload)
    flood = desk.start("flood", 0.1)
    incident = only(
        with_network(desk, 80, lambda second: connections(desk, flood, 1, 60 * MB * second)), "network_flood"
    )
    assert incident.title == "flood floods the network: 60 MB/s"


def traits(desk: Desk, **values: Any) -> None:
    desk.machine.traits = {
        app.pid: {"pid": app.pid, "start_ns": app.start_ns, "passed_known": True, "lost_known": True, **values}
        for app in desk.machine.apps
    }


def test_on_battery_who_works_without_a_reason_is_told_and_on_mains_not(desk: Desk) -> None:
    desk.start("indexer", 0.35)
    traits(desk)
    assert desk.said(400) == []
    desk.machine.values["on_battery"] = True
    assert only(desk.said(320), "battery_drain").title == "indexer drains the battery"


def test_who_spins_on_after_its_terminal_was_closed_is_told_and_who_works_is_not(desk: Desk) -> None:
    desk.start("python3", 0.8)
    for second in range(100):
        traits(desk, lost_terminal=True, passed_bytes=second * MB)
        assert desk.said(1) == []
    traits(desk, lost_terminal=True, passed_bytes=100 * MB)
    assert only(desk.said(40), "left_behind").title == "python3 works on though its terminal was closed"


def test_missing_readings_keep_every_rule_quiet() -> None:
    desk = Desk()
    desk.machine.values = {}
    desk.start("app", 0.1)
    assert desk.said(200) == []


def test_every_shipped_rule_needs_only_series_that_exist_and_says_something() -> None:
    for rule in shipped_rules().declared:
        assert rule.needed
        assert rule.title != "{name}"
        assert rule.body, rule.name


def test_every_series_and_every_shipped_rule_is_documented() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
    for series in {name for scope in Scope for name in known_series(scope)}:
        assert f"`{series}`" in documented
    for name in shipped_rules().names:
        assert f"| `{name}` |" in documented
    for key in KEYS:
        assert f"`{key}`" in documented, key


def disk_at(temperature_c: float) -> SensorReading:
    return SensorReading("nvme/nvme0/Composite", "nvme", "Composite", "disk", temperature_c, None, 85.0)


def climb(desk: Desk, *, by: float, ticks: int = 50) -> list[Incident]:
    desk.machine.sensors = (disk_at(50.0),)
    desk.said(5)
    degrees = iter(np.arange(60.0, 60.0 + by * (ticks + 1), by))

    def warm() -> None:
        desk.machine.sensors = (disk_at(min(84.0, float(next(degrees)))),)

    return desk.said(ticks, warm)


def test_another_part_that_climbs_to_its_own_limit_is_told_before_it_is_there(desk: Desk) -> None:
    (told_first,) = climb(desk, by=0.4, ticks=57)
    assert told_first.rule == "part_overheating_soon"
    assert told_first.title.startswith("Disk (Composite) will reach 85 °C in about ")
    assert told_first.severity is Severity.WARNING


def test_when_it_is_there_that_is_the_same_incident_in_the_same_notification(desk: Desk) -> None:
    incidents = climb(desk, by=0.4, ticks=90)
    assert {incident.rule for incident in incidents} == {"part_overheating_soon", "overheating"}
    assert len({incident.id for incident in incidents}) == 1


def test_a_part_that_warms_up_far_from_its_limit_or_slowly_is_not_told(desk: Desk) -> None:
    assert climb(desk, by=0.05, ticks=200) == []


def test_an_own_limit_of_a_part_is_what_its_trend_goes_by(desk: Desk) -> None:
    desk.monitor = Monitor(parse_rules("[overheating.limits_c]\nnvme = 120\n", "my.toml", shipped_rules()))
    assert climb(desk, by=0.4, ticks=90) == []


def test_heat_that_nobody_causes_and_throttling_are_one_incident(desk: Desk) -> None:
    desk.machine.hot(60)
    desk.said(5)
    desk.machine.hot(97)
    desk.per_s["throttled_ms"] = 500
    incidents = desk.said(60)
    assert len({incident.id for incident in incidents}) == 1
    assert desk.monitor.view().open_incidents[0].joined
