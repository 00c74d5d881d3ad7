from __future__ import annotations

import numpy as np
import pytest

from smoothtask_gui.domain import apps as apps_module
from smoothtask_gui.domain.app import AppKind
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.sample import ExitedRate
from tests.fakes.desktops import FIREFOX, MANAGED, SESSION, USER, Desktop

FIREFOX_SCOPE = f"{MANAGED}/app-gnome-firefox-4242.scope"
HEX = "0123456789abcdef" * 4


def test_a_browsers_renderers_are_the_browser() -> None:
    desktop = Desktop()
    desktop.start(100, "firefox", cgroup=FIREFOX_SCOPE, place_entry=FIREFOX, row={"rss_bytes": 300})
    desktop.start(101, "Web Content", 100, cgroup=FIREFOX_SCOPE, place_entry=FIREFOX, row={"rss_bytes": 200})
    apps = desktop.look()
    (app,) = apps.apps
    assert (app.id, app.name, app.icon, app.kind) == ("app:firefox:1000", "Firefox", "firefox", AppKind.APPLICATION)
    assert apps.rows["processes"].tolist() == [2]
    assert apps.rows["rss_bytes"].tolist() == [500]
    assert apps.rows["lead_pid"].tolist() == [100]
    assert apps.place("app:firefox:1000") == 0
    assert apps.members(0).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cgroup", "app_id", "name", "kind"),
    [
        ("/system.slice/nginx.service", "service:nginx.service", "nginx", AppKind.SERVICE),
        (
            f"{USER}/user@1000.service/session.slice/pipewire.service",
            "service:pipewire.service:1000",
            "pipewire",
            AppKind.SERVICE,
        ),
        (
            f"/system.slice/docker-{HEX}.scope",
            f"container:docker {HEX[:12]}",
            f"{HEX[:12]} (docker)",
            AppKind.CONTAINER,
        ),
        (
            f"/machine.slice/libpod-{HEX}.scope/container",
            f"container:podman {HEX[:12]}",
            f"{HEX[:12]} (podman)",
            AppKind.CONTAINER,
        ),
        ("/lxc.payload.web/system.slice/ssh.service", "container:lxc web", "web (lxc)", AppKind.CONTAINER),
        (f"{MANAGED}/app-flatpak-org.gnome.Maps-77.scope", "app:org.gnome.Maps:1000", "Maps", AppKind.APPLICATION),
        (
            f"{MANAGED}/app-flatpak-org.telegram.desktop-77.scope",
            "app:org.telegram.desktop:1000",
            "telegram",
            AppKind.APPLICATION,
        ),
        (
            f"{MANAGED}/snap.spotify.spotify-1234.scope",
            "app:spotify_spotify:1000",
            "spotify_spotify",
            AppKind.APPLICATION,
        ),
        (
            f"{MANAGED}/dbus-:1.2-org.gnome.Nautilus@0.service",
            "app:org.gnome.Nautilus:1000",
            "Nautilus",
            AppKind.APPLICATION,
        ),
        (SESSION, "command:worker:1000", "worker", AppKind.COMMAND),
        (f"{MANAGED}/run-u42.service", "command:worker:1000", "worker", AppKind.COMMAND),
        ("/", "command:worker:1000", "worker", AppKind.COMMAND),
    ],
)
def test_the_cgroup_names_the_app(cgroup: str, app_id: str, name: str, kind: AppKind) -> None:
    desktop = Desktop()
    desktop.start(100, "worker", cgroup=cgroup)
    app = desktop.app(100)
    assert (app.id, app.name, app.kind) == (app_id, name, kind)


def test_two_windows_of_one_application_are_one_app_and_two_peoples_are_two() -> None:
    desktop = Desktop()
    desktop.start(100, "firefox", cgroup=FIREFOX_SCOPE, place_entry=FIREFOX)
    desktop.start(200, "firefox", cgroup=f"{MANAGED}/app-gnome-firefox-4343.scope", place_entry=FIREFOX)
    other = FIREFOX_SCOPE.replace("1000", "1001")
    desktop.start(300, "firefox", cgroup=other, place_entry=FIREFOX, row={"uid": 1001})
    assert [app.id for app in desktop.look().apps] == ["app:firefox:1000", "app:firefox:1001"]


def test_a_compiler_is_the_make_that_a_person_started_and_not_the_terminal() -> None:
    desktop = Desktop()
    konsole = f"{MANAGED}/app-org.kde.konsole-9.scope"
    entry = Application("org.kde.konsole", "Konsole", "utilities-terminal")
    desktop.start(100, "konsole", cgroup=konsole, place_entry=entry)
    desktop.start(101, "bash", 100, cgroup=konsole, place_entry=entry, session_pid=101, has_terminal=True)
    desktop.start(102, "make", 101, cgroup=konsole, place_entry=entry, executable="/usr/bin/make")
    desktop.start(103, "sh", 102, cgroup=konsole, place_entry=entry, executable="/usr/bin/dash")
    desktop.start(104, "cc1plus", 103, cgroup=konsole, place_entry=entry)
    assert [desktop.app(pid).name for pid in (100, 101, 102, 103, 104)] == [
        "Konsole",
        "Konsole",
        "make",
        "make",
        "make",
    ]


