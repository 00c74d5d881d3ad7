"""The life of an alert on a real desktop: one notification changed in place, what its buttons do, and when it waits."""

import asyncio
import json
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smoothtask_gui.sources.focus.x11 import X11Focus
from tests.desktop.conftest import PATIENCE_S, RUNAWAY_RULES, MakeDesk, Scene

FULL_SCREEN = """
import sys
from PySide6.QtWidgets import QApplication, QLabel
application = QApplication(sys.argv)
film = QLabel("a film")
film.setWindowTitle("a film")
film.showFullScreen()
application.exec()
"""
HOSTILE = "</b><img src=x>\x1b[31m\u202e&\n\udcff"
OURS = ("python", "python3", "xfwm4", "xfce4-panel", "xfce4-notifyd", "dunst", "Xvfb", "dbus-daemon", "dbus-monitor")
RULES = RUNAWAY_RULES.replace("cores = 0.3", "cores = 0.1").replace("clear_cores = 0.1", "clear_cores = 0.02")
RULES += f"ignore = {json.dumps(OURS)}\n"  # busy when a machine is slow, and a level that two may reach then
LASTING = RULES.replace("keep_firing_for_s = 1.0", "keep_firing_for_s = 120.0")


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def told(scene: Scene, part: str) -> list[int]:
    """What each notification replaces whose title has `part` in it, 0 for a new one."""
    found = []
    for call in scene.bus_log.split("member=Notify\n")[1:]:
        title = call.split('string "')[3].partition('"')[0]
        if part in title:
            found.append(int(call.split("uint32 ")[1].split()[0]))
    return found


def start(scene: Scene, rules: str = RULES) -> subprocess.Popen[bytes]:
    scene.rules.write_text(rules)
    app = scene.start_app("--hidden")
    scene.wait_for_icon()
    return app


def act_in_menu(scene: Scene, place: int) -> None:
    """Choose an entry of the first alert's menu, counted from 0 (Show)."""
    scene.open_menu()
    scene.press_keys("Down", "Down", "Right", *["Down"] * place, "Return")


def test_a_pause_really_stops_the_app_and_its_notification_lets_it_go_on(scene: Scene) -> None:
    app = start(scene, LASTING)
    runaway = scene.start_runaway()
    scene.until(scene.notification, "it is told")
    act_in_menu(scene, 4)  # Show, Stop, Expected, Snooze, Pause
    scene.until(lambda: state(runaway) == "T", "it is stopped")
    scene.until(lambda: scene.notified(r"spinner is paused\. It goes on in 30 min"), "that is told, with the way back")
    assert max(told(scene, "spinner has used")) > 0, "in the place of the first one"
    scene.picture("life-paused")
    scene.press("Resume", "spinner")
    scene.until(lambda: state(runaway) in "RS", "it goes on")
    scene.until(lambda: scene.notified(r"spinner goes on\."), "that is told")
    scene.until(lambda: scene.recorded("Action.PAUSE"), "the history has what was done")
    assert app.poll() is None


def test_a_paused_app_goes_on_when_smoothtask_is_killed(scene: Scene) -> None:
    app = start(scene, LASTING)
    runaway = scene.start_runaway()
    scene.until(scene.notification, "it is told")
    act_in_menu(scene, 4)
    scene.until(lambda: state(runaway) == "T", "it is stopped")
    app.kill()
    scene.until(lambda: state(runaway) in "RS", "it goes on")


def test_what_is_expected_of_an_app_is_learned_from_its_notification(scene: Scene) -> None:
    app = start(scene)
    first = scene.start_runaway()
    scene.until(scene.notification, "it is told")
    scene.press("Expected", "spinner")
    choices = state_file(scene, "choices.json")
    scene.until(lambda: choices.exists() and "spinner" in choices.read_text(), "it is learned")
    scene.until(lambda: scene.notification() is None, "the notification is gone")
    first.kill()
    app.terminate()
    assert app.wait(60) == 0
    start(scene)
    scene.start_runaway()
    scene.start_runaway("another")
    scene.until(lambda: told(scene, "another has used"), "another app is told of")
    assert told(scene, "spinner has used") == [0]
    assert json.loads(choices.read_text())["expected"][0]["name"] == "spinner"


def state_file(scene: Scene, name: str) -> Path:
    return Path(scene.desk.env["XDG_STATE_HOME"], "smoothtask", name)


def test_beyond_the_hourly_limit_alerts_wait_in_the_tray(scene: Scene) -> None:
    start(scene, LASTING + "[notifications]\nper_hour = 1\n")
    scene.start_runaway("first-one")
    scene.until(lambda: told(scene, "first-one has used"), "the first is told")
    scene.start_runaway("second-one")
    scene.until(lambda: scene.recorded("second-one"), "the second is recorded")
    scene.open_menu()
    scene.picture("life-gathered")
    assert told(scene, "second-one") == []


def test_xfces_do_not_disturb_is_heeded_and_what_waited_is_told_afterwards(scene: Scene) -> None:
    disturb(scene, allowed=False)
    start(scene)
    scene.start_runaway()
    scene.until(lambda: scene.recorded("spinner"), "the alert is open")
    scene.until(lambda: held(scene), "it is held back")
    assert told(scene, "spinner") == []
    disturb(scene, allowed=True)
    scene.until(lambda: told(scene, "spinner has used"), "it is told now")


def held(scene: Scene) -> bool:
    """Whether the tray says that an alert wasn't announced; its tooltip is a property of its bus item."""
    return "Not announced" in tooltip(scene)


