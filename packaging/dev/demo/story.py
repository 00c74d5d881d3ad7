"""The story of ./dev demo, told as it happens: a process runs away, the alert comes, Stop is pressed, the alert goes.

Runs on a desktop (desk.py's or the visitor's own) as its ordinary user. Exits 1 if a chapter doesn't come.
"""

import argparse
import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import popup
from session import Bystander, Shown

HERE = Path(__file__).resolve().parent
RUNAWAY = "demo-runaway"
ICON_S, ALERT_S, CLICK_S, END_S, OVER_S = 15, 45, 70, 10, 30


class StoryError(Exception):
    """A chapter that didn't come."""


class Runaway:
    """The runaway, as if typed into a terminal with "&": what is started there is an app of its own.

    Not the terminal's foreground job: that would be work which somebody waits for (smoothtask_gui/sources/traits.py).
    """

    def __init__(self) -> None:
        self._terminal, shells = pty.openpty()
        words = 'set -m; "$@" & wait $!; exit $?'
        typed = ["setsid", "--ctty", "sh", "-c", words, "sh", sys.executable, HERE / "runaway.py"]
        try:
            self._shell = subprocess.Popen(typed, stdin=shells, stdout=subprocess.PIPE)
        finally:
            os.close(shells)
        self.pid = int((self._shell.stdout or sys.stdin).readline())
        self._began = time.monotonic()

    def cores(self) -> float:
        """What it has got so far, 1.0 is one core; /proc/PID/stat, fields utime and stime (proc(5)). Raises OSError."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(after_name[11]) + int(after_name[12])
        return ticks / os.sysconf("SC_CLK_TCK") / (time.monotonic() - self._began)

    def wait(self, seconds: float) -> int:
        """Its exit code as a shell tells it (128 + the signal). Raises subprocess.TimeoutExpired."""
        return self._shell.wait(seconds)

    def terminate(self) -> None:
        """It ends with its shell."""
        self._shell.terminate()


def stop_button(shown: Shown) -> int | None:
    """Which button stops the process, counted from the left."""
    return next((n for n, (_, label) in enumerate(shown.buttons) if label.startswith("Stop")), None)


class Story:
    """One telling. `pictures` is None where there is nothing to take them with."""

    def __init__(self, logs: Path, pictures: Path | None, clicks_itself: bool) -> None:
        self.logs, self.pictures, self.clicks_itself = logs, pictures, clicks_itself
        self.began = time.monotonic()
        self.bystander = Bystander()

    def tell(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", flush=True)

    def picture(self, name: str) -> None:
        if self.pictures:
            path = self.pictures / f"demo-{name}.png"
            subprocess.run(["import", "-window", "root", path], check=False)
            self.tell(f"         (picture: build/screenshots/{path.name})")

    async def run(self) -> None:
        """All chapters; StoryError at the first that doesn't come."""
        await self.bystander.watch()
        app = self.start_app("--hidden", "--rules", str(HERE / "rules.toml"))
        runaway = None
        try:
            self.tell("the app is starting (its log: build/run/demo-app.log)")
            await self.icon(app)
            runaway = Runaway()
            self.tell(f"a runaway process is started: pid {runaway.pid}, one core, harmless, ends itself after 90 s")
            try:
                shown = await self.alert(app)
            except StoryError as error:
                raise StoryError(f"{error}; the runaway got {runaway.cores():.2f} cores of this machine") from None
            await self.stop(shown, runaway)
            await self.over()
        finally:
            for process in filter(None, (runaway, app)):
                process.terminate()
                process.wait(10)

    def start_app(self, *options: str) -> "subprocess.Popen[bytes]":
        with (self.logs / "demo-app.log").open("wb") as log:
            words = [Path(sys.executable).with_name("smoothtask"), *options]
            return subprocess.Popen(words, stdout=log, stderr=log)

    async def icon(self, app: "subprocess.Popen[bytes]") -> None:
        for _ in range(ICON_S * 10):
            icons = await self.bystander.tray_icons()
            if app.poll() is not None:
                raise StoryError(f"the app ended by itself (exit {app.returncode})")
            if icons:
                self.tell("the tray icon is there")
                return
            await asyncio.sleep(0.1)
        if icons is None:
            self.tell("this desktop has no tray (GNOME needs an extension): notifications come all the same")
            return
        raise StoryError(f"no tray icon within {ICON_S} s")

    async def next_shown(self, patience_s: float, has_stop: bool) -> Shown | None:
        """The next notification about the runaway that can stop it (or no longer can), None if it doesn't come."""
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    shown = await self.bystander.shown.get()
                    if RUNAWAY in shown.title and (stop_button(shown) is not None) is has_stop:
                        return shown
        except TimeoutError:
            return None

    async def alert(self, app: "subprocess.Popen[bytes]") -> Shown:
        shown = await self.next_shown(ALERT_S, has_stop=True)
        if shown is None:
            ended = "" if app.poll() is None else f"; the app has ended (exit {app.returncode})"
            self.picture("failed")
            raise StoryError(f"no alert within {ALERT_S} s{ended}")
        self.tell(f"notification: {shown.title}")
        for line in shown.body.splitlines():
            self.tell(f"              {line}")
        self.tell(f"              {' '.join(f'[{label}]' for _, label in shown.buttons)}")
        return shown

    async def stop(self, shown: Shown, runaway: Runaway) -> None:
        if self.clicks_itself:
            buttons = await asyncio.to_thread(popup.drawn, len(shown.buttons))
            self.picture("alert")
            if not buttons:
                raise StoryError("the notification's buttons aren't on the screen")
            popup.click(buttons[stop_button(shown) or 0])
        else:
            self.tell("press Stop in the notification; nothing is lost if you don't")
        try:
            key = await asyncio.wait_for(self.bystander.pressed.get(), CLICK_S)
        except TimeoutError:
            raise StoryError(f"no button was pressed within {CLICK_S} s") from None
        self.tell(f"pressed: {dict(shown.buttons).get(key, key)}")
        try:
            code = await asyncio.to_thread(runaway.wait, END_S)
        except subprocess.TimeoutExpired:
            raise StoryError(f"pid {runaway.pid} still runs {END_S} s after the press") from None
        self.tell(f"pid {runaway.pid} has ended ({'by SIGTERM' if code == 128 + signal.SIGTERM else f'exit {code}'})")

    async def over(self) -> None:
        shown = await self.next_shown(OVER_S, has_stop=False)
        if shown is None:
            raise StoryError(f"the alert wasn't called over within {OVER_S} s")
        self.tell(f"notification: {shown.title}")
        self.picture("over")
        self.tell("that was it")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--clicks-itself", action="store_true")
    chosen = parser.parse_args()
    story = Story(chosen.logs, chosen.pictures, chosen.clicks_itself)
    try:
        asyncio.run(story.run())
    except StoryError as error:
        story.tell(f"the demo failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
