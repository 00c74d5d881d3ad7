"""Pausing an app as a lease: SIGSTOP to all its processes, and a guardian that surely lets them go.

Each process is held by a checked pidfd; children that appear while the others are being stopped are stopped too, until
none is new. The guardian continues all of them when the lease is over or this app is gone; should it be killed, this
side does. What is paused is on disk too (`leases.py`), for the next start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.adapters.guardian import ENDED, GO, MOST_FDS, OVER, PAUSED
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smoothtask_gui.adapters.leases import LeaseFile
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.target import Target

GUARDIAN: Final = Path(__file__).with_name("guardian.py")
ANSWER_S: Final = 20.0
"""A Python that starts on a machine in trouble; the usual is 20 ms."""
MOST_ROUNDS: Final = 20
_WHY: Final = {OVER: "goes on: the time of its pause is over", ENDED: "ended while it was paused"}
_UNGUARDED: Final = "goes on: what guarded its pause was ended"


Lead = tuple[int, int]
"""Pid and start time of the process that a pause was asked for."""

Over = Callable[["ProcessIdentity", str], None]
"""Told of a pause that ended without being asked: for whom it was made, and a sentence."""


@dataclass(slots=True)
class _Pause:
    lead: ProcessIdentity
    name: str
    guardian: subprocess.Popen[bytes]
    line: socket.socket
    pidfds: list[int] = field(default_factory=list)
    processes: dict[int, ProcessIdentity] = field(default_factory=dict)  # by pid
    words: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    watcher: asyncio.Task[None] | None = None
    is_asked: bool = False  # we told the guardian to let go


class Pauses:
    """At most one lease for each process that one was asked for."""

    def __init__(self, own: OwnProcesses, leases: LeaseFile, lease_s: Callable[[], float], on_over: Over) -> None:
        self._own, self._leases, self._on_over = own, leases, on_over
        self._lease_s = lease_s
        self._pauses: dict[Lead, _Pause] = {}

    def resume_leftovers(self) -> list[str]:
        """Continue what an earlier run left paused; the names."""
        left = [one for one in self._leases.read() if self._own.is_stopped(one)]
        for one in left:
            with suppress(ControlError, OSError):
                pidfd = self._own.hold(one)
                try:
                    signal.pidfd_send_signal(pidfd, signal.SIGCONT)
                finally:
                    os.close(pidfd)
        return list(dict.fromkeys(one.comm for one in left))

    def holds(self, lead: ProcessIdentity) -> bool:
        """Whether a pause that was asked for this process is in force."""
        return _key(lead) in self._pauses

    async def pause(self, target: Target) -> tuple[int, float]:
        """Pause all of `target`; how many processes that are, and for how many seconds at most.

        ControlError if nothing may be done to it, or resuming it can't be promised.
        """
        lead = target.processes[0]
        if self.holds(lead):
            raise ControlError(f"{safe_text(target.name)} is paused already.")
        fresh = self._hold(target.processes, strict=True)
        lease_s = self._lease_s()
        pause = self._pauses[_key(lead)] = self._start(lead, target.name, lease_s)
        try:
            for _ in range(MOST_ROUNDS):
                await self._stop(pause, fresh)
                children = [child for one in list(pause.processes.values()) for child in self._own.children(one)]
                fresh = self._hold((child for child in children if child.pid not in pause.processes), strict=False)
                if not fresh:
                    break
        except (OSError, FileError) as error:  # TimeoutError is an OSError
            await self._let_go(pause)
            raise ControlError(f"{safe_text(target.name)} wasn't paused: {error}.") from error
        return len(pause.processes), lease_s

    async def resume(self, lead: ProcessIdentity) -> None:
        """Continue what was paused for this process. ControlError if nothing is."""
        pause = self._pauses.get(_key(lead))
        if pause is None:
            raise ControlError(f"{safe_text(lead.comm)} isn't paused any more.")
        await self._let_go(pause)

    async def close(self) -> None:
        """Continue everything: the app ends."""
        for pause in list(self._pauses.values()):
            await self._let_go(pause)

    def _hold(self, processes: Iterable[ProcessIdentity], *, strict: bool) -> list[tuple[ProcessIdentity, int]]:
        """Checked pidfds. `strict`: the first process must be among them, or nothing is done."""
        held: list[tuple[ProcessIdentity, int]] = []
        for one in processes:
            try:
                held.append((one, self._own.hold(one)))
            except ControlError:
                if strict and not held:
                    raise
        return held

    def _start(self, lead: ProcessIdentity, name: str, lease_s: float) -> _Pause:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-I", "-S", str(GUARDIAN), str(lease_s)]
            guardian = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
        ours.setblocking(False)
        pause = _Pause(lead, name, guardian, ours)
        pause.watcher = asyncio.ensure_future(self._watch(pause))
        return pause

    async def _stop(self, pause: _Pause, fresh: list[tuple[ProcessIdentity, int]]) -> None:
        pause.pidfds += [pidfd for _, pidfd in fresh]
        pause.processes |= {one.pid: one for one, _ in fresh}
        self._write()
        for at in range(0, len(fresh), MOST_FDS):
            socket.send_fds(pause.line, [b"stop"], [pidfd for _, pidfd in fresh[at : at + MOST_FDS]])
            async with asyncio.timeout(ANSWER_S):
                if await pause.words.get() != PAUSED:
                    raise OSError("the process that guards it didn't start")

    async def _watch(self, pause: _Pause) -> None:
        """Hear the guardian; once it has let go, or is gone without a word, book that."""
        last = b""
        with suppress(OSError):
            while word := await asyncio.get_running_loop().sock_recv(pause.line, 16):
                last = word
                pause.words.put_nowait(word)
        pause.words.put_nowait(b"")
        self._pauses.pop(_key(pause.lead), None)
        for pidfd in pause.pidfds:
            with suppress(OSError):  # ended
                signal.pidfd_send_signal(pidfd, signal.SIGCONT)  # the guardian may have been killed
            os.close(pidfd)
        pause.line.close()
        with suppress(FileError):  # a line too many there does no harm: only what is stopped is continued
            self._write()
        await asyncio.to_thread(pause.guardian.wait)
        if not pause.is_asked:
            self._on_over(pause.lead, f"{safe_text(pause.name)} {_WHY.get(last, _UNGUARDED)}.")

    async def _let_go(self, pause: _Pause) -> None:
        pause.is_asked = True
        with suppress(OSError):
            pause.line.send(GO)
        if pause.watcher is not None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await asyncio.shield(pause.watcher)
            except TimeoutError:
                pause.guardian.kill()  # its end of the line closes; the watcher continues the processes
                await pause.watcher

    def _write(self) -> None:
        self._leases.write(one for pause in self._pauses.values() for one in pause.processes.values())


def _key(lead: ProcessIdentity) -> Lead:
    return lead.pid, lead.start_ns
