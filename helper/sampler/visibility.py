"""Which class of viewers a caller belongs to: at most what /proc shows to that user, unless polkit granted more.

/proc mounted with hidepid hides other users' processes; then the stream hides them too. proc(5), and
has_pid_permissions() in fs/proc/base.c: the gid= group is exempt from 1 and 2, not from 4.
"""

import os
import pwd
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from helper.probes.visibility import Mode, Visibility

_HIDEPID = {"0": 0, "off": 0, "1": 1, "noaccess": 1, "2": 2, "invisible": 2, "4": 4, "ptraceable": 4}
_PTRACEABLE = 4


@dataclass(frozen=True, slots=True)
class ProcMount:
    """How /proc is mounted: `hidepid` 0, 1, 2 or 4, and the group exempt from 1 and 2."""

    hidepid: int
    gid: int


def proc_mount(mountinfo: str) -> ProcMount:
    """The mount that is seen at /proc; if none is found or an option isn't known, everything counts as hidden."""
    found: ProcMount | None = None
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, more = rest.partition(" ")
        if kind == "proc" and fields.split()[4:5] == ["/proc"]:  # the last one lies on top
            options = dict(
                option.partition("=")[::2] for option in f"{fields.split()[5]},{more.split(' ')[-1]}".split(",")
            )
            hidden = _HIDEPID.get(options.get("hidepid", "0"), _PTRACEABLE)
            gid = options.get("gid", "0")
            found = ProcMount(hidden, int(gid) if gid.isdigit() else 0)
    return found or ProcMount(_PTRACEABLE, 0)


def groups_of(uid: int) -> Collection[int]:
    """The groups of user `uid` by the machine's user database; none if it isn't in there."""
    try:
        account = pwd.getpwuid(uid)
        return os.getgrouplist(account.pw_name, account.pw_gid)
    except KeyError:
        return ()


def decide(
    uid: int, *, sees_others: bool, mount: ProcMount, groups: Callable[[int], Collection[int]] = groups_of
) -> Visibility:
    """The class of a caller with user id `uid`; `sees_others`: polkit granted monitor-others."""
    if uid == 0 or sees_others:
        return Visibility(Mode.SEES_ALL, 0)  # one class, and so one snapshot, whoever they are
    if mount.hidepid == 0 or (mount.hidepid != _PTRACEABLE and mount.gid in groups(uid)):
        return Visibility(Mode.SEES_AS_PROC, uid)
    return Visibility(Mode.SEES_OWN, uid)


def read_proc_mount(path: Path = Path("/proc/self/mountinfo")) -> ProcMount:
    """The mount at /proc as this process sees it."""
    return proc_mount(path.read_text(encoding="utf-8", errors="surrogateescape"))
