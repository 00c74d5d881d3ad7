"""What a service that was taken over would try, each in a child of its own; a line of JSON: what became of each.

    hostile.py NAME-ON-THE-BUS VICTIM-PID

"" is a success; else the errno's name, the bus's error, or the signal that ended the child (SIGSYS: seccomp). Stands
alone: only the standard library and dbus-fast. Every child is called st-hostile, so that its traces in the journal can
be told from others'.
"""

import asyncio
import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

HERE = Path(__file__).parent
LIBC = ctypes.CDLL(None, use_errno=True)
FOLDERS = ("/etc", "/usr/lib/smoothtask-helper", "/var/lib", "/var/log", "/run", "/run/lock", "/dev/shm", "/dev/mqueue",
           "/root", "/home/alice", "/opt/smoothtask")  # fmt: skip
SECRETS = ("/etc/shadow", "/root/secret", "/home/alice/secret", "/dev/vda", "/dev/kmsg", "/proc/1/environ")
SETTINGS = ("/proc/sys/kernel/core_pattern", "/sys/kernel/mm/transparent_hugepage/enabled")
# include/uapi/linux: ptrace.h, sched.h, mount.h, capability.h; arch/x86/entry/syscalls/syscall_64.tbl
PTRACE_SEIZE, CLONE_NEWUSER, CLONE_NEWNET, MS_NODEV, PER_LINUX32 = 0x4206, 0x10000000, 0x40000000, 4, 8
CAPABILITY_VERSION_3, EVERY_CAPABILITY = 0x20080522, (1 << 41) - 1
INIT_MODULE, DELETE_MODULE, CAPSET = 175, 176, 126
CONTROL = "io.github.smoothtask.Control1"
SYSTEMD = "org.freedesktop.systemd1"


def checked(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), "")


def write_into(folder: str) -> None:
    path = Path(folder) / "st-hostile"
    path.touch()
    path.unlink()


def write_anywhere() -> None:
    """Whatever is mounted, but what is the service's own; succeeds if one of it can be written to."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        folder = line.split()[4]
        if folder not in ("/tmp", "/var/tmp"):
            try:
                write_into(folder)
            except OSError:
                continue
            return
    raise PermissionError(errno.EACCES, "")


def make_control_group() -> None:
    path = Path("/sys/fs/cgroup/st-hostile")
    path.mkdir()
    path.rmdir()


def set_again(path: str) -> None:
    """The value that it has."""
    chosen = Path(path).read_text().strip()
    Path(path).write_text(chosen.partition("[")[2].partition("]")[0] or chosen)


def every_capability() -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    low, high = EVERY_CAPABILITY & 0xFFFFFFFF, EVERY_CAPABILITY >> 32
    checked(LIBC.syscall(CAPSET, header, (ctypes.c_uint32 * 6)(low, low, low, high, high, high)))


def load_module() -> None:
    image = (HERE / "hostile.ko").read_bytes()
    checked(LIBC.syscall(INIT_MODULE, image, ctypes.c_ulong(len(image)), b""))
    checked(LIBC.syscall(DELETE_MODULE, b"dummy", os.O_NONBLOCK))


def mount() -> None:
    checked(LIBC.mount(b"none", b"/mnt", b"tmpfs", ctypes.c_ulong(MS_NODEV), None))
    checked(LIBC.umount(b"/mnt"))


def become_root() -> None:
    os.setresuid(0, 0, 0)


def run_setuid_program() -> None:
    said = subprocess.run([HERE / "hostile-id", "-u"], capture_output=True, text=True, check=True).stdout
    if said.strip() != "0":
        raise PermissionError(errno.EPERM, "")


def make_setuid_program() -> None:
    path = Path("/tmp/st-setuid")
    path.write_bytes(b"")
    path.chmod(0o4755)
    path.unlink()


def writable_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def trace(pid: int) -> None:
    checked(LIBC.ptrace(PTRACE_SEIZE, pid, None, None))


def send_by_pidfd(pid: int) -> None:
    signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGCONT)


def open_socket(family: int, kind: int) -> None:
    socket.socket(family, kind).close()


def start_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) * 10**7  # USER_HZ is 100


def on_the_bus(destination: str, path: str, member: str, signature: str, *body: object) -> None:
    """OSError with the bus's error as its text, if that is the answer."""

    async def call() -> Message | None:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        interface = destination if destination == CONTROL else f"{destination}.Manager"
        wanted = Message(destination=destination, path=path, interface=interface, member=member, signature=signature)
        wanted.body = list(body)
        return await bus.call(wanted)

    answer = asyncio.run(call())
    if answer is None or answer.message_type is MessageType.ERROR:
        raise OSError(None, answer.error_name if answer else "no answer")