def test_without_systemd_each_thing_that_a_session_or_panel_starts_is_an_app() -> None:
    desktop = Desktop()
    desktop.start(100, "xfce4-session", cgroup=SESSION)
    desktop.start(101, "xfce4-panel", 100, cgroup=SESSION)
    desktop.start(102, "firefox", 101, cgroup=SESSION, executable="/usr/lib/firefox/firefox", program_entry=FIREFOX)
    desktop.start(103, "Web Content", 102, cgroup=SESSION, executable="/usr/lib/firefox/firefox", program_entry=FIREFOX)
    desktop.start(104, "xterm", 101, cgroup=SESSION)
    desktop.shell(105, 104)
    desktop.start(106, "python3", 105, cgroup=SESSION, executable="/usr/bin/python3.11")
    names = {pid: desktop.app(pid).name for pid in desktop.rows}
    assert names == {
        100: "xfce4-session",
        101: "xfce4-panel",
        102: "Firefox",
        103: "Firefox",
        104: "xterm",
        105: "xterm",
        106: "python3",
    }


def test_an_application_that_another_one_starts_is_itself() -> None:
    desktop = Desktop()
    desktop.start(100, "code", cgroup=SESSION)
    desktop.start(101, "firefox", 100, cgroup=SESSION, program_entry=FIREFOX)
    desktop.start(102, "helper", 100, cgroup=SESSION)
    assert [desktop.app(pid).name for pid in (100, 101, 102)] == ["code", "Firefox", "code"]


def test_a_shell_script_is_one_app_with_all_that_it_runs() -> None:
    desktop = Desktop()
    desktop.shell(100, 1)
    desktop.start(101, "build.sh", 100, cgroup=SESSION, executable="/usr/bin/bash", session_pid=100, has_terminal=True)
    desktop.start(102, "gcc", 101, cgroup=SESSION, executable="/usr/bin/gcc", session_pid=100, has_terminal=True)
    assert [desktop.app(pid).name for pid in (101, 102)] == ["build.sh", "build.sh"]


def test_threads_of_the_kernel_are_one_app_and_forced_idling_is_none_of_them() -> None:
    desktop = Desktop()
    desktop.run(2, "kthreadd", 0, is_kernel=True)
    desktop.run(30, "kswapd0", 2, is_kernel=True)
    desktop.run(31, "idle_inject/0", 2, is_kernel=True)
    assert [app.kind for app in desktop.look().apps] == [AppKind.KERNEL, AppKind.COOLING]


def test_without_origins_apps_are_found_by_name_and_parent() -> None:
    desktop = Desktop()
    desktop.run(100, "handbrake")
    desktop.run(101, "worker", 100)
    desktop.run(200, "Other")
    assert [app.id for app in desktop.look().apps] == ["command:handbrake:1000", "command:Other:1000"]


def test_what_becomes_known_later_moves_a_process_and_its_children() -> None:
    desktop = Desktop()
    desktop.run(100, "firefox")
    desktop.run(101, "Web Content", 100)
    assert desktop.app(101).id == "command:firefox:1000"
    desktop.tell(100, cgroup=FIREFOX_SCOPE, place_entry=FIREFOX)
    assert desktop.app(101).id == "app:firefox:1000"
    assert desktop.app(100).id == "app:firefox:1000"


def test_a_process_that_becomes_another_program_is_another_app() -> None:
    desktop = Desktop()
    desktop.shell(100, 1)
    desktop.run(101, "bash", 100)
    desktop.run(102, "helper", 101)
    assert desktop.app(102).name == "bash"
    desktop.rows[101]["comm"] = b"ffmpeg"
    assert desktop.app(102).name == "ffmpeg"


def test_a_process_keeps_its_app_when_its_parent_is_gone() -> None:
    desktop = Desktop()
    desktop.run(100, "make")
    desktop.run(101, "cc1", 100)
    assert desktop.app(101).name == "make"
    del desktop.rows[100]
    desktop.rows[101]["parent_pid"] = 1
    assert desktop.app(101).name == "make"


