"""A running container: the same disk as the guest's, its own systemd, bus, polkit and logind, on this machine's kernel.

Up in a few seconds, for what needs no kernel of its own. The disk is mounted read-only, changes lie in memory and go
with the container, which ends with us whatever happens. It has no seat, so no user counts as sitting at the machine.
Needs root, a loop device, overlayfs and the unified cgroup hierarchy; what systemd-nspawn says is in
build/vm/NAME/nspawn.log (of the container started last).

As a script (in a mount namespace of its own): container.py DISK FOLDER CGROUP, which becomes systemd-nspawn.
"""

import os
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

READY_S = 120.0
END_S = 30.0
UP = {"running", "degraded"}
"""States of systemd-analyze(1); the guest's own units for the serial console fail here."""
CAPABILITIES = "CAP_BPF,CAP_PERFMON,CAP_SYS_ADMIN,CAP_SYS_RESOURCE,CAP_NET_ADMIN,CAP_SYSLOG"
CGROUPS = Path("/sys/fs/cgroup")


class ContainerError(Exception):
    """It didn't come up, or what ran in it failed; the text has the end of its words."""


class Container:
    """`folder` holds disk.raw and takes the log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cgroup = f"smoothtask-{folder.name}-{uuid.uuid4().hex[:8]}"
        self._log = folder / "nspawn.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def start(self) -> None:
        """Boot; ContainerError if it isn't up within READY_S."""
        log = self._log.open("wb")
        (self.folder / "mounted").mkdir(exist_ok=True)
        words = ["/usr/bin/python3", "-B", __file__, self.folder / "disk.raw", self.folder / "mounted", self._cgroup]
        self._nspawn = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", "unshare", "--mount", "--propagation", "private", "--", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + READY_S
        while not self._is_up():
            if self._nspawn.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = self._log.read_text(errors="replace")[-1500:]
                raise ContainerError(f"{self.folder.name} isn't up after {READY_S:.0f} s; it said:\n{said}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it; its changes are gone."""
        if self._nspawn is None:
            return
        self._nspawn.terminate()  # an orderly shutdown: systemd-nspawn(1), --kill-signal
        try:
            self._nspawn.wait(END_S)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = None
        for hierarchy in (CGROUPS, CGROUPS / "unified"):  # where a machine with version 1 has version 2 as well
            below = [*(hierarchy / self._cgroup).rglob("*"), hierarchy / self._cgroup]
            for folder in sorted((path for path in below if path.is_dir()), reverse=True):
                folder.rmdir()

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        try:
            self._leader = int(children.read_text().split()[0])
        except (OSError, IndexError):
            return False
        asked = subprocess.run(
            [*self._enter(), "systemctl", "is-system-running"], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() in UP

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self._leader), "-a", "--"]

    def run(self, *words: str, given: bytes = b"", limit_s: float = 400) -> str:
        """What a command of root's in the container prints; ContainerError with its words if it fails."""
        literal = [word.replace("$", "$$") for word in words]  # systemd.service(5), "Command lines"
        unit = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--", *literal]
        command = [*self._enter(), *unit]
        done = subprocess.run(command, input=given, capture_output=True, timeout=limit_s, check=False)
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
            raise ContainerError(f"{shlex.join(words)} in {self.folder.name}: exit {done.returncode}:\n{said}")
        return done.stdout.decode(errors="replace")

    def send(self, top: Path, names: Sequence[str], target: str) -> None:
        """Copy files and folders below `top` into the container's folder `target`."""
        pack = ["tar", "-C", top, "--exclude=__pycache__", "--owner=0", "--group=0", "-c", *names]
        packed = subprocess.run(pack, capture_output=True, check=True).stdout
        self.run("mkdir", "-p", target)
        self.run("tar", "-C", target, "-x", given=packed)


def become(disk: str, folder: str, cgroup: str) -> None:
    """Mount the disk, take a cgroup of the unified hierarchy, and be systemd-nspawn."""
    subprocess.run(["mount", "-o", "loop,ro", disk, folder], check=True)
    subprocess.run(["umount", "-R", CGROUPS], check=True)
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", CGROUPS], check=True)
    (CGROUPS / cgroup).mkdir()
    (CGROUPS / cgroup / "cgroup.procs").write_text(str(os.getpid()))
    tracing = Path("/sys/kernel/tracing")
    if not os.path.ismount(tracing):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", tracing], check=True)
    options = ["--quiet", f"--directory={folder}", "--boot", "--register=no", "--keep-unit", "--console=pipe"]
    options += ["--volatile=overlay", "--resolv-conf=off", "--timezone=off", "--link-journal=no", f"--machine={cgroup}"]
    options += ["--private-network", f"--capability={CAPABILITIES}", "--system-call-filter=bpf perf_event_open"]
    options += [f"--bind={tracing}"]
    os.environ["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1"
    os.execvp("systemd-nspawn", ["systemd-nspawn", *options])


if __name__ == "__main__":
    become(*sys.argv[1:4])
