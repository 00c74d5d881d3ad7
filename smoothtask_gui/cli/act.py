"""`smoothtask act`: pause, end, slow down or limit one process, one's own or, with polkit's prompt, anybody's.

A pause is a lease of this command: it lasts until the time is over or the command ends, however it ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters import own_priority
from smoothtask_gui.adapters.all_remedies import AllRemedies, PauseTerms
from smoothtask_gui.adapters.bus import BusError, Peer, call, connect
from smoothtask_gui.adapters.control_client import NO_LIMIT, UNCHANGED, ControlClient
from smoothtask_gui.adapters.cpu_limits import CpuLimits
from smoothtask_gui.adapters.leases import LeaseFile, LimitFile
from smoothtask_gui.adapters.pauses import Pauses
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.adapters.remedies import OwnRemedies
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.domain.cgroup import cgroup_path, place_at, unescaped
from smoothtask_gui.domain.incident import Action, ProcessIdentity
from smoothtask_gui.domain.priority import IoClass, Priority
from smoothtask_gui.domain.target import Target
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    import argparse

PROC: Final = Path("/proc")
SYSTEMD: Final = "org.freedesktop.systemd1"
MANAGER: Final = Peer(SYSTEMD, "/org/freedesktop/systemd1", f"{SYSTEMD}.Manager")
IO_CLASSES: Final = {"by-nice": IoClass.BY_NICE, "best-effort": IoClass.BEST_EFFORT, "idle": IoClass.IDLE}
DEFAULT_IO_LEVEL: Final = 4  # IOPRIO_BE_NORM, include/uapi/linux/ioprio.h
_ACTIONS: Final = {"pause": Action.PAUSE, "resume": Action.RESUME, "stop": Action.STOP, "kill": Action.KILL}


async def act(arguments: argparse.Namespace) -> int:
    """Do it and say so; Failure says why not."""
    who = identify(arguments.pid, arguments.start_ns)
    async with AsyncExitStack() as ending:
        try:
            control = ControlClient(interactive=not arguments.no_prompt)
            ending.push_async_callback(control.close)
            if arguments.verb == "priority":
                said = await _prioritize(control, who, arguments)
            elif arguments.verb == "limit":
                said = await _limit(control, who, arguments.percent)
            elif arguments.verb == "resume" and who.uid == os.getuid():
                said = _resume_own(who)
            else:
                said = await _remedy(control, ending, who, arguments)
        except ControlError as error:
            raise Failure(str(error)) from error
    print(said, flush=True)
    return 0


def identify(pid: int, start_ns: int | None, proc: Path = PROC) -> ProcessIdentity:
    """The process of that number now; Failure if there is none, or it isn't the one that started at `start_ns`."""
    try:
        head, _, tail = (proc / str(pid) / "stat").read_bytes().rpartition(b")")
        status = (proc / str(pid) / "status").read_text("utf-8", "replace")
    except OSError as error:
        raise Failure(f"There is no process {pid} (or /proc hides it from you).") from error
    ticks, rate = int(tail.split()[19]), os.sysconf("SC_CLK_TCK")  # starttime, proc_pid_stat(5)
    if start_ns is not None and start_ns * rate // 10**9 != ticks:
        raise Failure(f"Process {pid} isn't the one that is meant: that has ended. Nothing was done.")
    line = next(line for line in status.splitlines() if line.startswith("Uid:"))
    comm = safe_text(head.partition(b"(")[2].decode("utf-8", "replace"))
    return ProcessIdentity(pid, -(-ticks * 10**9 // rate), int(line.split()[2]), comm)


async def _remedy(
    control: ControlClient, ending: AsyncExitStack, who: ProcessIdentity, arguments: argparse.Namespace
) -> str:
    own, over = OwnProcesses(), asyncio.Event()
    ended: list[str] = []

    def tell(_who: ProcessIdentity, sentence: str) -> None:
        ended.append(sentence)
        over.set()

    folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="smoothtask-act-")))
    terms = PauseTerms(lambda: float(getattr(arguments, "seconds", 0)), tell)
    pauses = Pauses(own, LeaseFile(folder), terms.lasts_s, tell)
    remedies = AllRemedies(OwnRemedies(own, pauses, CpuLimits(None, own, LimitFile(folder))), own, control, terms)
    ending.push_async_callback(remedies.close)
    said = await remedies.apply(_ACTIONS[arguments.verb], Target(who.comm, (who,)))
    if arguments.verb != "pause":
        return said
    print(said, flush=True)
    await over.wait()
    return ended[0]


def _resume_own(who: ProcessIdentity) -> str:
    """Whoever paused it: a shell, or a command that is gone."""
    OwnProcesses().send(who, signal.SIGCONT)
    return f"{safe_text(who.comm)} goes on."


async def _prioritize(control: ControlClient, who: ProcessIdentity, arguments: argparse.Namespace) -> str:
    io_class = IO_CLASSES[arguments.io]
    wanted = Priority(arguments.nice, io_class, DEFAULT_IO_LEVEL if io_class is IoClass.BEST_EFFORT else 0)
    before = await _set_priority(control, who, wanted)
    return f"{safe_text(who.comm)} has niceness {wanted.nice} now; it had {before.nice}."


async def _set_priority(control: ControlClient, who: ProcessIdentity, wanted: Priority) -> Priority:
    if who.uid == os.getuid():
        try:
            return own_priority.set_priority(OwnProcesses(), who, wanted)
        except PermissionError:  # better than before: the helper may
            pass
        except OSError as error:
            name = safe_text(who.comm)
            raise ControlError(f"{name}: its priority can't be set: {error.strerror or error}.") from error
    return await control.set_priority(who, wanted)


async def _limit(control: ControlClient, who: ProcessIdentity, percent: int | None) -> str:
    """`percent` of one CPU for the unit that the process is in; None takes the limit away."""
    path = cgroup_path((PROC / str(who.pid) / "cgroup").read_text("utf-8", "replace"))
    place = place_at(path)
    unit = next((part for part in path.split("/") if place.unit and unescaped(part) == place.unit), "")
    if not unit:
        name = safe_text(who.comm)
        raise ControlError(f"{name} (process {who.pid}) runs in no unit of systemd that could be limited.")
    quota_us = NO_LIMIT if percent is None else percent * 10_000
    if place.owner_uid is None:
        await control.limit_unit(unit, UNCHANGED, quota_us)
    elif place.owner_uid == os.getuid():
        await _limit_own_unit(unit, quota_us)
    else:
        raise ControlError(f"{safe_text(unit)} belongs to another user's systemd; only that user can limit it.")
    if percent is None:
        return f"{safe_text(unit)} isn't limited any more."
    return f"{safe_text(unit)} may use {percent} % of a CPU from now on, until the next start."


async def _limit_own_unit(unit: str, quota_us: int) -> None:
    from dbus_fast import Variant  # noqa: PLC0415 - only this needs it

    changed: list[Any] = [["CPUQuotaPerSecUSec", Variant("t", quota_us)]]
    try:
        bus = await connect(system=False)
        try:
            await call(bus, MANAGER, "SetUnitProperties", "sba(sv)", [unit, True, changed])
        finally:
            bus.disconnect()
    except BusError as error:
        raise ControlError(f"{safe_text(unit)} can't be limited: {error}.") from error
