"""Where other users' processes can't be seen, what they do isn't put down to those that can."""

import numpy as np
import pytest

from smoothtask_gui.domain.incident import Action, Incident, IncidentState
from smoothtask_gui.domain.parts import DiskReading
from tests.fakes.batches import exited_row, package_sensor
from tests.fakes.ruled import GB, MB, Desk, only

HIDEPID = {"processes": "other users' processes: /proc is mounted with hidepid on this machine"}
NO_IO = {"io": "disk reads and writes of other users' processes: they need the administrator's consent"}


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    found.machine.unavailable = dict(HIDEPID)
    return found


def names(incident: Incident) -> list[str]:
    return [share.name for share in incident.shares]


def storm(desk: Desk, ended_per_s: int) -> Incident:
    """900 processes are started a second, of which so many are seen to end."""
    shell = desk.start("make", 0.1)
    row = exited_row(b"cc", desk.machine.now_ns, 0, parent_pid=shell.pid, uid=1000, count=0)
    desk.machine.exited = [row]
    desk.per_s["forks"] = 900

    def end() -> None:
        row["count"] += ended_per_s
        row["last_ns"] = desk.machine.now_ns

    return only(desk.said(30, end), "fork_storm")


def test_a_hidden_user_s_fork_storm_is_not_put_down_to_the_busiest_app_that_is_seen(desk: Desk) -> None:
    incident = storm(desk, ended_per_s=5)
    assert names(incident) == ["hidden processes"]
    assert incident.shares[0].ratio == pytest.approx(895 / 900, abs=0.01)
    assert incident.body == (
        "Hidden processes started most of them: 895 a second. "
        "Hidden processes 99 %, the rest 1 % of processes that ended (measured)."
    )
    assert incident.target is None
    assert Action.STOP not in incident.actions


def test_a_storm_that_is_over_stays_with_who_made_it(desk: Desk) -> None:
    storm(desk, ended_per_s=880)
    desk.machine.exited = []
    desk.per_s["forks"] = 4
    over = desk.said(30)[-1]
    assert over.state is IncidentState.RESOLVED
    assert names(over) == ["make"]
    assert over.body.startswith("make started most of them: 880 a second.")


def test_a_storm_of_one_s_own_is_put_down_to_it_though_others_are_hidden(desk: Desk) -> None:
    incident = storm(desk, ended_per_s=880)
    assert names(incident) == ["make"]
    assert incident.shares[0].ratio == pytest.approx(880 / 900, abs=0.01)
    assert Action.STOP in incident.actions


def test_where_nobody_is_hidden_all_that_ended_is_the_whole(desk: Desk) -> None:
    desk.machine.unavailable = {}
    incident = storm(desk, ended_per_s=450)
    assert names(incident) == ["make"]
    assert incident.shares[0].ratio == 1.0


def pressed(desk: Desk, available: int) -> Incident:
    desk.machine.values["memory_available_bytes"] = available
    desk.per_s["memory_full_pressure_us"] = 300_000
    return only(desk.said(30), "memory_pressure")


def test_memory_that_hidden_processes_hold_is_theirs(desk: Desk) -> None:
    desk.start("editor").row["rss_bytes"] = 500 * MB
    incident = pressed(desk, 1 * GB)
    assert names(incident) == ["hidden processes"]
    assert incident.shares[0].ratio == pytest.approx(14.5 / 15)


def test_who_holds_most_of_the_memory_is_named_with_the_part_that_it_is_of_all(desk: Desk) -> None:
    desk.start("java").row["rss_bytes"] = 9 * GB
    incident = pressed(desk, 1 * GB)
    assert names(incident) == ["java"]
    assert incident.shares[0].ratio == pytest.approx(0.6)
    assert incident.rest_ratio == pytest.approx(0.4)
    assert incident.body.endswith("java 60 %, the rest 40 % of resident memory (measured).")


def running_out(desk: Desk, own_per_s: int, all_per_s: int) -> Incident:
    desk.start("editor", 0.1, rss_bytes=own_per_s)
    desk.machine.values |= {"memory_available_bytes": 6 * GB, "swap_free_bytes": 0, "swap_total_bytes": 0}
    desk.per_s |= {"memory_available_bytes": -all_per_s, "memory_pressure_us": 50_000}
    return next(incident for incident in desk.said(100) if incident.rule == "memory_runs_out")


