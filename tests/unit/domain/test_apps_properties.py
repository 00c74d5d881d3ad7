"""Whatever processes come, go, change their names, parents and places: nothing is lost, nothing counted twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.app import APP
from smoothtask_gui.domain.app_of import command
from smoothtask_gui.domain.sample import ExitedRate
from tests.fakes.desktops import FIREFOX, MANAGED, SESSION, Desktop

PIDS = st.integers(1, 12)
COMMS = st.sampled_from(["bash", "make", "cc1", "systemd", "firefox", "sudo", "idle_inject/0", "", "a\nb"])
CGROUPS = st.sampled_from(
    ["", "/", SESSION, "/system.slice/a.service", f"{MANAGED}/app-gnome-firefox-1.scope", f"/docker/{'ab' * 32}"]
)
STEP = st.fixed_dictionaries(
    {
        "pid": PIDS,
        "comm": COMMS,
        "parent": st.integers(0, 12),
        "cgroup": CGROUPS,
        "entry": st.booleans(),
        "terminal": st.booleans(),
        "kernel": st.booleans(),
        "gone": st.booleans(),
        "tells": st.booleans(),
    }
)
EXITED = st.builds(ExitedRate, COMMS, st.integers(0, 12), st.just(1000), st.integers(1, 9), st.floats(0, 2), PIDS)


def apply(desktop: Desktop, step: dict[str, Any]) -> None:
    if step["gone"]:
        desktop.rows.pop(step["pid"], None)
        return
    row = {"is_kernel": step["kernel"], "rss_bytes": step["pid"] * 1000, "cgroup_id": step["pid"] % 3}
    desktop.run(step["pid"], step["comm"], step["parent"], **row)
    if step["tells"]:
        entry = FIREFOX if step["entry"] else None
        place = {"session_pid": step["pid"], "has_terminal": step["terminal"]}
        desktop.tell(step["pid"], cgroup=step["cgroup"], program_entry=entry, **place)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.lists(STEP, max_size=6), st.lists(EXITED, max_size=4)), min_size=1, max_size=6))
def test_every_process_and_all_that_ended_is_in_exactly_one_app(
    ticks: list[tuple[list[dict[str, Any]], list[ExitedRate]]],
) -> None:
    desktop = Desktop()
    numbers: dict[str, int] = {}
    for steps, exited in ticks:
        for step in steps:
            apply(desktop, step)
        apps = desktop.look(*exited)
        assert apps.rows.dtype == APP
        assert (len(apps.app_of), len(apps.exited_of)) == (len(desktop.rows), len(exited))
        assert int(apps.rows["processes"].sum()) == len(desktop.rows)
        assert int(apps.rows["exited"].sum()) == sum(row.count for row in exited)
        assert np.isclose(apps.rows["exited_cpu_ratio"].sum(), sum(row.cpu_ratio for row in exited))
        assert np.isclose(np.nansum(apps.rows["rss_bytes"]), sum(pid * 1000 for pid in desktop.rows))
        assert len({app.id for app in apps.apps}) == len(apps.apps)
        for app, number in zip(apps.apps, apps.rows["number"].tolist(), strict=True):
            assert app.name.isprintable()
            assert app.name
            assert numbers.setdefault(app.id, number) == number


@given(st.text(max_size=40), st.integers(0, 2**32 - 1))
def test_a_command_is_told_apart_by_its_name_and_whose_it_is(name: str, uid: int) -> None:
    assert command(name, uid).id != command(name, uid + 1).id
