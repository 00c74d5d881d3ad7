"""A desktop whose person is an ordinary user with the real helper: desk.py inside box.py, driven from outside by root.

The X server admits every local user, so clicks and pictures come from outside; the session bus admits its own user
only, so whatever talks on it runs inside.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.desktop.conftest import ROOT, Scene

TOOLS = ROOT / "packaging" / "dev"
SAMPLER = "io.github.smoothtask.Sampler1"
TELL_AND_HOLD = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"


class BoxedDesk:
    """What a `Scene` needs of desk.Desktop; a context manager. `options` are desk.py's."""

    def __init__(self, *options: str) -> None:
        self._options = options

    def __enter__(self) -> Self:
        self._spawned: list[subprocess.Popen[bytes]] = []
        sys.path.insert(0, str(TOOLS))
        try:
            self.box: Any = importlib.import_module("box").HeldBox("--helper-object-dir", str(ROOT / "build" / "bpf"))
        finally:
            del sys.path[0]
        python = "/usr/bin/python3"
        desk = [python, "-B", str(TOOLS / "desk.py"), *self._options, "--", python, "-c", TELL_AND_HOLD]
        self._holder = subprocess.Popen(
            self.box.command(*desk), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        line = self._holder.stdout.readline()
        if not line:
            self.__exit__()
        self.env: dict[str, str] = json.loads(line)
        self.home = Path(self.env["HOME"])
        return self

    def __exit__(self, *_: object) -> None:
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()  # desk.py then ends all that runs on the desktop
        for process in self._spawned:
            with process:  # closes its standard input and waits
                pass
        self._holder.wait(20)
        self._holder.stdout.close()
        self.box.close()

    def inside(self, *words: str) -> list[str]:
        """The words, to be run by the box's person on the desktop."""
        return list(self.box.command("env", "-i", *(f"{name}={value}" for name, value in self.env.items()), *words))

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.inside(*command), check=True, text=True, capture_output=True, timeout=30)

    def spawn(self, command: list[str], log: str, **extra_env: str) -> subprocess.Popen[bytes]:
        words = ["env", *(f"{name}={value}" for name, value in extra_env.items()), *command]
        with (self.home / log).open("ab") as output:
            process = subprocess.Popen(self.inside(*words), stdin=subprocess.PIPE, stdout=output, stderr=output)
        self._spawned.append(process)
        return process

    def screenshot(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["import", "-window", "root", str(path)], env=os.environ | self.env, check=True)
        return path


class BoxedScene(Scene):
    """The app as the box's person runs it: `smoothtask`, source auto."""

    def __init__(self, desk: BoxedDesk) -> None:
        super().__init__(desk, desk.home)

    def start_app(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-P", "-m", "smoothtask_gui", "--rules", str(self.rules), *options]
        return self.desk.spawn(words, "app.log", PYTHONPATH=str(ROOT), **environment)

    def sampler_pid(self) -> int:
        """The helper's process, by the system bus."""
        ask = ["dbus-send", "--system", "--print-reply=literal", "--dest=org.freedesktop.DBus"]
        ask += ["/org/freedesktop/DBus", "org.freedesktop.DBus.GetConnectionUnixProcessID", f"string:{SAMPLER}"]
        return int(self.desk.run(ask).stdout.split()[-1])

    def sampler_runs(self) -> bool:
        ask = ["dbus-send", "--system", "--print-reply=literal", "--dest=org.freedesktop.DBus"]
        ask += ["/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", f"string:{SAMPLER}"]
        return "true" in self.desk.run(ask).stdout
