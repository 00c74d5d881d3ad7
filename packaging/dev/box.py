#!/usr/bin/env python3
"""box.py: a throw-away system for one command: real dbus-daemon, real polkitd, the helper, a login session.

    box.py [--user NAME | --uid N] [--session active|inactive|none] [--no-polkit] [--no-helper]
           [--helper-python PATH] [--helper-object-dir DIR] [--helper-argument ARG]... [--control-argument ARG]...
           [--hidepid N] [--first-uid N] -- COMMAND...
    box.py [...] --hold              keeps the box until standard input ends; prints "ready PID"
    box.py --enter PID [--user NAME] [--session ...] -- COMMAND...    runs COMMAND in the box held by PID

Needs root. Changes nothing on the machine: mounts are private, accounts (smoothtask, alice, bob) exist only inside,
processes keep their real pids, and all of them end with COMMAND, also when the box itself is killed. The exit code is
COMMAND's. Two processes watch each other: the outer one inherits the orphans if the inner one is killed, the inner one
is signalled if the outer one is. Standard library only.
"""

import argparse
import contextlib
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from boxparts import accounts, kernel, processes, session, system


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="box.py", usage=__doc__, add_help=True)
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--user")
    who.add_argument("--uid", type=int)
    parser.add_argument("--session", choices=("active", "inactive", "none"), default="active")
    parser.add_argument("--no-polkit", action="store_true")
    parser.add_argument("--no-helper", action="store_true")
    parser.add_argument("--helper-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--helper-object-dir", type=Path, default=system.REPOSITORY / "build" / "bpf")
    parser.add_argument("--helper-argument", action="append", default=[])
    parser.add_argument("--control-argument", action="append", default=[])
    parser.add_argument("--hidepid", type=int, default=0)
    parser.add_argument("--first-uid", type=int, default=accounts.FIRST_UID, help="of the accounts that it adds")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--enter", type=int, metavar="PID")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(words)
    if chosen.command[:1] == ["--"]:
        del chosen.command[0]
    if bool(chosen.command) == chosen.hold:
        parser.error("give a COMMAND after --, or --hold")
    return chosen


def _uid_of(chosen: argparse.Namespace) -> int:
    if chosen.user is not None:
        return pwd.getpwnam(chosen.user).pw_uid
    return int(chosen.uid if chosen.uid is not None else os.environ.get("SUDO_UID", os.getuid()))


def _run_as(chosen: argparse.Namespace, box_pid: int, command: list[str]) -> NoReturn:
    """Replaces this process by `command`, as the chosen user in the chosen session."""
    uid = _uid_of(chosen)
    opened = None if chosen.session == "none" else session.open_session(uid, chosen.session, box_pid)
    env = session.become(uid, os.environ, opened)
    try:
        os.execvpe(command[0], command, env)
    except OSError as error:
        print(f"box: {command[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _end_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _wait_for(pid: int) -> int:
    """The exit code of child `pid`; reaps adopted children on the way."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _inner(chosen: argparse.Namespace) -> int:
    contents = system.Contents(
        python=chosen.helper_python.absolute(),
        object_dir=chosen.helper_object_dir.absolute(),
        polkit=not chosen.no_polkit,
        helper=not chosen.no_helper,
        helper_arguments=tuple(chosen.helper_argument),
        control_arguments=tuple(chosen.control_argument),
    )
    kernel.own_mounts()
    try:
        system.lay_out()
        accounts.add_accounts(system.SCRATCH, chosen.user, chosen.uid, chosen.first_uid)
        if chosen.hidepid:  # polkitd has to see its callers
            kernel.mount_proc(chosen.hidepid, pwd.getpwnam("polkitd").pw_gid)
        system.start_bus(contents)
        command = chosen.command
        if chosen.hold:
            print("ready", os.getpid(), flush=True)
            command = ["sh", "-c", "exec cat >/dev/null"]
        child = os.fork()
        if child == 0:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            _run_as(chosen, os.getppid(), command)
        return _wait_for(child)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        processes.end_descendants()
        session.remove_cgroups(os.getpid())


def _outer(chosen: argparse.Namespace) -> int:
    parent = os.getpid()
    kernel.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches COMMAND too, which decides
    inner = os.fork()
    if inner == 0:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end_on_signal)
        kernel.signal_when_parent_dies(signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
        kernel.adopt_orphans()
        sys.exit(_inner(chosen))

    def pass_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(inner, number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    try:
        return _wait_for(inner)
    finally:
        processes.end_descendants()
        session.remove_cgroups(inner)


class HeldBox:
    """A box for tests: stays open until close() or the end of this process; commands are run inside one by one."""

    def __init__(self, *options: str) -> None:
        """Opens a box with the given command line options and waits until its bus is up."""
        command = [sys.executable, str(Path(__file__).resolve()), *options, "--session", "none", "--uid", "0", "--hold"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if words[:1] != ["ready"]:
            self.close()
            raise RuntimeError("the box didn't open; its message is on standard error")
        self.pid = int(words[1])
        self.python = str(system.reachable_path(Path(sys.executable)))

    def command(self, *words: str, user: str = "alice", session: str = "active") -> list[str]:
        """The words with which subprocess runs `words` inside, as `user`."""
        head = [sys.executable, str(Path(__file__).resolve()), "--enter", str(self.pid)]
        return [*head, "--user", user, "--session", session, "--", *words]

    def path(self, inside: str) -> Path:
        """A file of the box, as seen from outside."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def close(self) -> None:
        """Ends every process of the box."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def main(words: list[str]) -> int:
    """Runs the command line `words`; returns the exit code."""
    chosen = _arguments(words)
    if os.getuid() != 0:
        print("box: needs root (mounts, users, capabilities): run it with sudo", file=sys.stderr)
        return 2
    if chosen.enter is None:
        return _outer(chosen)
    kernel.enter_mounts_of(chosen.enter)
    _run_as(chosen, chosen.enter, chosen.command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
