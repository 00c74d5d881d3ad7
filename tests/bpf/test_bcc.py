"""The second loader: the same records from programs that BCC compiles here, as on a kernel without type information."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.loaders.bcc import Bcc
from helper.probes import BlockIo, OomEvents, ThermalEvents, row_table
from helper.probes.bcc_programs import ProcessEventsBySums, TcpStates
from helper.probes.proc_snapshot import ProcSnapshot
from helper.probes.row_table import RowTable
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.records import BLOCK_IO, SOCKET
from tests.bpf.headers import TRACEFS, enter_place_to_compile
from tests.bpf.machine import (
    COUNTERS,
    HEAD,
    NOBODY,
    OOM_KILL,
    TASK,
    boottime_ns,
    child,
    process_row,
    roll_ups,
    until,
)
from tests.bpf.network import CONSTANTS, HEAD_BYTES
from tests.bpf.test_block_io import assert_are_those_of_diskstats_and_never_more, write_and_read
from tests.bpf.test_process_events import FORK_AND_NAME, count_of, exit_of
from tests.bpf.test_rare_events import LIMIT_BYTES, memory_cgroup
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HEARD = 0.95
"""The kernel may skip a program while another one of a perf event runs on that CPU, see docs/ebpf.md."""
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
MARK_VICTIM = TRACEFS / "events" / "oom" / "mark_victim" / "format"
THREADS = """
say(); wait()
burn(0.2)
other = threading.Thread(target=burn, args=(0.3,))
other.start(); other.join()
"""


@pytest.fixture(scope="module")
def bcc(machine_pids: None) -> Bcc:
    enter_place_to_compile()
    return Bcc(ROOT / "bpf" / "bcc")


@pytest.fixture(scope="module")
def processes(bcc: Bcc) -> Iterator[ProcessEventsBySums]:
    probe = ProcessEventsBySums(bcc)
    probe.open()
    yield probe
    probe.close()


def begin_and_take(processes: ProcessEventsBySums) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    now_ns = boottime_ns()
    processes.begin_snapshot(now_ns)
    buffer = memoryview(bytearray(1 << 20))
    reading = ProcSnapshot().read_into(buffer, now_ns)
    assert not reading.truncated
    return np.frombuffer(bytes(buffer[: reading.byte_count]), TASK)


def test_brief_processes_are_counted_for_the_ancestor_that_a_snapshot_has_seen(processes: ProcessEventsBySums) -> None:
    with child(FORK_AND_NAME, "st-bcc", "100") as parent:
        parent.hear()
        taken_ns = begin_and_take(processes)[0]["start_ns"] and boottime_ns()
        until(lambda: boottime_ns() > taken_ns + 2 * TICK_NS, "another tick: starts are told in whole ones")
        before = np.frombuffer(processes.counters(), COUNTERS)[0]
        parent.tell()
        parent.hear()
        until(lambda: count_of(processes, b"st-bcc") >= 100 * HEARD, "100 exits")
        after = np.frombuffer(processes.counters(), COUNTERS)[0]
    rows = roll_ups(processes)
    rows = rows[rows["comm"] == b"st-bcc"]
    assert rows["count"].sum() <= 100
    assert set(rows["parent_pid"].tolist()) == {parent.pid}
    assert after["forks"] - before["forks"] >= 100
    assert after["exits"] - before["exits"] >= 100 * HEARD
    assert rows["run_ns"].sum() > 100 * HEARD * 10_000
    assert (rows["missing"] & CONSTANTS["ST_MISSING_IO"]).all()


def test_an_exit_has_the_run_time_of_all_threads_and_the_identity_of_the_snapshot(
    processes: ProcessEventsBySums,
) -> None:
    with child(THREADS) as busy:
        busy.hear()
        until(lambda: boottime_ns() > process_row(begin_and_take(processes), busy.pid)["start_ns"], "a later tick")
        row = process_row(begin_and_take(processes), busy.pid)
        assert busy.end() == 0
        gone = exit_of(processes, busy.pid)
    assert gone["start_ns"] == row["start_ns"]
    assert 0.5e9 < gone["run_ns"] < 1.5e9
    assert gone["uid"] == os.geteuid()
    assert gone["missing"] & CONSTANTS["ST_MISSING_EXIT_CODE"]
    assert gone["missing"] & CONSTANTS["ST_MISSING_FAULTS"]


def test_a_process_older_than_the_probe_has_its_former_time_too(bcc: Bcc) -> None:
    with child("say(); wait(); burn(0.3); say(); wait(); burn(0.1)") as old:
        old.hear()
        old.tell()
        old.hear()
        probe = ProcessEventsBySums(bcc)
        probe.open()
        begin_and_take(probe)
        spent_ns = int(old.proc("schedstat").split()[0])
        assert old.end() == 0
        gone = exit_of(probe, old.pid)
        probe.close()
    assert spent_ns + 0.1e9 <= gone["run_ns"] < spent_ns + 0.5e9


def test_a_thread_that_execs_is_one_process_with_one_end(processes: ProcessEventsBySums) -> None:
    script = (
        "say(); wait(); threading.Thread(target=os.execv, args=('/bin/sleep', ['st-exec', '0.05'])).start()\n"
        "threading.Event().wait()\n"
    )
    with child(script) as one:
        one.hear()
        begin_and_take(processes)
        assert one.end() == 0
        gone = exit_of(processes, one.pid)
    assert gone["comm"] == b"sleep"


def test_the_snapshot_from_proc_is_what_proc_says() -> None:
    with child("burn(0.2); say(); wait()") as one:
        one.settle()
        buffer = memoryview(bytearray(1 << 20))
        reading = ProcSnapshot().read_into(buffer)
        row = process_row(np.frombuffer(bytes(buffer[: reading.byte_count]), TASK), one.pid)
        run_ns, delay_ns, _ = map(int, one.proc("schedstat").split())
        faults = int(one.stat()[7])
    assert (row["run_ns"], row["run_delay_ns"]) == (run_ns, delay_ns)
    assert row["minor_faults"] == faults
    assert row["parent_pid"] == os.getpid()
    assert row["uid"] == os.geteuid()
    assert row["state"] == ord("S")
    assert row["threads"] == 1
    assert row["missing"] == CONSTANTS["ST_MISSING_IO"] | CONSTANTS["ST_MISSING_CGROUP"]


def test_a_viewer_who_sees_only_his_own_gets_no_other_rows() -> None:
    buffer = memoryview(bytearray(1 << 20))
    reading = ProcSnapshot().read_into(buffer)
    own = RowTable(buffer[: reading.byte_count], row_table.TASK).seen_by(Visibility(Mode.SEES_OWN, os.geteuid()))
    shown = np.frombuffer(bytes(own), TASK)
    assert os.getpid() in shown["pid"]
    assert set(shown["uid"].tolist()) == {os.geteuid()}


def test_a_buffer_too_small_is_filled_with_whole_rows_and_said_to_be_cut() -> None:
    reading = ProcSnapshot().read_into(memoryview(bytearray(TASK.itemsize * 2 + 1)))
    assert (reading.byte_count, reading.truncated) == (2 * TASK.itemsize, True)


def test_an_oom_kill_is_reported_with_what_the_tracepoint_tells(bcc: Bcc) -> None:
    probe = OomEvents(bcc)
    probe.open()
    eat = (
        "with open(sys.argv[1] + '/cgroup.procs', 'w') as procs: procs.write(str(os.getpid()))\n"
        "with open('/proc/self/comm', 'w') as comm: comm.write('st-glutton')\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "say(); wait(); pages = [bytearray(1 << 20) for _ in range(200)]\n"
    )
    records: list[bytes] = []
    with memory_cgroup() as folder, child(eat, str(folder)) as glutton:
        glutton.hear()
        assert glutton.end() == -9
        until(lambda: probe.drain(records.append) or records, "the OOM event")
    assert probe.lost() == 0
    probe.close()
    kill = np.frombuffer(records[0], OOM_KILL)[0]
    assert np.frombuffer(records[0][: HEAD.itemsize], HEAD)[0]["bytes"] == len(records[0]) == OOM_KILL.itemsize
    assert kill["pid"] == glutton.pid
    told = not kill["missing"] & CONSTANTS["ST_MISSING_IDENTITY"]
    assert told == ("uid;" in MARK_VICTIM.read_text(encoding="ascii"))
    if told:
        assert (kill["comm"], kill["uid"]) == (b"st-glutton", NOBODY)
        assert LIMIT_BYTES / 2 < kill["rss_bytes"] < 2 * LIMIT_BYTES
        assert kill["total_vm_bytes"] > kill["rss_bytes"]


def test_the_thermal_programs_compile_and_wait(bcc: Bcc) -> None:
    probe = ThermalEvents(bcc)
    probe.open()
    probe.drain(lambda record: None)
    assert probe.lost() == 0
    assert probe.cost().memory_bytes > 0
    probe.close()


def test_bytes_and_requests_are_those_of_diskstats_and_never_more(bcc: Bcc, on_disk: Path) -> None:
    probe = BlockIo(bcc)
    probe.open()
    assert_are_those_of_diskstats_and_never_more(probe, on_disk)
    probe.close()


def test_every_timed_request_is_in_a_bucket_that_its_time_allows(bcc: Bcc, on_disk: Path) -> None:
    probe = BlockIo(bcc)
    probe.open()
    write_and_read(on_disk)
    busiest = max(np.frombuffer(probe.read(), BLOCK_IO), key=lambda row: int(row["requests"]))
    probe.close()
    ends_us = 2 ** np.arange(1, CONSTANTS["ST_LATENCY_BUCKETS"] + 1)
    assert busiest["latencies"].sum() == pytest.approx(busiest["timed_requests"], abs=2)
    assert (busiest["latencies"] * (ends_us // 2)).sum() * 500 <= busiest["latency_ns"]
    assert busiest["latency_ns"] <= (busiest["latencies"] * ends_us).sum() * 1000


def test_a_closed_connection_is_told_with_its_ends_and_who_made_it(bcc: Bcc) -> None:
    probe = TcpStates(bcc)
    probe.open()
    records: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before_ns = boottime_ns()
        with socket.create_connection(listener.getsockname()) as client:
            server, _ = listener.accept()
            ports = client.getsockname()[1], listener.getsockname()[1]
            with server:
                client.shutdown(socket.SHUT_WR)
                assert server.recv(1) == b""

    def ends() -> dict[tuple[int, int], np.void]:
        probe.drain(records.append)
        rows = [np.frombuffer(record[HEAD_BYTES:], SOCKET)[0] for record in records]
        return {(int(row["local_port"]), int(row["remote_port"])): row for row in rows}

    until(lambda: {ports, ports[::-1]} <= ends().keys(), "both ends")
    ours, theirs = ends()[ports], ends()[ports[::-1]]
    probe.close()
    assert bytes(ours["local"])[:4] == bytes(ours["remote"])[:4] == bytes([127, 0, 0, 1])
    assert (ours["pid"], ours["uid"]) == (os.getpid(), os.geteuid())
    assert ours["pid_start_ns"] == int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) * TICK_NS
    assert before_ns < ours["start_ns"] < boottime_ns()
    assert ours["missing"] == CONSTANTS["ST_MISSING_TRAFFIC"] | CONSTANTS["ST_MISSING_RTT"]
    assert theirs["missing"] & CONSTANTS["ST_MISSING_OWNER"]
    assert theirs["pid"] == 0
