"""A real desktop for each test, and a hand and an eye on it.

As root, each desktop with the app has a pid namespace of its own, and the app sees only that one's processes:
otherwise whatever else is busy on this machine would raise alerts, and a test's Stop button could hit it. A normal
user's app sees all of that user's processes; `press` then refuses when another process was named.
"""

import contextlib
import ctypes
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from smoothtask_gui.adapters.history import reader, schema
from smoothtask_gui.domain.history.question import Question

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
RUNAWAY_RULES = "[runaway]\ncores = 0.3\nclear_cores = 0.1\nfor_s = 1.0\nkeep_firing_for_s = 1.0\ncooldown_s = 0.0\n"


def load_desk() -> ModuleType:
    spec = importlib.util.spec_from_file_location("desk", ROOT / "packaging/dev/desk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


desk_module = load_desk()
CLONE_NEWPID = 0x2000_0000  # <linux/sched.h>
OWN_PROC = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def own_processes() -> Iterator[None]:
    """What is started meanwhile lives in a pid namespace that ends with it (pid_namespaces(7))."""
    if os.geteuid() != 0:
        yield
        return
    with Path("/proc/self/ns/pid").open() as home:
        assert libc.unshare(CLONE_NEWPID) == 0, os.strerror(ctypes.get_errno())
        first = subprocess.Popen([*desk_module.DIE_WITH_PARENT, "sleep", "infinity"])
        try:
            yield
        finally:
            first.kill()
            first.wait()
            assert libc.setns(home.fileno(), CLONE_NEWPID) == 0, os.strerror(ctypes.get_errno())


MakeDesk = Callable[..., "Scene"]


class Scene:
    """A desktop with the app on it. Coordinates are the screen's."""

    def __init__(self, desk: Any, folder: Path) -> None:
        self.desk = desk
        self.folder = folder
        self.rules = folder / "rules.toml"
        self.rules.write_text(RUNAWAY_RULES)
        self._bus_log = desk.home / "bus.log"
        self.desk.spawn(["dbus-monitor", "--session", "interface='org.freedesktop.Notifications'"], "bus.log")
        self.until(lambda: "NameAcquired" in self.bus_log, "dbus-monitor listens")

    @property
    def bus_log(self) -> str:
        """Every notification call and signal so far, as dbus-monitor prints them."""
        return self._bus_log.read_text() if self._bus_log.exists() else ""

    def until(self, holds: Callable[[], object], what: str) -> Any:
        """Wait until `holds` gives something true, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            assert time.monotonic() < deadline, f"never happened: {what}\n{self.said()}\n{self.shown()}"
            time.sleep(0.2)  # the boxed app sees this process too, as part of the app that the runaway is in
        return found

    def said(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in self.desk.home.glob("app*.log"))

    def shown(self) -> str:
        """The titles of all notifications so far."""
        titles = re.findall(r'member=Notify\n(?:.*\n){3}\s*string "(.*)"', self.bus_log)
        return f"notifications: {titles}"

    def start_app(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "smoothtask_gui", "--source", "procfs", "--rules", str(self.rules)]
        alone = OWN_PROC if os.geteuid() == 0 else []
        return self.desk.spawn([*alone, *command, *options], "app.log", PYTHONPATH=str(ROOT), **environment)

    def start_runaway(self, name: str = "spinner") -> subprocess.Popen[bytes]:
        """A busy process of that name, which ends with its test at the latest."""
        program = self.folder / name
        program.write_text("#!/bin/bash\nwhile :; do :; done\n")  # the kernel names a script's process after the script
        program.chmod(0o755)
        return self.desk.spawn([str(program)], "runaway.log")

    def recorded(self, name: str) -> bool:
        """Whether the app's history has an incident of the process `name`."""
        found = reader.ask(Path(self.desk.env["XDG_STATE_HOME"], "smoothtask", schema.NAME), Question(0, 1e11))
        return any(name in str(incident) for incident in found.incidents)

    def item_is_registered(self) -> bool:
        command = ["dbus-send", "--session", "--print-reply", f"--dest={desk_module.WATCHER}", "/StatusNotifierWatcher"]
        command += ["org.freedesktop.DBus.Properties.Get", f"string:{desk_module.WATCHER}"]
        try:
            answer = self.desk.run([*command, "string:RegisteredStatusNotifierItems"])
        except subprocess.CalledProcessError:  # the panel isn't there yet
            return False
        return "StatusNotifierItem" in answer.stdout

    def icon_pixels(self) -> int:
        """How many clearly dark pixels the tray's corner of the (light) panel has."""
        grab = ["import", "-window", "root", "-crop", "30x28+1250+1", "-depth", "8", "gray:-"]
        picture = subprocess.run(grab, env=self.desk.env, capture_output=True, check=True).stdout
        return sum(level < 170 for level in picture)

    def wait_for_icon(self) -> None:
        self.until(lambda: self.item_is_registered() and self.icon_pixels() > 30, "the tray icon is seen")

    def windows(self, *search: str) -> list[int]:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", *search],
            env=self.desk.env,
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(line) for line in found.stdout.split()]

    def geometry(self, window: int) -> tuple[int, int, int, int]:
        """x, y, width, height."""
        text = self.desk.run(["xdotool", "getwindowgeometry", "--shell", str(window)]).stdout
        values = dict(line.split("=") for line in text.split())
        return int(values["X"]), int(values["Y"]), int(values["WIDTH"]), int(values["HEIGHT"])

    def main_window(self) -> int | None:
        return next(iter(self.windows("--name", "^SmoothTask$")), None)

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.desk.run(["xdotool", "mousemove", str(x), str(y), "click", str(button)])

    def open_menu(self) -> int:
        """Right-click the tray icon; returns the menu's window."""
        self.click(1265, 15, 3)
        return int(self.until(self._menu, "the tray menu opens"))

    def _menu(self) -> int | None:
        popups = self.windows("--class", "wrapper-2.0")
        return next((window for window in popups if self.geometry(window)[3] > 100), None)

    def press_keys(self, *keys: str) -> None:
        self.desk.run(["xdotool", "key", "--delay", "60", *keys])

    def notification(self) -> tuple[int, int, int, int] | None:
        """Geometry of xfce4-notifyd's notification, None while it shows none."""
        shown = self.windows("--class", "xfce4-notifyd")
        boxes = [self.geometry(window) for window in shown]
        return next((box for box in boxes if box[3] > 60), None)

    def press(self, label: str, name: str) -> None:
        """Click the button `label` of the only notification, which is about the process `name`, once it stands still.

        It is on the screen before it has its place and size.
        """
        seen = [self.notification()]

        def at_rest() -> tuple[int, int, int, int] | None:
            seen.append(self.notification())
            return seen[-1] if seen[-1] == seen[-2] else None

        x, y, width, height = self.until(at_rest, "a notification is on the screen")
        named = re.findall(r'string "(\S+) has used', self.bus_log)
        assert set(named) == {name}, "another process is busy; its notification might get the click"
        call = self.bus_log.split("member=Notify\n")[-1]
        labels = re.findall(r'string "(.*)"', call.partition("array [")[2].partition("]")[0])[1::2]
        self.click(x + width - 56 - 92 * (len(labels) - 1 - labels.index(label)), y + height - 31)  # 92 px apart

    def picture(self, name: str) -> None:
        self.desk.screenshot(ROOT / "build/screenshots" / f"{name}.png")

    def notified(self, pattern: str) -> bool:
        """Whether a notification whose call matches `pattern` was sent."""
        return any(re.search(pattern, call, re.DOTALL) for call in self.bus_log.split("member=Notify\n")[1:])


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[MakeDesk]:
    """For tests that start the app: it sees only its own desktop's processes."""
    with own_processes(), contextlib.ExitStack() as stack:
        yield lambda **options: Scene(stack.enter_context(desk_module.Desktop(**options)), tmp_path)


@pytest.fixture
def make_bus_scene(tmp_path: Path) -> Iterator[MakeDesk]:
    """For tests of one adapter: notification service and bus, no panel; the test may start threads."""
    with contextlib.ExitStack() as stack:
        options = {"panel": False, "wm": False}
        yield lambda **more: Scene(stack.enter_context(desk_module.Desktop(**options, **more)), tmp_path)


@pytest.fixture
def scene(make_scene: MakeDesk) -> "Scene":
    """Panel with a tray, window manager, xfce4-notifyd."""
    return make_scene()
