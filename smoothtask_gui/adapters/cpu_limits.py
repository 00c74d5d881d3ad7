"""Limiting an app's CPU time, undone on the spot: by its own systemd unit's quota, else by its priority.

The session's systemd is asked (org.freedesktop.systemd1 on the session bus; systemd.resource-control(5)), never a
cgroup written and no process moved. Only a unit that holds the app and nothing else is limited: a quota on a terminal
would hit what else runs in it. Where there is no such unit the priority is lowered, but only where it may be raised
again afterwards (RLIMIT_NICE, getrlimit(2)): a limit that can't be undone isn't offered.
"""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.bus import BusError, Peer
from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.cgroup import cgroup_path
from smoothtask_gui.domain.text import safe_text, three_digits

if TYPE_CHECKING:
    from smoothtask_gui.adapters.leases import LimitFile
    from smoothtask_gui.adapters.session_bus import SessionBus
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.target import Target

SYSTEMD: Final = "org.freedesktop.systemd1"
MANAGER: Final = Peer(SYSTEMD, "/org/freedesktop/systemd1", f"{SYSTEMD}.Manager")
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
QUOTA: Final = "CPUQuotaPerSecUSec"
LEAST_CORES: Final = 0.1
NICER: Final = 10
NICE_MOST: Final = 20  # getrlimit(2): the priority's ceiling is 20 - RLIMIT_NICE


@dataclass(frozen=True, slots=True)
class _Quota:
    unit: str
    before_usec: int


@dataclass(frozen=True, slots=True)
class _Priority:
    before: dict[int, tuple[ProcessIdentity, int]]  # by thread: its process and nice value


