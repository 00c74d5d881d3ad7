"""Limit an app of one's own in a real session, undo it, and leave one for the next start; JSON of each state."""

import asyncio
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from smoothtask_gui.adapters.cpu_limits import CpuLimits
from smoothtask_gui.adapters.leases import LimitFile
from smoothtask_gui.adapters.process_control import OwnProcesses
from smoothtask_gui.adapters.session_bus import SessionBus
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.target import Target

UNIT = "app-smoothtask\\x2dburner-1.service"


def start() -> ProcessIdentity:
    command = ["systemd-run", "--user", "--quiet", f"--unit={UNIT}", "--slice=app.slice", "sleep", "300"]
    subprocess.run(command, check=True)
    asked = ["systemctl", "--user", "show", "--value", "--property=MainPID", UNIT]
    pid = int(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    start_ns = -(-ticks * 10**9 // os.sysconf("SC_CLK_TCK"))
    return ProcessIdentity(pid, start_ns, os.getuid(), "sleep")


def quota(pid: int) -> str:
    """µs of CPU time in each period of so many µs; systemd turns the controller on where the first quota is set."""
    place = Path(f"/proc/{pid}/cgroup").read_text().strip().partition("::")[2]
    file = Path(f"/sys/fs/cgroup{place}/cpu.max")
    return file.read_text().strip() if file.exists() else "max 100000"


async def freed(pid: int) -> str:
    """The quota once there is none, or as it still is after half a minute: systemd 257 answers first and acts then."""
    for _ in range(300):
        if quota(pid).startswith("max"):
            break
        await asyncio.sleep(0.1)
    return quota(pid)


async def tell(folder: Path) -> dict[str, Any]:
    who = start()
    bus = await SessionBus.connect()

    def limits() -> CpuLimits:
        return CpuLimits(bus, OwnProcesses(), LimitFile(folder))

    first, told = limits(), {"before": quota(who.pid)}
    told["said"] = await first.limit(Target("burner", (who,), cores=1.0))
    told["limited"] = quota(who.pid)
    await first.unlimit(who)
    told["undone"] = await freed(who.pid)
    await limits().limit(Target("burner", (who,), cores=0.5))
    told["left"] = quota(who.pid)
    told["freed"] = await limits().undo_leftovers()
    told["after"] = await freed(who.pid)
    await bus.close()
    return told


def main() -> None:
    try:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asyncio.run(tell(Path(folder)))))
    finally:
        subprocess.run(["systemctl", "--user", "stop", UNIT], check=True)


if __name__ == "__main__":
    main()
