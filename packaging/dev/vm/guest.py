"""A running guest: started under plain emulation, reached by ssh, ended with us whatever happens.

It boots once and is kept as it is then (kept.py); every start goes on from there, and boots where that can't be done.
One boot in some dozens panics early under emulation; a guest that panics, ends or isn't ready in READY_S is started
once more. The time that it stood in line for a processor doesn't count: a second start would stand there too.
How it was started, why so, and what it cost is in build/vm/NAME/life.log, the serial console in serial.log (that of a
start which failed in serial.1.log).
"""

import contextlib
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from vm.kept import Kept, recipe_of
from vm.monitor import Monitor, MonitorError

READY = "VM-READY"
PANIC = "Kernel panic"
LIFE = "life.log"
FORMATS = {".raw": "format=raw", ".qcow2": "format=qcow2"}
READY_S = 90.0
SECOND_READY_S = 300.0
LONGEST_S = 600.0  # with the time in line, on a machine that is busy with other things
CPU = "max,avx=off,avx2=off,erms=off,la57=off,smap=off"
"""QEMU 7.2 ignores a gather's index in ymm4, and numpy segfaults; docs/testing.md, "Guests", says how to see it.

The last three cost an emulator much and a guest has no need of them: "rep movsb" is emulated byte by byte, a fifth
level of page tables makes each miss longer, each copy from or to a process ends two blocks of translated code.
"""
AS_OURS = ("-accel", "tcg,thread=multi")
BY_INSTRUCTIONS = ("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=on")
MEMORY_MIB = 768
KERNEL_WORDS = (
    "root=/dev/vda rw console=tty0 console=ttyS0 quiet loglevel=4 systemd.show_status=0 mitigations=off nowatchdog "
    "init_on_alloc=0 randomize_kstack_offset=off no_timer_check maxcpus=1"
)
"""no_timer_check: the kernel counts ticks during a loop of instructions and panics where it sees none ("IO-APIC +
timer doesn't work"), as it does while QEMU waits for a processor of a busy machine: kernel-parameters.txt."""
WARM = """
until systemctl is-system-running | grep -qE 'running|degraded'; do sleep 0.2; done
until [ -S /run/user/$(id -u alice)/bus ]; do sleep 0.2; done
busctl status org.freedesktop.PolicyKit1 >/dev/null || true
python3 -c 'import asyncio, dbus_fast.aio, json, numpy, psutil, tomlkit'
find / -xdev -printf '%u' >/dev/null
apt-get -qq check
sync
"""
"""What a guest does before it is kept: it is up, alice is logged in, caches are full."""


class GuestError(Exception):
    """The guest didn't come up, or what ran in it failed; the text has the end of its words."""


