"""Where a process stands in the cgroup tree: its systemd unit, its container, the desktop's name for its application.

Pure: the text of /proc/PID/cgroup in, a `Place` out (cgroups(7)). Names follow systemd's conventions: a unit is the
path's first part that ends like one, below the user's own manager if there is one (systemd.unit(5)); applications
are named by https://systemd.io/DESKTOP_ENVIRONMENTS/. What doesn't follow them gives None, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UNIT: Final = re.compile(r"[^/]+\.(service|scope|socket|mount|swap)")
_ESCAPE: Final = re.compile(r"\\x([0-9a-fA-F]{2})")
_USER_MANAGER: Final = re.compile(r"user@(?P<uid>\d+)\.service")

# app[-LAUNCHER]-ID-RANDOM.scope, app[-LAUNCHER]-ID[@RANDOM].service; a dash within a part is written \x2d.
_APP_SCOPE: Final = re.compile(r"app-(?P<names>.+)-[^-]+\.scope")
_APP_SERVICE: Final = re.compile(r"app-(?P<names>[^@]+)(@[^@]*)?\.service")
_ACTIVATED: Final = re.compile(r"dbus-:[\d.]+-(?P<name>.+?)(@\d*)?\.service")  # units of systemd's D-Bus activation
_SNAP: Final = re.compile(r"snap\.(?P<snap>[^.]+)\.(?P<app>[^.-]+)[-.].*(scope|service)")

# (pattern of one path part, what it is, in words). Names: Docker's and Podman's systemd cgroup drivers, containerd's
# and CRI-O's, LXC's, systemd-nspawn(1). The first row that matches any part wins, innermost part first.
_CONTAINERS: Final = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"docker-(?P<id>[0-9a-f]{12,64})\.scope", "docker"),
        (r"libpod-(?P<id>[0-9a-f]{12,64})(\.scope)?", "podman"),
        (r"cri-containerd-(?P<id>[0-9a-f]{12,64})\.scope", "containerd"),
        (r"crio-(?P<id>[0-9a-f]{12,64})\.scope", "cri-o"),
        (r"lxc\.payload\.(?P<id>.+)", "lxc"),
        (r"machine-(?P<id>.+)\.scope", "machine"),
        (r"systemd-nspawn@(?P<id>.+)\.service", "nspawn"),
    )
)
_BELOW_FOLDER: Final = {"docker": "docker", "lxc": "lxc"}  # cgroupfs drivers: /docker/ID, /lxc/NAME
_SHOWN_ID: Final = 12  # as `docker ps` shows it


@dataclass(frozen=True, slots=True)
class Place:
    """What the path says; `application_ids` are desktop file ids to try, the likeliest first."""

    unit: str | None = None
    container: str | None = None
    flatpak_id: str | None = None
    application_ids: tuple[str, ...] = ()
    owner_uid: int | None = None  # whose user manager runs it, None for the system's


def parse_place(text: str) -> Place:
    """The place that /proc/PID/cgroup tells; an empty one where nothing can be told."""
    return place_at(cgroup_path(text))


def place_at(path: str) -> Place:
    """The place of a cgroup, by its path."""
    parts = [part for part in path.split("/") if part]
    unit = _unit(parts)
    flatpak_id, ids = _application(unit) if unit else (None, ())
    owners = [found["uid"] for part in parts if (found := _USER_MANAGER.fullmatch(part))]
    owner_uid = int(owners[-1]) if owners else None
    return Place(unescaped(unit) if unit else None, _container(parts), flatpak_id, ids, owner_uid)


def unescaped(text: str) -> str:
    r"""A unit's name without systemd's escapes: \x2d is a dash (systemd-escape(1))."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def cgroup_path(text: str) -> str:
    """The unified hierarchy's path in /proc/PID/cgroup, or systemd's own named one where v1 and v2 are mixed."""
    unified = named = ""
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            unified = path
        elif controllers == "name=systemd":
            named = path
    return named if unified in ("", "/") else unified


def _unit(parts: list[str]) -> str | None:
    start = max((at + 1 for at, part in enumerate(parts) if _USER_MANAGER.fullmatch(part)), default=0)
    names = [part.removeprefix("_") for part in parts]  # cg_escape() of systemd
    inner = next((name for name in names[start:] if _UNIT.fullmatch(name)), None)
    return inner or next((name for name in names[:start] if _UNIT.fullmatch(name)), None)


def _container(parts: list[str]) -> str | None:
    for at in range(len(parts) - 1, -1, -1):
        for pattern, kind in _CONTAINERS:
            found = pattern.fullmatch(parts[at])
            if found:
                return f"{kind} {unescaped(found['id'])[:_SHOWN_ID] if kind != 'machine' else unescaped(found['id'])}"
        if at and parts[at - 1] in _BELOW_FOLDER:
            return f"{_BELOW_FOLDER[parts[at - 1]]} {parts[at][:_SHOWN_ID]}"
    return None


def _application(unit: str) -> tuple[str | None, tuple[str, ...]]:
    """(Flatpak id, desktop file ids to try)."""
    snap = _SNAP.fullmatch(unit)
    if snap:
        return None, (f"{snap['snap']}_{snap['app']}",)
    if activated := _ACTIVATED.fullmatch(unit):
        return None, (unescaped(activated["name"]),)
    found = _APP_SCOPE.fullmatch(unit) or _APP_SERVICE.fullmatch(unit)
    if not found:
        return None, ()
    names = found["names"]
    launcher, dash, application = names.partition("-")
    if launcher == "flatpak" and dash:
        return unescaped(application), (unescaped(application),)
    tried = [unescaped(application)] if dash else []
    return None, (*tried, unescaped(names))
