"""What a service that was taken over would try, each in a child of its own; a line of JSON: what became of each.

    hostile.py NAME-ON-THE-BUS VICTIM-PID ROOT-VICTIM-PID [BEGINNING]

The first victim is another user's, the second root's without any capability; of the attempts only those are made whose
words begin so. "" is a success; else the errno's name, the bus's error, or the signal that ended the child (SIGSYS:
seccomp). Stands alone: only the standard library and dbus-fast, and no pipe, which Control may not have. Every child is
called st-hostile, so that its traces in the journal can be told from others'.
"""

import asyncio
import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

HERE = Path(__file__).parent
LIBC = ctypes.CDLL(None, use_errno=True)
FOLDERS = ("/etc", "/usr", "/usr/lib/smoothtask-helper", "/var/lib", "/var/log", "/run", "/run/lock", "/dev/shm",
           "/dev/mqueue", "/root", "/home/alice", "/opt/smoothtask")  # fmt: skip
SECRETS = ("/etc/shadow", "/etc/ssh/ssh_host_ed25519_key", "/root/st-secret", "/home/alice/st-secret",
           "/var/lib/systemd/st-secret", "/dev/vda", "/dev/mem", "/dev/kmsg", "/proc/1/environ")  # fmt: skip
SETTINGS = ("/proc/sys/kernel/core_pattern", "/sys/kernel/mm/transparent_hugepage/enabled")
# include/uapi/linux: ptrace.h, sched.h, mount.h, capability.h; arch/x86/entry/syscalls/syscall_64.tbl
PTRACE_SEIZE, CLONE_NEWUSER, CLONE_NEWNET, MS_NODEV, PER_LINUX32 = 0x4206, 0x10000000, 0x40000000, 4, 8
CAPABILITY_VERSION_3, EVERY_CAPABILITY = 0x20080522, (1 << 41) - 1
INIT_MODULE, DELETE_MODULE, CAPSET, KEXEC_LOAD, BPF = 175, 176, 126, 246, 321
PR_SET_NAME = 15
BPF_MAP_CREATE, BPF_MAP_TYPE_ARRAY = 0, 2
CONTROL, SAMPLER = "io.github.smoothtask.Control1", "io.github.smoothtask.Sampler1"
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
    """A copy of test(1), which asks with its effective user; its exit code is the child's."""
    os.execv(HERE / "hostile-test", ["test", "-r", "/etc/shadow"])


def make_setuid_program() -> None:
    path = Path("/tmp/st-setuid")
    path.write_bytes(b"")
    path.chmod(0o4755)
    path.unlink()


def writable_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def code_from_a_file() -> None:
    """What was written can be executed, without memory that is both at once."""
    with Path("/tmp/st-code").open("w+b") as file:
        Path(file.name).unlink()
        execute(file.fileno())


def code_from_a_memory_file() -> None:
    execute(os.memfd_create("st-code"))