class Guest:
    """`folder` holds disk.raw, vmlinuz and initrd, and takes logs and sockets; the disk itself is never written to.

    Of its `cpus` one is on at first. A second makes all of it cost a third more (80 s against 60 from the start until
    both services ran): nobody spins for a lock whose holder this machine has no time for. /sys/devices/system/cpu turns
    the others on. With `by_instructions` its clock goes on by a nanosecond for each instruction that it runs (and as
    ours does while it has nothing to do): what something takes there doesn't depend on what else this machine does.
    """

    def __init__(self, folder: Path, key: Path, acpi_table: Path, cpus: int, by_instructions: bool = False) -> None:
        self.folder = folder
        self._cpus = cpus
        self._clock = BY_INSTRUCTIONS if by_instructions else AS_OURS
        self._key = key
        self._acpi_table = acpi_table
        self._kept = Kept(folder)
        self._qemu: subprocess.Popen[bytes] | None = None
        self.monitor: Monitor | None = None

    def start(self) -> None:
        """Go on from the state that is kept; boot where that fails. GuestError if the second boot isn't up either."""
        began_s = time.monotonic()
        try:
            if not self._kept.is_of(self._recipe()):
                self._keep()
            self._go_on()
            self._tell(f"went on from its kept state, up after {time.monotonic() - began_s:.0f} s")
        except (GuestError, MonitorError, OSError, subprocess.SubprocessError) as error:
            self.stop()
            self._kept.forget()
            self._tell(f"boots, as its kept state is of no use: {error}")
            self._boot_in_two_attempts("disk.raw", "snapshot=on")

    def _keep(self) -> None:
        """Boot, and keep the state."""
        began_s = time.monotonic()
        self._kept.begin()
        self._boot_in_two_attempts(self._kept.disk.name, "snapshot=off")
        assert self.monitor is not None
        alone = ["ssh", "-o", "ControlPath=none", *self._ssh(WARM)[1:]]  # no connection is kept with it
        self._runs(alone, SECOND_READY_S, "isn't idle")
        self._kept.save(self.monitor, self._recipe())
        self.stop()
        self._tell(f"booted to be kept, in {time.monotonic() - began_s:.0f} s")

    def _go_on(self) -> None:
        """As it was when it was kept, with its clock put right."""
        self._launch(self._kept.disk.name, "snapshot=on", "-incoming", self._kept.source)
        self._until(self._has_its_state, READY_S, "doesn't take its state")
        assert self.monitor is not None
        self.monitor.ask("cont")
        self._runs(self._ssh(f"date -s @{time.time():.0f}"), READY_S, "doesn't answer")

    def _has_its_state(self) -> bool:
        assert self.monitor is not None
        try:
            return bool(self.monitor.ask("query-status")["status"] != "inmigrate")
        except (MonitorError, ConnectionError):  # it ends
            return False

    def _boot_in_two_attempts(self, disk: str, changes: str) -> None:
        try:
            self._boot(disk, changes, READY_S)
        except GuestError as error:
            self.stop()
            self._tell(f"booted once more: {error}")
            self._serial.rename(self.folder / "serial.1.log")
            self._boot(disk, changes, SECOND_READY_S)

    def stop(self) -> None:
        """End it at once; its disk's changes are gone."""
        if self.monitor is not None:
            self.monitor.close()
            self.monitor = None
        if self._qemu is not None:
            self._tell(f"ended; it had taken {processor_s(self._qemu.pid):.0f} s of processors")
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None

    @property
    def _serial(self) -> Path:
        return self.folder / "serial.log"

    def _tell(self, line: str) -> None:
        with (self.folder / LIFE).open("a") as log:
            log.write(f"{line}\n")

    def _boot(self, disk: str, changes: str, limit_s: float) -> None:
        self._launch(disk, changes)
        self._until(lambda: READY in self._serial.read_text(errors="replace"), limit_s, "isn't up")

    def _launch(self, disk: str, changes: str, *more: str) -> None:
        """Start QEMU and reach its monitor."""
        self._port = free_port()
        self._serial.write_bytes(b"")
        socket_path = self.folder / "monitor"
        socket_path.unlink(missing_ok=True)
        command = [*self._machine(), *self._attached(), *more]
        command += [
            "-drive",
            f"file={self.folder / disk},if=virtio,cache=unsafe,{FORMATS[Path(disk).suffix]},{changes}",
        ]
        with (self.folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "nice", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._until(lambda: self._is_reached(socket_path), READY_S, "has no monitor")

    def _is_reached(self, socket_path: Path) -> bool:
        with contextlib.suppress(FileNotFoundError, ConnectionError, MonitorError):  # it is just starting, or ends
            self.monitor = Monitor(socket_path)
        return self.monitor is not None

    def _until(self, holds: Callable[[], bool], limit_s: float, failing: str) -> None:
        """Wait; GuestError with its last words where it panics, ends, or takes longer than `limit_s` in all."""
        assert self._qemu is not None
        began_s = time.monotonic()
        while not holds():
            said = self._serial.read_text(errors="replace")
            waited_s = time.monotonic() - began_s
            hangs = waited_s - in_line_s(self._qemu.pid) > limit_s or waited_s > LONGEST_S
            if PANIC in said or self._qemu.poll() is not None or hangs:
                words = said[-1500:] or (self.folder / "qemu.log").read_text(errors="replace")[-1500:]
                raise GuestError(f"{self.folder.name} {failing} after {waited_s:.0f} s, or panicked; it said:\n{words}")
            time.sleep(0.1)

    def _runs(self, command: list[str], limit_s: float, failing: str) -> None:
        """Wait for a command that reaches the guest; GuestError if it fails or takes too long."""
        asked = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._until(lambda: asked.poll() is not None, limit_s, failing)
        finally:
            asked.kill()
            asked.wait()
        if asked.returncode:
            raise GuestError(f"{self.folder.name} {failing}: {shlex.join(command)}: exit {asked.returncode}")

    def _recipe(self) -> str:
        parts = [(self.folder / name).resolve() for name in ("disk.raw", "vmlinuz", "initrd")]
        # the table is compiled anew for each run of the lane, to the same bytes
        return recipe_of([*self._machine(), WARM, self._acpi_table.read_bytes().hex()], parts)

    def _machine(self) -> list[str]:
        """QEMU's command, as far as it says what kind of computer this is."""
        here = self.folder
        command = ["qemu-system-x86_64", *self._clock, "-cpu", CPU, "-m", str(MEMORY_MIB)]
        command += ["-smp", str(self._cpus), "-nodefaults", "-display", "none", "-vga", "std", "-no-reboot"]
        command += ["-kernel", f"{here}/vmlinuz", "-initrd", f"{here}/initrd", "-append", KERNEL_WORDS]
        command += ["-device", "virtio-net-pci,netdev=wire,romfile=", "-device", "virtio-rng-pci"]
        # the first port is the console; the others' scratch registers hold temperatures (thermal.asl)
        command += ["-serial", f"file:{self._serial}", *["-serial", "null"] * 3]
        return [*command, "-acpitable", f"file={self._acpi_table}"]

    def _attached(self) -> list[str]:
        """And how it is reached."""
        wire = f"user,id=wire,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22"
        return ["-netdev", wire, "-qmp", f"unix:{self.folder}/monitor,server=on,wait=off"]

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


def processor_s(pid: int) -> float:
    """What a process took of processors so far; 0 if it has ended. proc_pid_stat(5): utime and stime."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
