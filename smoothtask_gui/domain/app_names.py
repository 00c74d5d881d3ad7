"""Names that decide where an app begins, and what it is called when no desktop entry says it.

All of it is about names that processes give themselves: one that takes another's name only moves itself and its own
children into another row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.app import AppKind
from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

MOST_RATIO: Final = 0.5
"""What one process of a command does beyond this it does under its own name: ffmpeg, not the script before it."""

SHELLS: Final = frozenset({b"bash", b"zsh", b"fish", b"sh", b"dash", b"ksh", b"tcsh", b"nu", b"xonsh", b"elvish"})

STARTERS: Final = frozenset(
    name.encode()[:15]
    for name in (
        # system and user managers, logins
        *("systemd", "init", "(sd-pam)", "login", "sshd", "sshd-session", "agetty", "runuser", "su", "sudo", "sudo-rs"),
        *("doas", "pkexec", "cron", "crond", "CRON", "atd", "dbus-daemon", "dbus-broker-launch", "dbus-broker"),
        # display managers and sessions
        *("lightdm", "gdm3", "gdm", "gdm-session-worker", "gdm-wayland-session", "gdm-x-session", "sddm"),
        *("sddm-helper", "greetd", "gnome-session-binary", "gnome-session-init-worker", "gnome-session-service"),
        *("xfce4-session", "mate-session", "cinnamon-session-binary", "lxsession", "lxqt-session", "ksmserver"),
        *("plasma_session", "startplasma-wayland", "startplasma-x11", "x-session-manager", "kdeinit5"),
        # what a person starts apps from
        *("gnome-shell", "plasmashell", "cinnamon", "xfce4-panel", "xfdesktop", "mate-panel", "lxpanel"),
        *("lxqt-panel", "waybar", "krunner", "rofi", "wofi", "sway", "Hyprland", "niri", "river", "i3", "openbox"),
        *("awesome", "bspwm", "dwm", "labwc", "xmonad", "gio-launch-desktop"),
        # terminals' servers, and wrappers that wait for what they started
        *("tmux: server", "tmux", "screen", "SCREEN", "zellij", "timeout", "time", "script", "strace", "systemd-run"),
        *("dbus-run-session", "systemd-inhibit", "containerd-shim-runc-v2", "containerd-shim", "conmon"),
        *("tini", "dumb-init", "docker-init", "catatonit", "bwrap"),
    )
)
"""Whose children are apps of their own: starting others is what these are for."""

_MANY_IN_ONE: Final = re.compile(
    r"(python|perl|ruby|node|java|php|lua|pypy)[\d.]*|(ba|da|z|k|c|tc)?sh|fish|busybox|toybox|mono|dotnet|electron\d*"
    r"|deno|bun|wine(64)?(-preloader)?|qemu-.*-static|ld-linux.*|ld-musl.*|memfd:.*"
)
"""Programs that run others' programs: what they were told to run is in the process's own name, if anywhere."""
_DELETED: Final = " (deleted)"  # proc_pid_exe(5)


def command_name(comm: bytes, executable: str) -> str:
    """What to call a program that no desktop entry names: its file's name, or the name that the process chose.

    The kernel cuts names at 15 bytes and threads rename themselves, so the file's name is the better one, but for
    interpreters, whose script the kernel shows as the name (`begin_new_exec()` in fs/exec.c).
    """
    program = executable.removesuffix(_DELETED).rpartition("/")[2]
    if program and not _MANY_IN_ONE.fullmatch(program):
        return safe_text(program)
    return safe_text(comm) or safe_text(program) or "(no name)"


def telling_name(sample: Sample, place: int) -> str:
    """What to call the app in this row when it is blamed: a command after its process that does most."""
    app = sample.apps.apps[place]
    members = sample.apps.members(place) if app.kind is AppKind.COMMAND else np.empty(0, np.intp)
    if not len(members):
        return app.name
    used = np.nan_to_num(sample.processes["cpu_ratio"][members], nan=0.0)
    if used.max() <= MOST_RATIO * used.sum():
        return app.name
    return process_name(bytes(sample.processes["comm"][members[np.argmax(used)]]), is_kernel=False)
