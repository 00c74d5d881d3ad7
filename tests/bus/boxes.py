"""A box for tests and the callers in it: processes of users that exist only there. See conftest.py."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NAME = "io.github.smoothtask.Sampler1"


def _held_box(*options: str) -> Any:
    """box.HeldBox; the developer's tools aren't a package, so it is loaded from its file."""
    sys.path.insert(0, str(ROOT / "packaging" / "dev"))
    try:
        return importlib.import_module("box").HeldBox(*options)
    finally:
        del sys.path[0]


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def resident_bytes(pid: int) -> int:
    """The second number of /proc/PID/statm: proc_pid_statm(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def programs_of(pid: int) -> set[int]:
    """The ids of the BPF programs that a process holds (bpf_prog_show_fdinfo(), bpf_link_show_fdinfo())."""
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed since
            lines = entry.read_text().splitlines()
            found |= {int(line.split()[1]) for line in lines if line.startswith("prog_id:")}
    return found


class Caller:
    """A process of `user` inside the box, on the bus. Attributes are the commands of bus_client.Client."""

    def __init__(self, box: Any, user: str, session: str, *through: str) -> None:
        """`through`: a program, with its options, that starts the caller."""
        words = [*through, box.python, "-I", "/run/dbus/box/bus_client.py"]
        self.process = subprocess.Popen(
            box.command(*words, user=user, session=session), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.name = self.connect()

    def __getattr__(self, command: str) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            assert not arguments, "name the arguments"
            self.process.stdin.write(json.dumps({"do": command, **named}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            assert line, f"the caller died in {command}"
            return json.loads(line)

        return run

    def prop(self, name: str) -> Any:
        answer = self.call(member="Get", signature="ss", body=[NAME, name], interface="org.freedesktop.DBus.Properties")
        assert answer["error"] is None, answer
        return answer["body"][0]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


class Box:
    """A held box, its callers and the sampler's process."""

    def __init__(self, *options: str) -> None:
        self.held = _held_box("--helper-object-dir", str(ROOT / "build" / "bpf"), *options)
        for script in ("bus_client.py", "polkit_stand_in.py", "systemd_stand_in.py"):
            target = self.held.path(f"/run/dbus/box/{script}")
            target.write_text((HERE / script).read_text())
            target.chmod(0o644)
        self.callers: list[Caller] = []

    def caller(self, user: str = "alice", session: str = "active", *through: str) -> Caller:
        caller = Caller(self.held, user, session, *through)
        self.callers.append(caller)
        return caller

    def owner_pid(self, caller: Caller, name: str = NAME) -> int:
        """The process id of the sampler, or of whoever has `name`, by the bus."""
        answer = caller.call(
            member="GetConnectionUnixProcessID",
            signature="s",
            body=[name],
            interface="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            destination="org.freedesktop.DBus",
        )
        assert answer["error"] is None, answer
        return answer["body"][0]

    def owns_name(self, caller: Caller, name: str = NAME) -> bool:
        """Whether somebody is on the bus under `name`."""
        return caller.call(
            member="NameHasOwner",
            signature="s",
            body=[name],
            interface="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            destination="org.freedesktop.DBus",
        )["body"][0]

    def complaints(self) -> list[str]:
        """What the sampler's one crash handler wrote, and Python's own words when it dies."""
        log = self.held.path("/run/dbus/box/bus.log").read_text()
        return [line for line in log.splitlines() if "Traceback" in line or "Error(" in line or " failed: " in line]

    def uid_of(self, name: str) -> int:
        """The user id of an account inside."""
        return int(self.held.path("/etc/passwd").read_text().split(f"{name}:x:")[1].split(":")[0])

    def make_inactive(self, user: str) -> None:
        """Rewrites what logind would say of the user's active session, as after a switch to another user."""
        uid = self.uid_of(user)
        (session,) = self.held.path("/run/systemd/sessions").glob(f"box*x{uid}active")
        session.write_text(session.read_text().replace("ACTIVE=1", "ACTIVE=0").replace("=active", "=online"))
        person = self.held.path(f"/run/systemd/users/{uid}")
        lines = [line for line in person.read_text().splitlines() if not line.startswith("ACTIVE_SESSIONS")]
        person.write_text("\n".join([*lines, "ACTIVE_SESSIONS=", ""]).replace("STATE=active", "STATE=online"))

    def end_callers(self) -> None:
        for caller in self.callers:
            caller.end()
        self.callers.clear()

    def close(self) -> None:
        self.end_callers()
        self.held.close()
