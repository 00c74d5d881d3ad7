"""./dev exec [--helper] [--as USER] [--] CMD…: run a command in the project's environment.

Without --helper: as whoever asks, in the folder one is in, with build/venv first on the PATH.
With --helper: inside a throw-away box (box.py) with a real system bus, polkitd and the sampler as its own user with its
two capabilities, for as long as the command lives. The command runs as whoever called sudo, else as the box's ordinary
user alice, in an active session: so it is polkit that decides what it may see. --as root runs it as root.
"""

import argparse
import os
from pathlib import Path

import places
import ready
import shared
from following import follow

PLAIN_USER = "alice"


def run(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="./dev exec", description=(__doc__ or "").partition("\n")[2].strip())
    parser.add_argument("--helper", action="store_true", help="with private bus, polkit and a real sampler")
    parser.add_argument("--as", dest="user", metavar="USER", help="with --helper: run as this user; alice, bob or root")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    command = chosen.command[1:] if chosen.command[:1] == ["--"] else chosen.command
    if not command or (chosen.user and not chosen.helper):
        parser.error("give a command" if not command else "--as needs --helper")
    if chosen.helper:
        ready.ensure({"bpf", "box"})
        return follow(in_box(command, chosen.user))
    ready.ensure(set())
    env = os.environ | {"PATH": f"{places.VENV / 'bin'}:{os.environ['PATH']}"}
    try:
        return follow(command, env=env)
    except OSError as error:
        print(f"./dev exec: {command[0]}: {error.strerror}")
        return 127


def in_box(command: list[str | Path], user: str | None = None) -> list[str]:
    """The command inside a box, to be started by anyone who can be root; `user` as --as has it."""
    box: list[str | Path] = [places.PYTHON, "-B", places.TOOLS / "box.py", "--session", "active"]
    return shared.command([*box, "--user", user or person(), "--", *command])


def person() -> str:
    """Whom the box's command runs as: whoever asks, unless that is root."""
    import pwd

    name = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else os.environ.get("SUDO_USER", "root")
    return PLAIN_USER if name == "root" else name
