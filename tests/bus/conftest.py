"""Real dbus-daemon, real polkitd, real sampler in a throw-away box; callers are processes of users that exist only there."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "packaging" / "dev"))
from box import HeldBox  # noqa: E402  the developer's tools aren't a package

HERE = Path(__file__).parent
NAME = "io.github.smoothtask.Sampler1"


class Caller:
    """A process of `user` inside the box, on the bus. Attributes are the commands of bus_client.Client."""

    def __init__(self, box: HeldBox, user: str, session: str) -> None:
        words = [box.python, "-I", "/run/dbus/box/bus_client.py"]
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
        answer = self.call(
            member="Get", signature="ss", body=[NAME, name], interface="org.freedesktop.DBus.Properties"
        )
        assert answer["error"] is None, answer
        return answer["body"][0]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Box:
    """A held box, its callers and the sampler's process."""

    def __init__(self, *options: str) -> None:
        self.held = HeldBox("--helper-object-dir", str(ROOT / "build" / "bpf"), *options)
        for script in ("bus_client.py", "polkit_stand_in.py"):
            target = self.held.path(f"/run/dbus/box/{script}")
            target.write_text((HERE / script).read_text())
            target.chmod(0o644)
        self.callers: list[Caller] = []

    def caller(self, user: str = "alice", session: str = "active") -> Caller:
        caller = Caller(self.held, user, session)
        self.callers.append(caller)
        return caller

    def owner_pid(self, caller: Caller) -> int:
        """The process id of the sampler, by the bus."""
        answer = caller.call(
            member="GetConnectionUnixProcessID", signature="s", body=[NAME], interface="org.freedesktop.DBus",
            path="/org/freedesktop/DBus", destination="org.freedesktop.DBus",
        )
        assert answer["error"] is None, answer
        return answer["body"][0]

    def owns_name(self, caller: Caller) -> bool:
        return caller.call(
            member="NameHasOwner", signature="s", body=[NAME], interface="org.freedesktop.DBus",
            path="/org/freedesktop/DBus", destination="org.freedesktop.DBus",
        )["body"][0]

    def log(self) -> str:
        return self.held.path("/run/dbus/box/bus.log").read_text()

    def end_callers(self) -> None:
        for caller in self.callers:
            caller.end()
        self.callers.clear()

    def close(self) -> None:
        self.end_callers()
        self.held.close()


@pytest.fixture(scope="session")
def shared_box() -> Iterator[Box]:
    box = Box()
    yield box
    box.close()


@pytest.fixture
def box(shared_box: Box) -> Iterator[Box]:
    """The one box for all tests that don't need another kind; its callers end with the test."""
    yield shared_box
    shared_box.end_callers()


@pytest.fixture
def open_box() -> Iterator[Callable[..., Box]]:
    """Opens boxes with options of their own."""
    boxes: list[Box] = []

    def open_one(*options: str) -> Box:
        boxes.append(Box(*options))
        return boxes[-1]

    yield open_one
    for box in boxes:
        box.close()
