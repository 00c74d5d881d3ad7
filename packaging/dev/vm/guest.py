"""A running guest: started under plain emulation, reached by ssh, ended with us whatever happens.

One boot in some dozens panics early under emulation; a guest that panics, ends or isn't ready in READY_S is started
once more. The time that it stood in line for a processor doesn't count: a second start would stand there too.
The serial console is kept in build/vm/NAME/serial.log (of the start before in serial.1.log).
"""

import contextlib
import shlex
import socket
import subprocess
import time
from pathlib import Path

from vm.monitor import Monitor

READY = "VM-READY"
PANIC = "Kernel panic"
READY_S = 90.0
SECOND_READY_S = 300.0  # a machine that is busy with other things
CPU = "max,avx=off,avx2=off"
"""QEMU 7.2 ignores a gather's index in ymm4, and numpy segfaults; docs/testing.md, "Guests", says how to see it."""
MEMORY_MIB = 768
KERNEL_WORDS = (
    "root=/dev/vda rw console=tty0 console=ttyS0 quiet loglevel=4 systemd.show_status=0 mitigations=off nowatchdog "
    "init_on_alloc=0 randomize_kstack_offset=off no_timer_check"
)
"""no_timer_check: the kernel counts ticks during a loop of instructions and panics where it sees none ("IO-APIC +
timer doesn't work"), as it does while QEMU waits for a processor of a busy machine: kernel-parameters.txt."""


class GuestError(Exception):
    """The guest didn't come up, or what ran in it failed; the text has the end of its words."""


class Guest:
    """`folder` holds disk.raw, vmlinuz and initrd, and takes logs and sockets; the disk itself is never written to.

    A second processor makes all of it cost a third more (80 s against 60 from the start until both services ran): code
    for one needs no atomic instructions, and nobody spins for a lock whose holder this machine has no time for.
    """

    def __init__(self, folder: Path, key: Path, acpi_table: Path, cpus: int) -> None:
        self.folder = folder
        self._cpus = cpus
        self._key = key
        self._acpi_table = acpi_table
        self._qemu: subprocess.Popen[bytes] | None = None
        self.monitor: Monitor | None = None
        self.boots = 0

    def start(self) -> None:
        """Boot; GuestError if it isn't ready at the second attempt either."""
        try:
            self._boot(READY_S)
        except GuestError:
            self.stop()
            self._serial.rename(self.folder / "serial.1.log")
            self._boot(SECOND_READY_S)
        self.monitor = Monitor(self.folder / "monitor")

    def stop(self) -> None:
        """End it at once; its disk's changes are gone."""
        if self.monitor is not None:
            self.monitor.close()
            self.monitor = None
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None

    @property
    def _serial(self) -> Path:
        return self.folder / "serial.log"

    def _boot(self, limit_s: float) -> None:
        self.boots += 1
        self._port = free_port()
        self._serial.write_bytes(b"")
        with (self.folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "nice", *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        began_s = time.monotonic()
        while True:
            said = self._serial.read_text(errors="replace")
            if READY in said:
                return
            waited_s = time.monotonic() - began_s
            hangs = waited_s - in_line_s(self._qemu.pid) > limit_s or waited_s > SECOND_READY_S
            if PANIC in said or self._qemu.poll() is not None or hangs:
                words = said[-1500:] or (self.folder / "qemu.log").read_text(errors="replace")[-1500:]
                raise GuestError(f"{self.folder.name} isn't up after {waited_s:.0f} s, or panicked; it said:\n{words}")
            time.sleep(0.1)

    def _command(self) -> list[str]:
        here = self.folder
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-m", str(MEMORY_MIB)]
        command += ["-smp", str(self._cpus), "-nodefaults", "-display", "none", "-vga", "std", "-no-reboot"]
        command += ["-kernel", f"{here}/vmlinuz", "-initrd", f"{here}/initrd", "-append", KERNEL_WORDS]
        command += ["-drive", f"file={here}/disk.raw,format=raw,if=virtio,snapshot=on,cache=unsafe"]
        command += ["-netdev", f"user,id=wire,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22"]
        command += ["-device", "virtio-net-pci,netdev=wire,romfile=", "-device", "virtio-rng-pci"]
        command += ["-acpitable", f"file={self._acpi_table}", "-qmp", f"unix:{here}/monitor,server=on,wait=off"]
        # the first port is the console; the others' scratch registers hold temperatures (thermal.asl)
        return [*command, "-serial", f"file:{self._serial}", *["-serial", "null"] * 3]

    def _ssh(self, command: str) -> list[str]:
        options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "BatchMode": "yes",
                   "ConnectTimeout": "120", "ControlMaster": "auto", "ControlPath": f"{self.folder}/ssh-%p",
                   "ControlPersist": "60", "LogLevel": "ERROR", "IdentitiesOnly": "yes"}  # fmt: skip
        chosen = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-i", str(self._key), "-p", str(self._port), *chosen, "root@127.0.0.1", command]

    def run(self, *words: str, given: bytes = b"", limit_s: float = 400) -> str:
        """What a command of root's in the guest prints; GuestError with its words if it fails."""
        done = subprocess.run(
            self._ssh(shlex.join(words)), input=given, capture_output=True, timeout=limit_s, check=False
        )
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")[-3000:]
            raise GuestError(f"{shlex.join(words)} in {self.folder.name}: exit {done.returncode}:\n{said}")
        return done.stdout.decode(errors="replace")

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """A command of root's in the guest with pipes to talk through; whoever begins it ends it."""
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *self._ssh(shlex.join(words))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, top: Path, names: list[str], target: str) -> None:
        """Copy files and folders below `top` into the guest's folder `target`."""
        pack = ["tar", "-C", top, "--exclude=__pycache__", "--owner=0", "--group=0", "-c", *names]
        packed = subprocess.run(pack, capture_output=True, check=True).stdout
        self.run("mkdir", "-p", target)
        self.run("tar", "-C", target, "-x", given=packed)


def in_line_s(pid: int) -> float:
    """How long the most hindered thread of a process was ready to run and had no processor; 0 if it has ended.

    /proc/PID/task/TID/schedstat: Documentation/scheduler/sched-stats.rst.
    """
    delays_ns = [0]
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # that thread has ended
            delays_ns.append(int(path.read_text().split()[1]))
    return max(delays_ns) / 1e9


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
