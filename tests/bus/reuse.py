"""Rounds in which a process's number is given to another one before Control acts; run as root in a pid namespace.

Usage: reuse.py ROUNDS. Each round: a victim is named to Control by pid and start time, ends, and its number goes to a
bystander, in every other round before Control is called, in the others while polkit is asked. Prints one JSON object:
what Control answered, how often, and how many bystanders were touched. Stands alone but for dbus-fast.
"""

import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

CONTROL = "io.github.smoothtask.Control1"
HERE = Path(__file__).parent
PYTHON = "/run/dbus/box/venv/bin/python"
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
METHODS = (("Terminate", "", []), ("Kill", "", []), ("Pause", "u", [60]), ("Resume", "", []))
ONCE_ONLY = 300  # numbers below this are given once (RESERVED_PIDS in kernel/pid.c)
SCARCE = ONCE_ONLY + 20


def make_numbers_scarce() -> None:
    """pid_max is the namespace's own since Linux 6.14; before that the next number can be chosen (give_number_to)."""
    release = tuple(int(part) for part in platform.release().split(".")[:2])
    if release >= (6, 14):
        Path("/proc/sys/kernel/pid_max").write_text(str(SCARCE))
        given = 0
        while given < ONCE_ONLY:
            given = child()
            end(given)


def child() -> int:
    """A process that does nothing and obeys every signal."""
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def bystander(number: int) -> int:
    """A new process that has got that number; it comes round once all others were given."""
    for _ in range(100_000):
        if int(Path("/proc/sys/kernel/pid_max").read_text()) > SCARCE:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        pid = child()
        if pid == number:
            return pid
        end(pid)
    raise SystemExit(f"{number} was never given again")


def start_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) * TICK_NS


def was_touched(pid: int) -> bool:
    with suppress(ChildProcessError):
        ended, _status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        return bool(ended)
    return True


def let_a_tick_pass(start: int) -> None:
    """/proc tells start times to the tick: the bystander gets another one."""
    while time.clock_gettime_ns(time.CLOCK_BOOTTIME) < start + 2 * TICK_NS:
        time.sleep(0.001)


class Rounds:
    def __init__(self, bus: MessageBus, polkit: subprocess.Popen[str]) -> None:
        self.bus, self.polkit = bus, polkit
        self.told: Counter[str] = Counter()
        self.touched = 0

    async def ask(self, number: int, pid: int, start: int) -> str:
        member, signature, more = METHODS[number // 2 % len(METHODS)]
        reply = await self.bus.call(
            Message(
                destination=CONTROL, path="/" + CONTROL.replace(".", "/"), interface=CONTROL, member=member,
                signature=f"ut{signature}", body=[pid, start, *more],
            )
        )  # fmt: skip
        return (reply.error_name or "done").rpartition(".")[2]

    async def play(self, number: int) -> None:
        victim = child()
        start = start_ns(victim)
        if number % 2:
            call = asyncio.create_task(self.ask(number, victim, start))
            assert (await asyncio.to_thread(self.polkit.stdout.readline)).startswith("asked")
            end(victim)
            other = bystander(victim)
            self.polkit.stdin.write("\n")
            self.polkit.stdin.flush()
            assert (await asyncio.to_thread(self.polkit.stdout.readline)) == "granted\n"
            answer = await call
        else:
            let_a_tick_pass(start)
            end(victim)
            other = bystander(victim)
            answer = await self.ask(number, victim, start)
        self.told[answer] += 1
        self.touched += was_touched(other)
        with suppress(ProcessLookupError, ChildProcessError):
            end(other)


async def main(count: int, polkit: "subprocess.Popen[str]") -> None:
    assert await asyncio.to_thread(polkit.stdout.readline) == "ready\n"  # its thread stays, and takes no number later
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    rounds = Rounds(bus, polkit)
    await rounds.ask(0, os.getpid(), 0)  # Control runs from here on
    make_numbers_scarce()
    for number in range(count):
        await rounds.play(number)
    polkit.kill()
    polkit.wait()
    print(json.dumps({"told": rounds.told, "touched": rounds.touched}))


POLKIT = subprocess.Popen(
    ["setpriv", "--reuid=polkitd", "--clear-groups", PYTHON, "-I", HERE / "polkit_stand_in.py", "grant_later"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
)  # fmt: skip
asyncio.run(main(int(sys.argv[1]), POLKIT))
