"""Rows of a snapshot against what /proc says of the same child."""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.loaders.libbpf import Libbpf
from helper.probes import TaskSnapshot
from helper.probes.row_table import TASK_BYTES
from helper.probes.task_snapshot import ALL_BORN
from helper.sampler import packets
from helper.sampler.probe_set import Slot, State
from helper.sampler.readings import Readings
from tests.bpf.machine import (
    COUNTER_SLACK_PAGES,
    EVERYTHING,
    TASK,
    boottime_ns,
    cgroup_of,
    child,
    clock_ticks,
    in_initial_pid_namespace,
    process_row,
    take,
    until,
)
from tests.fakes.type_information import type_information

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.probes.probe import TaskReading

KERNELS = {"6.7": (b"bpf_rdonly_cast", b"bpf_iter_task_new"), "6.2": (b"bpf_rdonly_cast",), "6.1": ()}
"""What the objects that each is given may call."""


@pytest.fixture(params=KERNELS)
def snapshot(request: pytest.FixtureRequest, objects: Path, tmp_path: Path) -> Iterator[TaskSnapshot]:
    """As on a kernel of each age."""
    lent = type_information(tmp_path / "vmlinux", *KERNELS[request.param])
    probe = TaskSnapshot(Libbpf(objects, kernel_btf=lent))
    probe.open()
    yield probe
    probe.close()


def test_cpu_time_of_a_busy_child_is_what_the_kernel_counts(snapshot: TaskSnapshot) -> None:
    with child("burn(1.0); say(); wait()") as busy:
        busy.settle()
        row = process_row(take(snapshot), busy.pid)
        run_ns, delay_ns, _ = map(int, busy.proc("schedstat").split())
        ticks = int(busy.stat()[11]) + int(busy.stat()[12])
    assert row["run_ns"] == pytest.approx(run_ns, rel=0.01)
    assert row["run_ns"] == pytest.approx(ticks * 1e9 / clock_ticks(), rel=0.02, abs=3e9 / clock_ticks())
    assert row["run_delay_ns"] == pytest.approx(delay_ns, rel=0.02, abs=2e6)
    assert row["run_ns"] >= 1_000_000_000


