"""Where the app is shown: the visitor's own display or a virtual desktop; beside the real sampler or on /proc alone."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import job_exec
import places
import privilege
import ready
from steps import say

RUN = places.BUILD / "run"
PICTURES = places.BUILD / "screenshots"
SESSION = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


@dataclass(frozen=True, slots=True)
class Stage:
    """`display`: there is one to show the app on. `helper`: there is root, so the real sampler runs."""

    display: bool
    helper: bool

    def command(self, words: list[str | Path]) -> list[str]:
        """The words, to be run on this stage as its ordinary user."""
        path = f"PATH={places.VENV / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        if self.display:
            kept = [f"{name}={os.environ[name]}" for name in SESSION if name in os.environ]
            whole: list[str | Path] = ["env", path, *kept, *words]
        else:
            whole = ["env", path, "/usr/bin/python3", "-B", places.TOOLS / "desk.py", "--", *words]
        if not self.helper:
            return [str(word) for word in whole]
        user = "root" if self.display and privilege.is_root() and "SUDO_USER" not in os.environ else None
        return job_exec.in_box(whole, user)


def set_up() -> Stage:
    """Make everything ready, and say what this stage lacks."""
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    helper = privilege.can_be_root()
    ready.ensure((set() if display else {"desk"}) | ({"bpf", "box"} if helper else set()))
    if not display:
        say("no display here: using a virtual desktop (Xvfb); pictures go to build/screenshots")
    if not helper:
        say(
            "no root and no sudo: no eBPF. The app reads /proc instead: it can't see processes that live for less than "
            "a tick, OOM kills, throttling as it happens, nor others' disk use. With sudo ./dev run has it all."
        )
    for folder in (RUN, PICTURES):
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o1777)  # the box's ordinary user writes here
    return Stage(display, helper)


def bounded_by_default(seconds: float | None, fallback: float) -> float | None:
    """Without a terminal nobody can press Ctrl-C: then it ends by itself."""
    return fallback if seconds is None and not sys.stdout.isatty() else seconds