def tooltip(scene: Scene) -> str:
    watcher = [
        "dbus-send",
        "--session",
        "--print-reply",
        "--dest=org.kde.StatusNotifierWatcher",
        "/StatusNotifierWatcher",
    ]
    get = "org.freedesktop.DBus.Properties.Get"
    items = scene.desk.run(
        [*watcher, get, "string:org.kde.StatusNotifierWatcher", "string:RegisteredStatusNotifierItems"]
    )
    name = next(line.split('"')[1] for line in items.stdout.splitlines() if "string" in line)
    item = ["dbus-send", "--session", "--print-reply", f"--dest={name.partition('/')[0]}", "/StatusNotifierItem"]
    return str(scene.desk.run([*item, get, "string:org.kde.StatusNotifierItem", "string:ToolTip"]).stdout)


def disturb(scene: Scene, *, allowed: bool) -> None:
    value = "false" if allowed else "true"
    words = ["dbus-send", "--session", "--print-reply", "--dest=org.xfce.Xfconf", "/org/xfce/Xfconf"]
    words += ["org.xfce.Xfconf.SetProperty", "string:xfce4-notifyd", "string:/do-not-disturb"]
    scene.desk.run([*words, f"variant:boolean:{value}"])


def test_a_full_screen_window_is_not_disturbed(scene: Scene) -> None:
    start(scene)
    film = scene.desk.spawn([sys.executable, "-c", FULL_SCREEN], "film.log")
    scene.until(lambda: scene.windows("--name", "^a film$"), "the film fills the screen")
    scene.start_runaway()
    scene.until(lambda: held(scene), "it is held back")
    assert told(scene, "spinner") == []
    film.kill()
    scene.until(lambda: told(scene, "spinner has used"), "it is told now")


def test_focus_windows_and_full_screen_are_known_as_they_are(scene: Scene) -> None:
    film = scene.desk.spawn([sys.executable, "-c", FULL_SCREEN], "film.log")
    scene.until(lambda: scene.windows("--name", "^a film$"), "the film fills the screen")
    small = scene.desk.spawn([sys.executable, "-c", FULL_SCREEN.replace("showFullScreen", "show")], "small.log")
    scene.until(lambda: len(scene.windows("--name", "^a film$")) == 2, "the other one is there")
    window = next(window for window in scene.windows("--name", "^a film$") if scene.geometry(window)[2] < 1000)

    async def follow() -> None:
        focus = X11Focus(scene.desk.env, platform.node())
        following = asyncio.ensure_future(focus.run())
        scene.desk.run(["xdotool", "windowactivate", str(window)])  # no thread may start beside a pid namespace
        await until(lambda: has_focus(focus, small, full_screen=False))
        scene.desk.run(["xdotool", "windowminimize", str(window)])
        await until(lambda: has_focus(focus, film, full_screen=True))
        await until(lambda: focus.latest is not None and focus.latest.window_pids.count(seen(small)) == 0)
        assert focus.latest is not None
        assert seen(film) in focus.latest.window_pids
        following.cancel()

    asyncio.run(follow())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is waited for is seen from outside only
            await asyncio.sleep(0.05)


def has_focus(focus: X11Focus, child: subprocess.Popen[bytes], *, full_screen: bool) -> bool:
    found = focus.latest
    return (
        found is not None and found.active_known and (found.active_pid, found.full_screen) == (seen(child), full_screen)
    )


def seen(child: subprocess.Popen[bytes]) -> int:
    """The pid as the X server has it: in the scene's own pid namespace (proc_pid_status(5), NSpid)."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("NSpid")).split()[-1])


def test_without_a_notification_service_the_tray_says_so(make_scene: MakeDesk) -> None:
    scene = make_scene(notify="none")
    start(scene)
    scene.until(lambda: "No notification service answers" in tooltip(scene), "its tooltip says so")
    scene.open_menu()
    scene.picture("life-no-service")


@pytest.mark.parametrize("service", ["xfce4-notifyd", "dunst"])
def test_hostile_names_harm_neither_notification_nor_tray_nor_window(make_scene: MakeDesk, service: str) -> None:
    scene = make_scene(notify=service)
    app = start(scene)
    program = "import os, sys, ctypes\nctypes.CDLL(None).prctl(15, os.fsencode(sys.argv[1]))\nwhile True: pass\n"
    for name in (HOSTILE, "\u202eab\x07cd</b>", "A" * 4096):
        scene.desk.spawn([sys.executable, "-I", "-c", program, name], "evil.log")
    scene.until(lambda: len(re_titles(scene)) >= 3, "all are told of")
    assert all(title.isprintable() for title in re_titles(scene))
    assert r"</b><img src=x>" in scene.bus_log
    assert "\x1b" not in scene.bus_log + tooltip(scene)
    assert "\u202e" not in scene.bus_log + tooltip(scene)
    scene.open_menu()
    scene.picture(f"life-hostile-{service}")
    scene.press_keys("Down", "Return")
    scene.until(scene.main_window, "the window opens")
    assert app.poll() is None


def re_titles(scene: Scene) -> set[str]:
    calls = scene.bus_log.split("member=Notify\n")[1:]
    return {call.split('string "')[3].partition('"\n')[0] for call in calls}


def test_a_stop_ends_the_app_and_the_incident_says_so(scene: Scene) -> None:
    start(scene)
    runaway = scene.start_runaway()
    scene.until(scene.notification, "it is told")
    scene.press("Stop", "spinner")
    assert scene.until(runaway.poll, "it ends") == -signal.SIGTERM
    scene.until(lambda: told(scene, "spinner ended after it was stopped"), "the end says what helped")
    scene.until(lambda: scene.recorded("spinner was asked to end."), "the history has what was done")