def test_waits_of_three_rivals_for_one_cpu_are_those_of_schedstat(snapshot: TaskSnapshot) -> None:
    script = "os.sched_setaffinity(0, {int(sys.argv[1])}); say(); wait(); burn(0.3); say(); wait()"
    cpu = str(min(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        rivals = [stack.enter_context(child(script, cpu)) for _ in range(3)]
        for rival in rivals:
            rival.settle()
        for rival in rivals:
            rival.tell()
        for rival in rivals:
            rival.settle()
        rows = take(snapshot)
        told_ns = [int(process_row(rows, rival.pid)["run_delay_ns"]) for rival in rivals]
        assert told_ns == [int(rival.proc("schedstat").split()[1]) for rival in rivals]
    assert sum(told_ns) > 300_000_000, "each has a third of the CPU"


FAULTS = """
import mmap, resource
def fault(who, count):
    with open(sys.argv[1], 'wb+') as file:
        file.write(bytes(1 << 22)); file.flush(); os.fsync(file.fileno())
        for _ in range(1000):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
                pages.madvise(mmap.MADV_RANDOM)
                pages[::mmap.PAGESIZE]
            if resource.getrusage(who).ru_majflt >= count: break
"""
FAULT = FAULTS + "fault(resource.RUSAGE_SELF, 100); say(); wait()\n"


def test_faults_that_wait_for_a_disk_and_what_they_read_are_what_proc_says(
    snapshot: TaskSnapshot, on_disk: Path
) -> None:
    with child(FAULT, str(on_disk / "pages")) as reader:
        reader.settle()
        row = process_row(take(snapshot), reader.pid)
        io = dict(line.split(": ") for line in reader.proc("io").splitlines())
        faults = int(reader.stat()[9])
    assert row["major_faults"] == faults >= 100
    assert row["read_bytes"] == int(io["read_bytes"]) >= 100 * mmap.PAGESIZE


def test_identity_of_a_child_is_what_proc_says(snapshot: TaskSnapshot) -> None:
    with child("say(); wait()") as idle:
        idle.settle()
        row = process_row(take(snapshot), idle.pid)
        stat = idle.stat()
        assert row["comm"].decode() == idle.proc("comm").strip()
    assert row["parent_pid"] == os.getpid()
    assert row["uid"] == os.geteuid()
    assert row["state"] == ord("S")
    assert row["is_kernel"] == 0
    assert row["threads"] == 1
    assert row["missing"] == 0
    assert row["start_ns"] // (10**9 // clock_ticks()) == int(stat[19])
    assert row["start_ns"] < boottime_ns()


def test_faults_and_switches_are_what_proc_says(snapshot: TaskSnapshot) -> None:
    with child("pages = bytearray(1 << 24); [time.sleep(0.001) for _ in range(20)]; say(); wait()") as idle:
        idle.settle()
        row = process_row(take(snapshot), idle.pid)
        stat = idle.stat()
        status = dict(line.split(":", 1) for line in idle.proc("status").splitlines())
    assert row["minor_faults"] == int(stat[7])
    assert row["major_faults"] == int(stat[9])
    assert row["voluntary_switches"] == int(status["voluntary_ctxt_switches"])
    assert row["involuntary_switches"] == int(status["nonvoluntary_ctxt_switches"])
    assert row["voluntary_switches"] >= 20


@pytest.mark.parametrize(
    "pages",
    ["bytearray(1 << 26)", "__import__('mmap').mmap(-1, 1 << 26); pages[:] = bytes(1 << 26)"],
    ids=["own", "shared"],
)
def test_resident_memory_is_that_of_statm(snapshot: TaskSnapshot, pages: str) -> None:
    with child(f"pages = {pages}; say(); wait()") as fat:
        fat.settle()
        row = process_row(take(snapshot), fat.pid)
        resident = int(fat.proc("statm").split()[1]) * mmap.PAGESIZE
    assert row["rss_bytes"] == pytest.approx(resident, abs=COUNTER_SLACK_PAGES * mmap.PAGESIZE)
    assert row["rss_bytes"] > 1 << 26


def test_bytes_written_are_those_of_proc_io(snapshot: TaskSnapshot, tmp_path: Path) -> None:
    write = "file = open(sys.argv[1], 'wb'); file.write(bytes(1 << 22)); file.flush(); os.fsync(file.fileno())"
    write += (
        "; file.write(bytes(1 << 20)); file.flush(); os.ftruncate(file.fileno(), 1 << 22)"  # never gets to the disk
    )
    with child(f"{write}; say(); wait()", str(tmp_path / "written")) as writer:
        writer.settle()
        row = process_row(take(snapshot), writer.pid)
        io = {name: int(value) for name, value in (line.split(": ") for line in writer.proc("io").splitlines())}
    assert row["write_bytes"] == io["write_bytes"] - io["cancelled_write_bytes"]
    assert row["read_bytes"] == io["read_bytes"]


def test_threads_have_rows_of_their_own_and_the_process_keeps_those_that_left(snapshot: TaskSnapshot) -> None:
    script = (
        "gone = threading.Thread(target=burn, args=(0.2,)); gone.start(); gone.join()\n"
        "def work(): burn(0.2); done.release(); stay.acquire()\n"
        "done, stay = threading.Semaphore(0), threading.Semaphore(0)\n"
        "for _ in range(2): threading.Thread(target=work, daemon=True).start()\n"
        "done.acquire(); done.acquire(); say(); wait(); os._exit(0)\n"
    )
    with child(script) as threaded:
        threaded.settle()
        rows = take(snapshot)
        ticks = int(threaded.stat()[11]) + int(threaded.stat()[12])
    own = rows[rows["tgid"] == threaded.pid]
    leader = process_row(rows, threaded.pid)
    others = own[own["pid"] != threaded.pid]
    assert len(own) == leader["threads"] == 3
    assert own["run_ns"].sum() == pytest.approx(ticks * 1e9 / clock_ticks(), rel=0.03)
    assert leader["run_ns"] >= 190_000_000
    assert (others["run_ns"] >= 190_000_000).all()
    assert not others["start_ns"].any()
    assert not others["rss_bytes"].any()
    assert not others["uid"].any()


GONE = (
    FAULTS
    + """
def work():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    burn(0.2)
    for _ in range(300): time.sleep(0.0001)
    fault(resource.RUSAGE_THREAD, 50)
def used():
    own = resource.getrusage(resource.RUSAGE_SELF)
    say(f"{own.ru_nvcsw} {own.ru_nivcsw}")
rival = os.fork()
if not rival:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    burn(60)
one = threading.Thread(target=work); one.start(); one.join()
os.kill(rival, 9); os.wait()
used(); wait(); used(); wait()
"""
)


def test_what_threads_did_that_are_gone_stays_their_processs(snapshot: TaskSnapshot, on_disk: Path) -> None:
    """The kernel's own sums over all threads, living and gone: /proc/PID/stat, io and getrusage(2)."""
    with child(GONE, str(on_disk / "pages")) as former:
        least = [int(word) for word in former.hear().split()]
        until(lambda: former.stat()[0] == "S", "the child's sleep")
        row = process_row(take(snapshot), former.pid)
        io = {name: int(count) for name, count in (line.split(": ") for line in former.proc("io").splitlines())}
        faults = int(former.stat()[7]), int(former.stat()[9])
        former.tell()
        most = [int(word) for word in former.hear().split()]
    assert row["threads"] == 1
    assert (row["minor_faults"], row["major_faults"]) == faults
    assert (row["read_bytes"], row["write_bytes"]) == (
        io["read_bytes"],
        io["write_bytes"] - io["cancelled_write_bytes"],
    )
    assert row["read_bytes"] >= 50 * mmap.PAGESIZE
    assert row["major_faults"] >= 50
    assert least[0] <= row["voluntary_switches"] <= most[0]
    assert least[1] <= row["involuntary_switches"] <= most[1]
    assert least[0] >= 300
    assert least[1] >= 5, "its rival took turns with it"


def test_the_cgroup_is_the_inode_of_its_folder(snapshot: TaskSnapshot) -> None:
    assert process_row(take(snapshot), os.getpid())["cgroup_id"] == cgroup_of(os.getpid())


def test_states_are_the_letters_of_proc(snapshot: TaskSnapshot) -> None:
    with child("say(); wait(); os.kill(os.getpid(), 19)") as stopped, child("say(); wait()") as zombie:
        stopped.settle()
        zombie.settle()
        stopped.tell()
        zombie.tell()
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
        rows = take(snapshot)
        assert chr(process_row(rows, zombie.pid)["state"]) == zombie.stat()[0] == "Z"
        assert chr(process_row(rows, stopped.pid)["state"]) == stopped.stat()[0] == "T"
    assert process_row(rows, zombie.pid)["rss_bytes"] == 0


def test_a_traced_process_and_idle_kernel_threads_have_the_letters_of_proc(snapshot: TaskSnapshot) -> None:
    script = "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0); say(); wait(); os.kill(os.getpid(), 19)"
    with child(script) as traced:
        traced.hear()
        traced.tell()
        os.waitid(os.P_PID, traced.pid, os.WSTOPPED | os.WNOWAIT)
        before = idle_kernel_threads()
        rows = take(snapshot)
        idle = before & idle_kernel_threads()
        assert chr(process_row(rows, traced.pid)["state"]) == traced.stat()[0] == "t"
    letters = [chr(row["state"]) for row in rows if int(row["pid"]) in idle]
    assert letters.count("I") >= 0.9 * len(idle), "some may have worked meanwhile"
    assert bool(idle) == in_initial_pid_namespace()


def idle_kernel_threads() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                if (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] == "I":
                    found.add(int(entry.name))
    return found


def identities() -> set[tuple[int, int]]:
    """(pid, start in clock ticks) of every process: a pid alone may be another process's a moment later."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                found.add((int(entry.name), int(fields[19])))
    return found


def test_every_process_of_proc_has_a_row_and_kernel_threads_are_marked(snapshot: TaskSnapshot) -> None:
    before = identities()
    rows = take(snapshot)
    there_all_the_time = {pid for pid, _ in before & identities()}
    hidden = {1}  # some sandbox kernels keep their init out of BPF iterators
    assert there_all_the_time - set(rows["tgid"].tolist()) <= hidden
    kernel = rows[rows["is_kernel"] == 1]
    assert bool(len(kernel)) == in_initial_pid_namespace()
    assert not kernel["rss_bytes"].any()


def test_a_process_that_starts_after_the_snapshot_began_is_left_to_the_next(snapshot: TaskSnapshot) -> None:
    before_ns = boottime_ns()
    with child("say(); wait()") as late:
        late.settle()
        assert late.pid not in take(snapshot, born_before_ns=before_ns)["pid"]
        assert late.pid in take(snapshot)["pid"]


def test_a_small_buffer_holds_whole_rows_and_says_that_there_are_more(snapshot: TaskSnapshot) -> None:
    leave = threading.Event()
    threads = [threading.Thread(target=leave.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    buffer = memoryview(bytearray(10 * TASK_BYTES + 7))
    reading = snapshot.read_into(buffer)
    leave.set()
    for thread in threads:
        thread.join()
    assert reading.truncated
    assert reading.byte_count == 10 * TASK_BYTES
    assert np.frombuffer(buffer[: reading.byte_count], TASK)["pid"].all()


def test_a_buffer_of_just_the_right_size_is_not_called_truncated(snapshot: TaskSnapshot) -> None:
    with child("say(); wait()") as own:
        own.settle()
        started_ns = int(process_row(take(snapshot), os.getpid())["start_ns"]) + 1
        rows = take(snapshot, born_before_ns=started_ns)
        alive = [row for row in rows if Path(f"/proc/{row['pid']}").exists()]
        assert alive
        reading = snapshot.read_into(memoryview(bytearray(TASK_BYTES * 100_000)), started_ns)
        exact = snapshot.read_into(memoryview(bytearray(reading.byte_count)), started_ns)
    assert not reading.truncated
    assert exact.byte_count <= reading.byte_count


def test_a_reading_tells_when_its_first_task_was_read(snapshot: TaskSnapshot) -> None:
    buffer = memoryview(bytearray(TASK_BYTES << 14))
    for _ in range(2):
        before_ns = boottime_ns()
        reading = snapshot.read_into(buffer)
        assert before_ns < reading.began_ns < boottime_ns()


def test_a_busy_thread_has_at_most_one_core_although_the_sampler_is_held_up_before_it_reads(
    snapshot: TaskSnapshot,
) -> None:
    class HeldUp:
        """The probe behind a sampler that gets no processor for a second, once."""

        waits_s = 0.0

        def read_into(self, buffer: memoryview, born_before_ns: int = ALL_BORN) -> TaskReading:
            time.sleep(self.waits_s)
            self.waits_s = 0.0
            return snapshot.read_into(buffer, born_before_ns)

    slot, probe = Slot(snapshot, packets.KIND_TASKS), HeldUp()
    slot.state = State.RUNNING
    readings = Readings((slot, probe, TASK_BYTES), None)

    def run_ns(pid: int) -> tuple[int, int]:
        taken = readings.take(EVERYTHING, readings.begin())
        rows = np.frombuffer(bytes(taken.sections[0].rows), TASK)
        return int(process_row(rows, pid)["run_ns"]), taken.boottime_ns

    with child("say(); burn(60)") as busy:
        busy.hear()
        before_run_ns, before_ns = run_ns(busy.pid)
        time.sleep(0.5)
        probe.waits_s = 1.0
        after_run_ns, after_ns = run_ns(busy.pid)
    assert 0 < after_run_ns - before_run_ns < 1.2 * (after_ns - before_ns)