def test_short_lived_processes_count_for_the_app_that_started_them() -> None:
    desktop = Desktop()
    desktop.shell(100, 1)
    desktop.start(101, "make", 100, cgroup=SESSION, executable="/usr/bin/make", row={"run_ns": 5})
    apps = desktop.look(
        ExitedRate("cc1", 101, 1000, 40, 1.5),
        ExitedRate("ls", 100, 1000, 1, 0.25),
        ExitedRate("", 0, 0, 900, 0.5),
    )
    found = {app.name: row for app, row in zip(apps.apps, apps.rows, strict=True)}
    assert found["make"]["cpu_ratio"] == pytest.approx(1.5)
    assert found["make"]["exited_cpu_ratio"] == pytest.approx(1.5)
    assert (found["make"]["processes"], found["make"]["exited"]) == (1, 40)
    assert found["ls"]["cpu_ratio"] == pytest.approx(0.25)
    assert (found["ls"]["processes"], found["ls"]["lead_pid"]) == (0, 0)
    assert np.isnan(found["ls"]["rss_bytes"])
    assert found["short-lived processes"]["exited"] == 900
    assert [apps.apps[at].name for at in apps.exited_of] == ["make", "ls", "short-lived processes"]


def test_short_lived_processes_find_their_app_when_the_parent_is_gone_too() -> None:
    desktop = Desktop()
    desktop.start(101, "make", cgroup=SESSION)
    desktop.start(102, "cc1", 101, cgroup=SESSION)
    desktop.look()
    desktop.rows.clear()
    apps = desktop.look(ExitedRate("as", 101, 1000, 1, 0.1), ExitedRate("cc1", 101, 1000, 1, 0.1))
    assert [apps.apps[at].name for at in apps.exited_of] == ["make", "make"]


def test_short_lived_processes_of_a_service_whose_parent_nobody_saw_count_for_the_service() -> None:
    desktop = Desktop()
    desktop.start(100, "apache2", cgroup="/system.slice/apache2.service", row={"cgroup_id": 77})
    apps = desktop.look(ExitedRate("cgi", 1, 33, 5, 0.5, 77), ExitedRate("cgi", 1, 33, 5, 0.5, 78))
    assert [apps.apps[at].id for at in apps.exited_of] == ["service:apache2.service", "command:cgi:33"]


def test_what_no_process_tells_stays_unknown_and_what_some_tell_is_their_sum() -> None:
    desktop = Desktop()
    desktop.run(100, "app", missing=2, rss_bytes=0)
    assert np.isnan(desktop.look().rows["rss_bytes"]).all()
    desktop.run(101, "app", 100, rss_bytes=4096)
    assert desktop.look().rows["rss_bytes"].tolist() == [4096]


def test_a_loop_of_parents_ends() -> None:
    desktop = Desktop()
    desktop.run(100, "egg", 101)
    desktop.run(101, "hen", 100)
    apps = desktop.look()
    assert len(apps.app_of) == 2


def test_names_from_outside_are_made_safe() -> None:
    desktop = Desktop()
    entry = Application("x\ny", "evil\n\x1b[31m", "")
    desktop.start(100, "a\nb", cgroup=SESSION)
    desktop.start(101, "c", cgroup=SESSION, program_entry=entry)
    for app in desktop.look().apps:
        assert app.name.isprintable()
        assert app.id.isprintable()


def test_what_is_remembered_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps_module, "MOST_GONE", 20)
    monkeypatch.setattr(apps_module, "SPARE_APPS", 20)
    desktop = Desktop()
    for generation in range(30):
        desktop.rows = {}
        for number in range(10):
            desktop.start(1000 + generation * 10 + number, f"job{generation}.{number}", cgroup=SESSION)
        desktop.look(ExitedRate(f"short{generation}", 1, 1000, 1, 0.1))
    grouper = desktop.grouper
    kept = (grouper._gone, grouper._siblings, grouper._apps, grouper._number_of, grouper._origins)
    assert max(len(memory) for memory in kept) < 100
    assert {app.name for app in desktop.look().apps} == {f"job29.{number}" for number in range(10)}


def test_a_second_in_which_nobody_comes_or_goes_adds_up_as_if_it_were_the_first() -> None:
    desktop = Desktop()
    desktop.start(100, "firefox", cgroup=FIREFOX_SCOPE, place_entry=FIREFOX, row={"rss_bytes": 300})
    desktop.start(101, "Web Content", 100, cgroup=FIREFOX_SCOPE, place_entry=FIREFOX, row={"rss_bytes": 200})
    desktop.start(7, "sh", row={"rss_bytes": 50})
    first = desktop.look()
    second = desktop.look(ExitedRate("cc1", 7, 1000, 3, 0.5), ExitedRate("", 0, 0, 1, 0.25))
    third = desktop.look()
    assert [app.id for app in second.apps[:2]] == [app.id for app in first.apps]
    assert second.rows["exited_cpu_ratio"].sum() == pytest.approx(0.75)
    assert len(third.apps) == len(first.apps)
    for name in ("rss_bytes", "processes", "lead_pid", "exited"):
        assert third.rows[name].tolist() == first.rows[name].tolist()
