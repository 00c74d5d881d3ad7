"""A login session as polkitd sees one, without logind: the files logind would write, and the cgroup it would use.

polkitd asks libsystemd, which reads the session's id from the caller's cgroup path
(user.slice/user-UID.slice/session-ID.scope) and the rest from /run/systemd/{sessions,users}: sd-login(3).
"""

import os
import pwd
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

STATES = {"active": (1, "active"), "inactive": (0, "online")}


def _cgroup_root() -> Path:
    """The hierarchy libsystemd looks at: cgroup 2 alone, cgroup 2 beside version 1, or the named one of version 1."""
    top = Path("/sys/fs/cgroup")
    for candidate in (top, top / "unified", top / "systemd"):
        if (candidate / "cgroup.procs").exists():
            return candidate
    raise FileNotFoundError("no cgroup hierarchy under /sys/fs/cgroup: a login session can't be shown to polkit")


def _scope(uid: int, session: str) -> Path:
    return _cgroup_root() / "user.slice" / f"user-{uid}.slice" / f"session-{session}.scope"


def open_session(uid: int, state: str, box_pid: int) -> str:
    """Moves this process into a session of user `uid`, "active" or "inactive"; returns the session's id."""
    active, word = STATES[state]
    session = f"box{box_pid}x{uid}{state}"
    run = Path("/run/systemd")
    name = pwd.getpwuid(uid).pw_name
    (run / "sessions" / session).write_text(
        f"UID={uid}\nUSER={name}\nACTIVE={active}\nIS_DISPLAY=1\nSTATE={word}\nREMOTE=0\nTYPE=x11\nCLASS=user\n"
        f"SCOPE=session-{session}.scope\nSEAT=seat0\nLEADER={box_pid}\n",
        encoding="utf-8",
    )
    (run / "users" / str(uid)).write_text(
        f"NAME={name}\nSTATE={word}\nDISPLAY={session}\nSESSIONS={session}\n"
        f"ACTIVE_SESSIONS={session if active else ''}\n",
        encoding="utf-8",
    )
    (run / "seats" / "seat0").touch()
    scope = _scope(uid, session)
    for _ in range(50):  # another box may remove the shared parent folder in between
        with suppress(FileNotFoundError):
            scope.mkdir(parents=True, exist_ok=True)
            (scope / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
            return session
    raise OSError(f"the cgroup {scope} can't be made")


def remove_cgroups(box_pid: int) -> None:
    """Removes the cgroups of this box's sessions; their processes have ended."""
    slices = _cgroup_root() / "user.slice"
    scopes: list[Path] = []
    for user in slices.glob("user-*.slice"):
        with suppress(FileNotFoundError):  # another box that closes has removed its own
            scopes += user.glob(f"session-box{box_pid}x*.scope")
    for scope in scopes:
        for _ in range(100):  # the kernel lets go of a dead process's cgroup a little later
            try:
                scope.rmdir()
                break
            except OSError:
                time.sleep(0.01)
        with suppress(OSError):
            scope.parent.rmdir()
    with suppress(OSError):
        slices.rmdir()


def become(uid: int, environment: Mapping[str, str], session: str | None) -> dict[str, str]:
    """Turns this process into one of user `uid`; returns the environment for what it runs."""
    account = pwd.getpwuid(uid)
    env = {name: value for name, value in environment.items() if not re.match("DBUS_SYSTEM_BUS_ADDRESS|SUDO_", name)}
    if session:
        env["XDG_SESSION_ID"] = session
    if uid != os.getuid():
        runtime = Path("/run/dbus/box/runtime", str(uid))
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(runtime, uid, account.pw_gid)
        env |= {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
        env["XDG_RUNTIME_DIR"] = str(runtime)
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(uid)
    return env
