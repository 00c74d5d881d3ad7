"""The second door, for kernels without type information: BCC compiles the programs in bpf/bcc on the machine itself.

A child (`bcc_child.py`) of the system's Python does that and hands over descriptors; reading goes through libbpf, as
with CO-RE objects, so the same probes serve both. The kernel lets go of all when the descriptors are closed. The
programs read arguments of tracepoints, which tracefs describes: it must be mounted and readable (docs/ebpf.md).
Fails with LoaderError, and only with it.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.loaders.choice import SYSTEM_PYTHON
from helper.loaders.errors import LoaderError
from helper.loaders.fdinfo import fdinfo
from helper.loaders.libbpf import LOG_TAIL_CHARACTERS, Libbpf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHILD: Final = Path(__file__).with_name("bcc_child.py")
TRACEFS: Final = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
LONGEST_S: Final = 60.0
MOST_DESCRIPTORS: Final = 64
ANSWER_BYTES: Final = 65536
FEWEST_TASKS, MOST_TASKS = 4096, 65536
TASKS_OVER_NOW: Final = 4
THERMAL: Final = ("thermal_temperature", "thermal_zone_trip", "cdev_update")


class Bcc(Libbpf):
    """Opens `<sources>/<name>.c`; libbpf reads the maps."""

    has_parts = False

    def __init__(self, sources: Path, python: Path = SYSTEM_PYTHON) -> None:
        """Raises LoaderError if libbpf is missing."""
        super().__init__(sources)
        self._sources = sources
        self._python = python

    def open(self, name: str) -> BccObject:  # type: ignore[override]  # it offers what the probes use of a BpfObject
        """Nothing is in the kernel yet. Raises LoaderError without tracefs or without a program of that name."""
        source = self._sources / f"{name}.c"
        if not source.exists():
            hint = f"the BCC loader has no program {name}: it would need the kernel's own structs"
            raise LoaderError(name, "btf", errno.ENOTSUP, hint=hint)
        return BccObject(self, name, [str(self._python), "-I", str(CHILD)], source, flags(name))


def tracefs() -> Path:
    """Where tracepoints are described. Raises LoaderError with what to do."""
    for folder in TRACEFS:
        if os.access(folder / "events", os.R_OK | os.X_OK):
            return folder
    mounted = any("tracefs" in line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines())
    hint = (
        "tracefs may be read by root only; its group has to be the sampler's (docs/ebpf.md)"
        if mounted
        else "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)"
    )
    raise LoaderError("tracefs", "open", errno.EACCES if mounted else errno.ENOENT, hint=hint)


def flags(name: str) -> list[str]:
    """What the programs are told of this machine. Raises LoaderError without tracefs."""
    events = tracefs() / "events"
    told = [f"-DTICK_NS={10**9 // os.sysconf('SC_CLK_TCK')}ULL", f"-DMOST_TASKS={task_room()}", "-Wno-everything"]
    if name == "thermal_events":
        there = [f"-DST_HAS_{each}" for each in THERMAL if (events / "thermal" / each).is_dir()]
        if not there:
            raise LoaderError(name, "attach", errno.ESRCH, hint="this kernel has no tracepoints of thermal zones")
        told += there
    victim = events / "oom" / "mark_victim" / "format"
    if name == "oom_events" and victim.exists() and "uid;" in victim.read_text(encoding="ascii"):
        told.append("-DST_MARK_VICTIM_TELLS")
    return told


def task_room() -> int:
    """For how many tasks the maps have room: four times as many as there are now, a power of two, within bounds."""
    now = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2])
    return max(FEWEST_TASKS, min(MOST_TASKS, 1 << (TASKS_OVER_NOW * now - 1).bit_length()))


class BccObject:
    """A program of BCC on its way into the kernel: what probes use of a BpfObject. Close it, whatever happened."""

    def __init__(self, door: Libbpf, name: str, command: list[str], source: Path, told: list[str]) -> None:
        self.name = name
        self._door = door
        self._command, self._source, self._flags = command, source, told
        self._held: dict[str, dict[str, int]] = {"maps": {}, "programs": {}, "links": {}}
        self._mappings: list[mmap.mmap] = []

    def close(self) -> None:
        for mapping in self._mappings:
            mapping.close()
        for kind in ("links", "programs", "maps"):
            for fd in self._held[kind].values():
                os.close(fd)
            self._held[kind] = {}
        self._mappings = []

    def set_constants(self, section: str, value: bytes) -> None:
        """The programs take none: they see no pid namespaces. Raises LoaderError where the helper is in one."""
        if value[:4] != bytes(4):
            hint = f"BCC programs see the machine's own pids; the helper is in another pid namespace ({section})"
            raise LoaderError(self.name, "configure", errno.ENOTSUP, hint=hint)

    def leave_out(self, program: str) -> None:
        """Which tracepoints there are was asked before compiling."""

    def resize(self, entries: Mapping[str, int]) -> None:
        """Tells the compiler; the one ring buffer is counted in pages there."""
        self._flags += [f"-DMOST_{name.upper()}={count}" for name, count in entries.items()]
        if f"{self.name}_ring" in entries:
            self._flags.append(f"-DRING_PAGES={entries[f'{self.name}_ring'] // mmap.PAGESIZE}")

    def load(self) -> None:
        """Compiles, loads and attaches."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs, tempfile.TemporaryFile() as words:
            command = [*self._command, str(theirs.fileno()), str(self._source), *self._flags]
            try:
                subprocess.run(
                    command,
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    timeout=LONGEST_S,
                    check=False,
                    env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
                )
            except (OSError, subprocess.TimeoutExpired) as reason:
                raise LoaderError(self.name, "compile", errno.ETIMEDOUT, hint=f"compiling failed: {reason}") from reason
            ours.setblocking(False)
            words.seek(0)
            self._take(ours, words.read().decode("utf-8", "replace"))

    def _take(self, ours: socket.socket, words: str) -> None:
        tail = words[-LOG_TAIL_CHARACTERS:]
        try:
            message, received, _, _ = socket.recv_fds(ours, ANSWER_BYTES, MOST_DESCRIPTORS)
        except BlockingIOError:
            message, received = b"", []
        if not message:
            raise LoaderError(self.name, "compile", 0, tail, "the compiler ended without an answer (out of memory?)")
        answer = json.loads(message)
        if "step" in answer:
            raise LoaderError(self.name, answer["step"], 0, tail, hint_of(answer, words))
        fds = iter(received)
        self._held = {kind: {name: next(fds) for name in answer[kind]} for kind in ("maps", "programs", "links")}

    is_attached = True

    def attach(self, _optional: Sequence[str] = ()) -> dict[str, LoaderError]:
        """BCC attaches what it loads, or fails."""
        return {}

    def reuse_map(self, name: str, fd: int) -> None:
        raise LoaderError(self.name, "configure", errno.ENOTSUP, hint=f"map {name}: BCC programs share none ({fd})")

    def shared(self, section: str) -> mmap.mmap:
        """The map `settings`, of which each program has one, mapped: what one side writes the other sees."""
        fd = self.map_fd("settings" if section == f".data.{self.name}" else section)
        size = fdinfo(fd)["value_size"]
        try:
            mapping = mmap.mmap(fd, size)
        except OSError as reason:
            raise LoaderError(self.name, "map", reason.errno or 0) from reason
        self._mappings.append(mapping)
        return mapping

    def map_fd(self, name: str) -> int:
        """Of a map; the one ring buffer of a program is called `events` there."""
        name = "events" if name == f"{self.name}_ring" else name
        if name not in self._held["maps"]:
            raise LoaderError(self.name, "map", errno.ENOENT, hint=f"the program has no map {name}")
        return self._held["maps"][name]

    def fds(self) -> tuple[list[int], list[int]]:
        """File descriptors of the loaded programs and of the maps."""
        return list(self._held["programs"].values()), list(self._held["maps"].values())

    def missed(self, *tracepoints: str) -> int:
        """How often the kernel skipped these programs; 0 where it doesn't count that (before 6.7).

        While one program of a perf event runs on a CPU, no other one does: trace_call_bpf(), kernel/trace/bpf_trace.c.
        """
        held = self._held["programs"].items()
        shown = [fdinfo(fd) for name, fd in held if name.rpartition("__")[2] in tracepoints]
        return sum(each.get("recursion_misses", 0) for each in shown)


def hint_of(answer: Mapping[str, str], words: str) -> str:
    """A sentence for what the child says."""
    if answer["step"] == "library":
        return f"the system's Python has no bcc ({answer['reason']}); install python3-bpfcc"
    if "kernel headers" in words:
        return f"the kernel's headers are missing; install linux-headers-{os.uname().release}"
    if answer["step"] == "compile":
        return "the program could not be compiled for this kernel"
    return f"{answer['reason']}; CAP_BPF and CAP_PERFMON are needed, and tracefs must be readable"