def test_growth_of_hidden_processes_is_theirs(desk: Desk) -> None:
    incident = running_out(desk, own_per_s=MB // 2, all_per_s=50 * MB)
    assert names(incident) == ["hidden processes"]
    assert incident.body.startswith("Hidden processes grew by ")
    assert incident.target is None


def test_who_grows_is_named_though_others_are_hidden(desk: Desk) -> None:
    incident = running_out(desk, own_per_s=48 * MB, all_per_s=50 * MB)
    assert names(incident) == ["editor"]
    assert 0.8 < incident.shares[0].ratio <= 1.0


def test_waits_for_swap_of_hidden_processes_are_theirs(desk: Desk) -> None:
    desk.start("editor", 0.1, major_faults=5)
    desk.machine.values["major_faults"] = 0
    desk.per_s |= {"swap_out_bytes": 30 * MB, "swap_in_bytes": 30 * MB, "memory_pressure_us": 150_000}
    desk.per_s["major_faults"] = 3000
    assert names(only(desk.said(30), "swap_thrash")) == ["hidden processes"]


def test_where_the_machine_has_no_count_of_its_own_nobody_is_called_the_cause(desk: Desk) -> None:
    desk.start("editor", 0.1, major_faults=5)
    desk.per_s |= {"swap_out_bytes": 30 * MB, "swap_in_bytes": 30 * MB, "memory_pressure_us": 150_000}
    incident = only(desk.said(30), "swap_thrash")
    assert names(incident) == ["editor"]
    assert np.isnan(incident.shares[0].ratio)
    assert (incident.rest_ratio, incident.method) == (None, "")
    assert Action.STOP not in incident.actions


@pytest.mark.parametrize("hidden", [HIDEPID, NO_IO], ids=["hidepid", "others' io"])
def test_flushes_that_hidden_writers_cause_are_not_put_down_to_who_writes_a_little(
    desk: Desk, hidden: dict[str, str]
) -> None:
    desk.machine.unavailable = hidden
    desk.start("editor", 0.1, write_bytes=MB // 10)
    desk.disk = DiskReading("sda", 0, 0, 0, 0, 0, 1, 0)
    desk.disk_per_s = {"requests": 900, "flushes": 200}
    desk.per_s |= {"disk_write_bytes": 20 * MB, "io_pressure_us": 600_000}
    incident = only(desk.said(60), "fsync_storm")
    assert names(incident) == ["hidden processes"]
    assert incident.target is None


def heated(desk: Desk, own_cores: float, hidden_cores: float) -> Incident:
    desk.start("editor", own_cores)
    desk.machine.hot(60)
    desk.said(5)
    desk.machine.sensors = (package_sensor(97),)

    def work() -> None:
        desk.machine.busy_ns += round(hidden_cores * 1e9)

    return next(incident for incident in desk.said(70, work) if incident.rule == "overheating")


def test_heat_of_hidden_processes_is_not_put_down_to_who_is_seen(desk: Desk) -> None:
    incident = heated(desk, own_cores=0.8, hidden_cores=2.5)
    assert incident.title == "CPU at 97 °C: hidden processes are heating it"
    assert names(incident) == ["hidden processes", "editor"]
    assert Action.STOP not in incident.actions


def test_who_is_seen_to_heat_is_named_though_others_are_hidden(desk: Desk) -> None:
    incident = heated(desk, own_cores=2.5, hidden_cores=0.8)
    assert incident.title == "CPU at 97 °C: editor is heating it"
    assert names(incident) == ["editor"]


def test_without_hidden_processes_the_unexplained_is_the_rest_as_ever(desk: Desk) -> None:
    desk.machine.unavailable = {}
    incident = heated(desk, own_cores=0.8, hidden_cores=2.5)
    assert names(incident) == ["editor"]
    assert incident.rest_ratio > 0.5


def test_who_uses_more_than_half_is_named_and_the_hidden_ones_are_in_the_rest(desk: Desk) -> None:
    incident = heated(desk, own_cores=2.0, hidden_cores=1.5)
    assert incident.title == "CPU at 97 °C: editor is heating it"
    assert names(incident) == ["editor"]
    assert 0.3 < incident.rest_ratio < 0.5


def test_hidden_processes_that_use_more_than_half_are_named_though_one_who_is_seen_uses_a_good_part(desk: Desk) -> None:
    incident = heated(desk, own_cores=1.2, hidden_cores=2.2)
    assert incident.title == "CPU at 97 °C: hidden processes are heating it"
    assert names(incident) == ["hidden processes", "editor"]
    assert 0.3 < incident.shares[1].ratio < 0.45


def test_memory_that_the_kernel_itself_may_hold_is_not_put_down_to_hidden_processes(desk: Desk) -> None:
    desk.start("java").row["rss_bytes"] = 6 * GB
    incident = pressed(desk, 1 * GB)
    assert names(incident) == ["java"]
    assert incident.shares[0].ratio == pytest.approx(0.4)