def own(name: str) -> None:
    async def ask() -> None:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        daemon = "org.freedesktop.DBus"
        wanted = Message(destination=daemon, path="/org/freedesktop/DBus", interface=daemon, member="RequestName")
        wanted.signature, wanted.body = "su", [name, 4]
        answer = await bus.call(wanted)
        if answer is None or answer.message_type is MessageType.ERROR:
            raise OSError(None, answer.error_name if answer else "no answer")

    asyncio.run(ask())


def asked_of_services(victim: int) -> dict[str, Callable[[], object]]:
    """On the system bus."""
    control = partial(on_the_bus, CONTROL, f"/{CONTROL.replace('.', '/')}")
    systemd = partial(on_the_bus, SYSTEMD, "/org/freedesktop/systemd1")
    target = (victim, start_ns(victim))
    return {
        "Control: pause": lambda: control("Pause", "utu", *target, 1),
        "Control: resume": lambda: control("Resume", "ut", *target),
        "Control: priority": lambda: control("SetPriority", "utiuu", *target, 1, 0, 0),
        "Control: limit": lambda: control("LimitUnit", "stt", "st-prey.service", 0, (1 << 64) - 1),
        "Control's name": partial(own, CONTROL),
        "systemd: forget failures": lambda: systemd("ResetFailed", ""),
        "systemd: set its environment": lambda: systemd("SetEnvironment", "as", ["ST_HOSTILE=1"]),
    }


def attempts(victim: int) -> dict[str, Callable[[], object]]:
    """What each tries → how. Whoever may do them all (root) is left as before, the victim too."""
    inet, inet6, packet = socket.AF_INET, socket.AF_INET6, socket.AF_PACKET
    return {
        "signal process 1": partial(os.kill, 1, signal.SIGCONT),
        "signal another's process": partial(os.kill, victim, signal.SIGCONT),
        "signal by pidfd": partial(send_by_pidfd, victim),
        **{f"write into {folder}": partial(write_into, folder) for folder in FOLDERS},
        "write anywhere": write_anywhere,
        **{f"read {path}": partial(os.open, path, os.O_RDONLY) for path in SECRETS},
        **{f"set {path}": partial(set_again, path) for path in SETTINGS},
        "make a control group": make_control_group,
        "TCP socket": partial(open_socket, inet, socket.SOCK_STREAM),
        "UDP socket": partial(open_socket, inet, socket.SOCK_DGRAM),
        "TCP socket, IPv6": partial(open_socket, inet6, socket.SOCK_STREAM),
        "UDP socket, IPv6": partial(open_socket, inet6, socket.SOCK_DGRAM),
        "packet socket": partial(open_socket, packet, socket.SOCK_RAW),
        "trace another's process": partial(trace, victim),
        "load a module": load_module,
        "every capability": every_capability,
        "become root": become_root,
        "run a setuid program": run_setuid_program,
        "make a setuid program": make_setuid_program,
        "mount": mount,
        "user namespace": lambda: checked(LIBC.unshare(CLONE_NEWUSER)),
        "network namespace": lambda: checked(LIBC.unshare(CLONE_NEWNET)),
        "memory to write and execute": writable_code,
        "realtime": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        "personality": lambda: checked(LIBC.personality(PER_LINUX32)),
        "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
        "set the host's name": lambda: socket.sethostname(socket.gethostname()),
        "change the root": lambda: os.chroot("/"),
        **asked_of_services(victim),
    }


def outcome(deed: Callable[[], object]) -> str:
    """What became of it: "" or what stopped it."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        said = ""
        try:
            Path("/proc/self/comm").write_text("st-hostile")
            deed()
        except OSError as error:
            said = errno.errorcode[error.errno] if error.errno else str(error.args[-1])
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return said if os.WEXITSTATUS(status) == 0 else f"exit {os.WEXITSTATUS(status)}"


def ask_for_time() -> None:
    """A minute more to start in: sd_notify(3)."""
    if place := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(b"EXTEND_TIMEOUT_USEC=60000000", place)


def main(name: str, victim: int) -> None:
    told: dict[str, str] = {}
    for what, deed in attempts(victim).items():
        ask_for_time()
        told[what] = outcome(deed)
    print(json.dumps(told), flush=True)
    if name:
        own(name)  # systemd holds a service of type dbus to be started then


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