def execute(descriptor: int) -> None:
    os.write(descriptor, bytes(4096))
    mmap.mmap(descriptor, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()


def make_map() -> None:
    attributes = (ctypes.c_uint32 * 16)(BPF_MAP_TYPE_ARRAY, 4, 4, 1)
    checked(LIBC.syscall(BPF, BPF_MAP_CREATE, attributes, ctypes.sizeof(attributes)))


def read_memory(pid: int) -> None:
    first = int(Path(f"/proc/{pid}/maps").read_text().partition("-")[0], 16)
    os.pread(os.open(f"/proc/{pid}/mem", os.O_RDONLY), 8, first)


def reach(path: str) -> None:
    socket.socket(socket.AF_UNIX).connect(path)


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


def asked_of_control(victim: int) -> dict[str, Callable[[], object]]:
    """On the system bus."""
    control = partial(on_the_bus, CONTROL, f"/{CONTROL.replace('.', '/')}")
    target = (victim, start_ns(victim))
    return {
        "Control: pause": lambda: control("Pause", "utu", *target, 1),
        "Control: resume": lambda: control("Resume", "ut", *target),
        "Control: priority": lambda: control("SetPriority", "utiuu", *target, 1, 0, 0),
        "Control: limit": lambda: control("LimitUnit", "stt", "st-prey.service", 0, (1 << 64) - 1),
        "Control's name": partial(own, CONTROL),
    }


def asked_of_systemd() -> dict[str, Callable[[], object]]:
    """On the system bus; the unit that is started does nothing."""
    systemd = partial(on_the_bus, SYSTEMD, "/org/freedesktop/systemd1")
    words = [["/bin/true", ["true"], False]]
    unit = ["st-hostile.service", "replace", [["ExecStart", Variant("a(sasb)", words)]], []]
    return {
        "systemd: forget failures": lambda: systemd("ResetFailed", ""),
        "systemd: set its environment": lambda: systemd("SetEnvironment", "as", ["ST_HOSTILE=1"]),
        "systemd: run a program as root": lambda: systemd("StartTransientUnit", "ssa(sv)a(sa(sv))", *unit),
    }


def beyond_the_sampler(victim: int, root_victim: int) -> dict[str, Callable[[], object]]:
    """What the sampler has by its nature or needs, or what is of interest in root's hands only."""
    return {
        "netlink socket": partial(open_socket, socket.AF_NETLINK, socket.SOCK_RAW),
        "BPF map": make_map,
        "run another program": lambda: os.execv("/usr/bin/true", ["true"]),
        "code from a file": code_from_a_file,
        "code from a memory file": code_from_a_memory_file,
        "write what /proc tells of itself": lambda: Path("/proc/self/oom_score_adj").write_text("500"),
        "priority of another's process": lambda: os.setpriority(os.PRIO_PROCESS, victim, 0),
        "memory of root's process without capabilities": partial(read_memory, root_victim),
        "files of root's process without capabilities": partial(write_into, f"/proc/{root_victim}/root/etc"),
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
        "memory of another's process": partial(read_memory, victim),
        "memory of process 1": partial(read_memory, 1),
        "write to a disk": partial(os.open, "/dev/vda", os.O_WRONLY),
        "systemd's private socket": partial(reach, "/run/systemd/private"),
        "load a module": load_module,
        "load another kernel": lambda: checked(LIBC.syscall(KEXEC_LOAD, 0, ctypes.c_ulong(0), None, ctypes.c_ulong(0))),
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
        **asked_of_systemd(),
    }


def outcome(deed: Callable[[], object]) -> str:
    """What became of it: "" or what stopped it."""
    near, far = socket.socketpair()
    if not (pid := os.fork()):
        said = ""
        try:
            checked(LIBC.prctl(PR_SET_NAME, b"st-hostile"))
            deed()
        except OSError as error:
            said = errno.errorcode[error.errno] if error.errno else str(error.args[-1])
        far.send(said.encode())
        os._exit(0)
    far.close()
    with near:
        said = near.recv(1 << 12).decode()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return said if os.WEXITSTATUS(status) == 0 else f"exit {os.WEXITSTATUS(status)}"


def ask_for_time() -> None:
    """A minute more to start in: sd_notify(3)."""
    if place := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(b"EXTEND_TIMEOUT_USEC=60000000", place)


def main(name: str, victim: int, root_victim: int, beginning: str = "") -> None:
    told: dict[str, str] = {}
    every = attempts(victim)
    if name != CONTROL:  # it would ask itself
        every |= asked_of_control(victim)
    if name != SAMPLER:
        every |= beyond_the_sampler(victim, root_victim)
    for what, deed in ((what, deed) for what, deed in every.items() if what.startswith(beginning)):
        ask_for_time()
        told[what] = outcome(deed)
    print(json.dumps(told), flush=True)
    if name:
        own(name)  # systemd holds a service of type dbus to be started then


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
