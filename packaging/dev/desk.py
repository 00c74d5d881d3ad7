#!/usr/bin/python3
"""A throw-away desktop: Xvfb, a session bus, a panel with a tray, a window manager, a notification daemon.

    desk.py [options] -- COMMAND…      runs COMMAND on it and ends with its exit code
    with Desktop(notify="dunst") as desk: …    the same for tests; `desk.env` is the environment to run in

It exists because a tray app's promises (the icon is seen, the button stops the process) can only be kept on a real
desktop. Everything lives in one temporary folder and carries SMOOTHTASK_DESK in its environment; leaving ends every
process that does, those that the bus started included. Direct children get PDEATHSIG besides, so that even a SIGKILL
leaves nothing: the bus and the X server die, and what is connected to them follows.

Fails with DeskError when a part isn't installed or doesn't come up; the message ends with what that part said.
Works as root and as a normal user; needs only the standard library.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

CONFIG: Final = Path(__file__).resolve().parent / "desk"
MARK: Final = "SMOOTHTASK_DESK"
PR_SET_CHILD_SUBREAPER: Final = 36  # <linux/prctl.h>
DIE_WITH_PARENT: Final = ["setpriv", "--pdeathsig", "KILL"]  # before a command: killed when its starter ends
READY_S: Final = 20.0  # on a loaded machine; the usual is 0.4 s
WATCHER: Final = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS: Final = "org.freedesktop.Notifications"
ACTIVATABLE: Final = ("org.xfce.Xfconf.service", "ca.desrt.dconf.service", "org.a11y.Bus.service")
_libc: Final = ctypes.CDLL(None, use_errno=True)


class DeskError(Exception):
    """A part of the desktop is missing or didn't come up."""


