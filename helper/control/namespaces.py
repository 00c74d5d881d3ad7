"""A process's number means something only within its pid namespace (pid_namespaces(7)).

Control takes numbers as the sampler gives them: those of the machine itself. A caller in a namespace of its own, in a
container, may mean its own numbers, so it is refused. Callers in a Flatpak sandbox reach the bus through
xdg-dbus-proxy, which runs outside, and have their numbers from the sampler: those are the right ones.
"""

from pathlib import Path
from typing import Final

from dbus_fast.aio import MessageBus

from helper.bus import connection, errors
from helper.bus.errors import Refusal
from helper.bus.operations import Caller
from helper.control.targets import PROC

_ADVICE: Final = "ask from outside the container"


async def expect_machine_numbers(bus: MessageBus, caller: Caller, proc: Path = PROC) -> None:
    """Refusal if the caller's own number shows that it lives in another pid namespace, or nothing shows it."""
    try:
        body = await connection.ask_daemon(bus, "GetConnectionUnixProcessID", "s", [caller.name])
        pid = int(body[0])
        status = (proc / str(pid) / "status").read_text(errors="replace")
    except (connection.CallFailed, OSError, ValueError, IndexError) as error:
        raise Refusal(
            errors.NOT_POSSIBLE, f"which processes you see can't be told ({error}), so yours may not be ours; {_ADVICE}"
        ) from error
    # proc_pid_status(5): one number for each namespace, from /proc's own down to the process's; no line, no namespaces
    if any(len(line.split()) > 2 for line in status.splitlines() if line.startswith("NSpid:")):
        raise Refusal(
            errors.NOT_POSSIBLE,
            f"you are in a container whose processes have numbers of their own; {_ADVICE}",
        )