class CpuLimits:
    """At most one limit for each process that one was asked for. `bus` is None without a session bus."""

    def __init__(
        self,
        bus: SessionBus | None,
        own: OwnProcesses,
        file: LimitFile,
        *,
        cgroup_root: Path = Path("/sys/fs/cgroup"),
        proc_root: Path = Path("/proc"),
    ) -> None:
        self._bus, self._own, self._file = bus, own, file
        self._cgroups, self._proc = cgroup_root, proc_root
        self._limits: dict[tuple[int, int], _Quota | _Priority] = {}

    async def limit(self, target: Target) -> str:
        """Give `target` half of what it used; how, in words. ControlError, with the reason, when there is no way."""
        lead = target.processes[0]
        name = safe_text(target.name)
        if _key(lead) in self._limits:
            raise ControlError(f"{name} is limited already.")
        os.close(self._own.hold(lead))
        try:
            unit = await self._own_unit(target)
        except _NoUnitError as why:
            self._limits[_key(lead)] = self._lower(target, str(why))
            return f"{name} runs at a lower priority now: {why}."
        cores = max(LEAST_CORES, (target.cores or 0.0) / 2)
        self._limits[_key(lead)] = _Quota(unit, await self._get(unit, QUOTA))
        try:
            self._write()
            await self._set(unit, round(cores * 1e6))
        except ControlError:
            del self._limits[_key(lead)]
            raise
        return f"{name} may use {three_digits(cores)} cores from now on, half of what it used."

    async def unlimit(self, lead: ProcessIdentity) -> None:
        """As it was before. ControlError if nothing is limited or it can't be undone."""
        limit = self._limits.pop(_key(lead), None)
        if limit is None:
            raise ControlError(f"{safe_text(lead.comm)} isn't limited any more.")
        await self._undo(limit)

    async def undo_leftovers(self) -> list[str]:
        """Undo what an earlier run left limited; the units."""
        left = self._file.read()
        for unit, before_usec in left:
            with suppress(ControlError):  # the unit is gone: so is its limit
                await self._set(unit, before_usec)
        if left:
            self._write()
        return [unit for unit, _ in left]

    async def close(self) -> None:
        """Undo everything: the app ends."""
        for key in list(self._limits):
            with suppress(ControlError):
                await self._undo(self._limits.pop(key))

    async def _undo(self, limit: _Quota | _Priority) -> None:
        if isinstance(limit, _Quota):
            await self._set(limit.unit, limit.before_usec)
            self._write()
        else:
            self._restore(limit.before)

    def _write(self) -> None:
        """FileError is a ControlError here: a limit that a crash would leave behind isn't made."""
        try:
            self._file.write((one.unit, one.before_usec) for one in self._limits.values() if isinstance(one, _Quota))
        except FileError as error:
            raise ControlError(f"Limits can't be written down: {error}.") from error

    async def _own_unit(self, target: Target) -> str:
        """The unit of the session's manager that holds the target and nothing else."""
        lead = target.processes[0]
        if self._bus is None:
            raise _NoUnitError("there is no session bus")
        try:
            path = (await self._bus.call(MANAGER, "GetUnitByPID", "u", lead.pid))[0]
            unit = str(await self._property(path, f"{SYSTEMD}.Unit", "Id"))
        except BusError as error:
            raise _NoUnitError("it has no unit of its own in this session's systemd") from error
        folder = self._cgroups / cgroup_path((self._proc / str(lead.pid) / "cgroup").read_text()).lstrip("/")
        if folder.name != unit:
            folder = next((parent for parent in folder.parents if parent.name == unit), folder)
        if not _may_divide(folder):
            raise _NoUnitError("this session's systemd may not divide the CPU")
        inside = {int(pid) for listing in folder.rglob("cgroup.procs") for pid in listing.read_text().split()}
        inside |= {int(pid) for pid in (folder / "cgroup.procs").read_text().split()}
        others = inside - {one.pid for one in target.processes}
        if others:
            raise _NoUnitError(f"its unit holds {len(others)} other processes")
        return unit

    async def _property(self, path: str, interface: str, name: str) -> Any:
        if self._bus is None:
            raise ControlError("There is no session bus any more.")
        peer = Peer(SYSTEMD, path, PROPERTIES)
        return (await self._bus.call(peer, "Get", "ss", interface, name))[0].value

    async def _get(self, unit: str, name: str) -> int:
        try:
            path = (await self._bus.call(MANAGER, "GetUnit", "s", unit))[0] if self._bus else ""
            kind = "Scope" if unit.endswith(".scope") else "Service"
            return int(await self._property(path, f"{SYSTEMD}.{kind}", name))
        except BusError as error:
            raise ControlError(f"{unit} can't be limited: {error}.") from error

    async def _set(self, unit: str, quota_usec: int) -> None:
        from dbus_fast import Variant  # noqa: PLC0415 - 60 ms that a start doesn't owe

        if self._bus is None:
            raise ControlError("There is no session bus any more.")
        try:
            await self._bus.call(
                MANAGER, "SetUnitProperties", "sba(sv)", unit, True, [[QUOTA, Variant("t", quota_usec)]]
            )
        except BusError as error:
            raise ControlError(f"{unit} can't be limited: {error}.") from error

    def _lower(self, target: Target, why: str) -> _Priority:
        ceiling = NICE_MOST - resource.getrlimit(resource.RLIMIT_NICE)[0]
        before: dict[int, tuple[ProcessIdentity, int]] = {}
        for one in target.processes:
            with suppress(OSError, ControlError):  # ended meanwhile
                os.close(self._own.hold(one))
                before |= {thread: (one, os.getpriority(os.PRIO_PROCESS, thread)) for thread in self._threads(one.pid)}
        if os.geteuid() != 0 and any(nice < ceiling for _, nice in before.values()):
            name = safe_text(target.name)
            raise ControlError(f"{name} can't be limited: {why}, and a lower priority could not be undone.")
        for thread, (_, nice) in before.items():
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, min(NICE_MOST - 1, nice + NICER))
        return _Priority(before)

    def _restore(self, before: dict[int, tuple[ProcessIdentity, int]]) -> None:
        for thread, (one, nice) in before.items():
            with suppress(OSError, ControlError):  # ended: nothing to undo
                os.close(self._own.hold(one))
                os.setpriority(os.PRIO_PROCESS, thread, nice)

    def _threads(self, pid: int) -> list[int]:
        """On Linux each thread has a priority of its own (setpriority(2))."""
        return [int(entry.name) for entry in (self._proc / str(pid) / "task").iterdir()]


def _may_divide(folder: Path) -> bool:
    """Whether the user's manager was given the CPU controller (cgroup.controllers, cgroups(7)).

    The unit's own cpu.max says nothing: systemd turns the controller on where the first quota is set.
    """
    manager = next((parent for parent in folder.parents if parent.name.startswith("user@")), folder)
    try:
        return "cpu" in (manager / "cgroup.controllers").read_text().split()
    except OSError:
        return False


class _NoUnitError(Exception):
    """The app has no unit that could be limited; the message is a part of a sentence."""


def _key(lead: ProcessIdentity) -> tuple[int, int]:
    return lead.pid, lead.start_ns
