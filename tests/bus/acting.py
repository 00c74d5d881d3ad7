"""Calls of Control, and what became of the processes they were about."""

from pathlib import Path
from typing import Any

from tests.bus.boxes import Box, Caller, wait_until
from tests.fakes.processes import start_ns, state_of

NAME = "io.github.smoothtask.Control1"
PATH = "/io/github/smoothtask/Control1"
ERROR = "io.github.smoothtask.Error."
SLEEPING = ["sleep", "600"]
MORE = {
    "Pause": ("u", [60]),
    "Resume": ("", []),
    "Terminate": ("", []),
    "Kill": ("", []),
    "SetPriority": ("iuu", [19, 3, 0]),
}
"""The methods on a process: the signature and values of what comes after pid and start time."""


def call(member: str, victim: dict[str, int], *more: Any, interactive: bool = False) -> dict[str, Any]:
    """The call as bus_client takes it."""
    signature, usual = MORE[member]
    return {
        "member": member, "signature": f"ut{signature}", "body": [victim["pid"], victim["start_ns"], *(more or usual)],
        "destination": NAME, "path": PATH, "interface": NAME, "interactive": interactive,
    }  # fmt: skip


def act(caller: Caller, member: str, victim: dict[str, int], *more: Any, **named: Any) -> dict[str, Any]:
    return caller.call(**call(member, victim, *more), **named)


def limit(caller: Caller, unit: str, weight: int, quota_us: int) -> dict[str, Any]:
    return caller.call(
        member="LimitUnit", signature="stt", body=[unit, weight, quota_us], destination=NAME, path=PATH, interface=NAME
    )


def ping(caller: Caller) -> dict[str, Any]:
    interface = "org.freedesktop.DBus.Peer"
    return caller.call(member="Ping", destination=NAME, path=PATH, interface=interface)


def refusal(answer: dict[str, Any]) -> str:
    """The error's name without the part that all of ours share; empty if there is none."""
    return (answer["error"] or "").removeprefix(ERROR)


def identity(pid: int) -> dict[str, int]:
    return {"pid": pid, "start_ns": start_ns(pid)}


def until_stopped(victim: dict[str, int]) -> None:
    wait_until(lambda: state_of(victim["pid"]) == "T", seconds=30)


def until_running(victim: dict[str, int]) -> None:
    """Awake, asleep: whatever isn't stopped."""
    wait_until(lambda: state_of(victim["pid"]) in {"R", "S", "D"}, seconds=30)


def is_untouched(victim: dict[str, int]) -> bool:
    return identity(victim["pid"]) == victim and state_of(victim["pid"]) in {"R", "S", "D"}


def control_pid(box: Box, caller: Caller) -> int:
    ping(caller)
    return box.owner_pid(caller, NAME)


def setuid_sleep(box: Box) -> str:
    program = box.held.path("/run/dbus/box/setuid-sleep")
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o4755)
    return "/run/dbus/box/setuid-sleep"