class Desktop:
    """One desktop; a context manager. `notify` is "xfce4-notifyd", "dunst" or "none"."""

    def __init__(
        self,
        *,
        size: str = "1280x800",
        notify: str = "xfce4-notifyd",
        panel: bool = True,
        wm: bool = True,
        scale: int = 1,
        dark: bool = False,
        accessible: bool = False,
    ) -> None:
        self.size, self.notify, self.panel, self.wm = size, notify, panel, wm
        self.scale, self.dark, self.accessible = scale, dark, accessible
        self.home = Path()
        self.env: dict[str, str] = {}
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._spawned: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what the bus activates is orphaned to us, for us to reap
        self.home = Path(tempfile.mkdtemp(prefix="smoothtask-desk-"))
        try:
            self._prepare_home()
            self._start_display()
            self._start_bus()
            if self.wm:
                self.start("xfwm4")
            if self.panel:
                self.start("panel")
            if self.notify != "none":
                self.start(self.notify)
            if self.panel:
                self.wait_for_name(WATCHER)
            if self.notify != "none":
                self.wait_for_name(NOTIFICATIONS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything that runs on this desktop and remove its folder. May be called twice."""
        for process in self._spawned:
            end(process)
        for part in ("panel", "xfwm4", "dunst", "xfce4-notifyd"):
            self.stop(part)
        end_marked(str(self.home))
        for part in list(self._parts):
            self.stop(part)
        end_marked(str(self.home))  # services that a client's last words activated
        shutil.rmtree(self.home, ignore_errors=True)

    def _prepare_home(self) -> None:
        home = self.home
        channels = home / ".config/xfce4/xfconf/xfce-perchannel-xml"
        for folder in (channels, home / ".config/dunst", home / ".cache", home / ".local/share", home / "services"):
            folder.mkdir(parents=True)
        (home / "run").mkdir(mode=0o700)
        values = {
            "@DARK@": str(self.dark).lower(),
            "@ICON_PX@": str(16 * self.scale),
            "@PANEL_PX@": str(30 * self.scale),
            "@RUNTIME@": str(home / "run"),
            "@SERVICES@": str(home / "services"),
        }
        for source in CONFIG.iterdir():
            text = source.read_text()
            for name, value in values.items():
                text = text.replace(name, value)
            target = {".xml": channels, ".conf": home}.get(source.suffix, home / ".config/dunst")
            (target / source.name).write_text(text)
        for name in ACTIVATABLE if self.accessible else ACTIVATABLE[:2]:
            service = Path("/usr/share/dbus-1/services", name)
            if service.exists():
                (home / "services" / name).symlink_to(service)
        self.env = self._environment()

    def _environment(self) -> dict[str, str]:
        home = self.home
        dropped = ("WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY", "SESSION_MANAGER", "QT_QPA_PLATFORM")
        env = {name: value for name, value in os.environ.items() if name not in dropped}
        env |= {
            MARK: str(home),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_DATA_HOME": str(home / ".local/share"),
            "XDG_STATE_HOME": str(home / ".local/state"),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "XDG_CURRENT_DESKTOP": "XFCE",
            "XDG_SESSION_TYPE": "x11",
            "LANG": "C.UTF-8",
        }
        if self.accessible:
            env["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] = "1"
        else:
            env |= {"GTK_A11Y": "none", "NO_AT_BRIDGE": "1"}
        if self.scale > 1:
            env |= {"QT_SCALE_FACTOR": str(self.scale), "GDK_SCALE": str(self.scale)}
        if self.dark:
            env["GTK_THEME"] = "Adwaita:dark"
        return env

    def _start_display(self) -> None:
        reader, writer = os.pipe()
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{self.size}x24", "-nolisten", "tcp", "-noreset"]
        self._launch("Xvfb", command, pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()  # ends with the server, so this can't hang on a dead one
        if not number:
            raise DeskError(f"Xvfb didn't start: {self._log('Xvfb')}")
        self.env["DISPLAY"] = f":{number}"
        if shutil.which("xsetroot"):
            self.run(["xsetroot", "-solid", "#20303c" if self.dark else "#4f7089"])

    def _start_bus(self) -> None:
        reader, writer = os.pipe()
        config = f"--config-file={self.home / 'session.conf'}"
        command = ["dbus-daemon", config, "--nofork", "--nopidfile", f"--print-address={writer}"]
        self._launch("dbus-daemon", command, pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as answer:
            address = answer.readline().strip()
        if not address:
            raise DeskError(f"the session bus didn't start: {self._log('dbus-daemon')}")
        self.env["DBUS_SESSION_BUS_ADDRESS"] = address

    def start(self, part: str) -> None:
        """Start "panel", "xfwm4", "dunst" or "xfce4-notifyd" (again). Doesn't wait: see `wait_for_name`."""
        self.stop(part)
        match part:
            case "panel":
                command = ["xfce4-panel", "--disable-wm-check"]
            case "xfwm4":
                command = ["xfwm4", "--compositor=off"]
            case "dunst":
                command = ["dunst", "-conf", str(self.home / ".config/dunst/dunstrc")]
            case "xfce4-notifyd":
                command = [str(next(Path("/usr/lib").glob("*/xfce4/notifyd/xfce4-notifyd"), "xfce4-notifyd"))]
            case _:
                raise DeskError(f"no part of the desktop is called {part}")
        self._launch(part, command)

    def stop(self, part: str) -> None:
        """End a part; nothing happens when it doesn't run."""
        process = self._parts.pop(part, None)
        if process is not None:
            end(process)

    def _launch(self, part: str, command: list[str], pass_fds: tuple[int, ...] = ()) -> None:
        if shutil.which(command[0]) is None:
            raise DeskError(f"{command[0]} isn't installed; docs/dependencies.md has the packages")
        with (self.home / f"{part}.log").open("wb") as log:
            self._parts[part] = subprocess.Popen(
                DIE_WITH_PARENT + command,
                env=self.env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds,
            )

    def _log(self, part: str) -> str:
        text = (self.home / f"{part}.log").read_text(errors="replace").strip()
        return " / ".join(text.splitlines()[-3:]) or "it said nothing"

    def run(self, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        """Run a tool on this desktop, to its end; raises CalledProcessError when it fails."""
        return subprocess.run(command, env=self.env, check=True, text=True, capture_output=True, timeout=30, **options)  # type: ignore[call-overload,no-any-return]

    def spawn(self, command: list[str], log: str, **extra_env: str) -> subprocess.Popen[bytes]:
        """Start a program that ends with the desktop; its output goes to the file `log` in the desktop's folder."""
        with (self.home / log).open("ab") as output:
            process = subprocess.Popen(
                DIE_WITH_PARENT + command, env=self.env | extra_env, stdout=output, stderr=output
            )
        self._spawned.append(process)
        return process

    def owner_of(self, name: str) -> str | None:
        """The unique bus name that owns `name`, None while nobody does."""
        command = ["dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus"]
        command += ["/org/freedesktop/DBus", "org.freedesktop.DBus.GetNameOwner", f"string:{name}"]
        answer = subprocess.run(command, env=self.env, check=False, text=True, capture_output=True, timeout=10)
        return answer.stdout.strip() if answer.returncode == 0 else None

    def wait_for_name(self, name: str, *, owned: bool = True) -> None:
        """Return once `name` is owned (or isn't); DeskError after READY_S, with what the parts said."""
        deadline = time.monotonic() + READY_S
        while (self.owner_of(name) is not None) is not owned:
            if time.monotonic() > deadline:
                said = "; ".join(f"{part}: {self._log(part)}" for part in self._parts)
                raise DeskError(f"{name} was not {'owned' if owned else 'given up'} within {READY_S:.0f} s ({said})")
            time.sleep(0.03)

    def screenshot(self, path: Path) -> Path:
        """Save the whole screen as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.run(["import", "-window", "root", str(path)])
        return path


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL if that isn't heeded within two seconds; reaped in any case."""
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def marked(mark: str) -> list[int]:
    """Pids of other processes whose environment carries MARK=mark (proc_pid_environ(5))."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:  # gone meanwhile, or another user's
                continue
    return found


def end_marked(mark: str) -> None:
    """SIGTERM to all of a desktop's processes but its bus and display, SIGKILL to what is left after a second."""
    for number, patience_s in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + patience_s
        pids = [pid for pid in marked(mark) if number == signal.SIGKILL or not _is_base(pid)]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        left = pids
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if _runs(pid)]
            time.sleep(0.02)
        for pid in pids:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # not ours to reap
                continue


def _is_base(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() in ("Xvfb", "dbus-daemon")
    except OSError:
        return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _leave(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)


def main() -> int:
    """Parse the command line, run the command on a desktop, return its exit code."""
    parser = argparse.ArgumentParser(description="Run a command on a throw-away desktop.")
    parser.add_argument("--size", default="1280x800", help="of the screen in pixels (default %(default)s)")
    parser.add_argument("--notify", default="xfce4-notifyd", choices=["xfce4-notifyd", "dunst", "none"])
    parser.add_argument("--panel", default=True, action=argparse.BooleanOptionalAction, help="with a tray")
    parser.add_argument("--wm", default=True, action=argparse.BooleanOptionalAction, help="with a window manager")
    parser.add_argument("--scale", default=1, type=int, help="of the user interface")
    parser.add_argument("--dark", action="store_true", help="dark theme")
    parser.add_argument("--accessible", action="store_true", help="with at-spi")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    chosen = vars(parser.parse_args())
    command = chosen.pop("command")
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        parser.error("what shall run on the desktop?")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with Desktop(**chosen) as desk:
            code = subprocess.Popen(DIE_WITH_PARENT + command, env=desk.env).wait()
    except DeskError as error:
        print(f"desk.py: {error}", file=sys.stderr)
        return 1
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
