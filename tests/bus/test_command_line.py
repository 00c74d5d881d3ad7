"""What a person at the command line reads when the helper is there, refuses, or has nobody to ask."""

import json
import subprocess
import sys
from collections.abc import Callable

from tests.bus.boxes import ROOT, Box

OpenBox = Callable[..., Box]


def inside(box: Box, *words: str, session: str = "active") -> list[str]:
    """The checkout's command line as alice in that session of the box."""
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", "smoothtask_gui", *words]
    return box.held.command(*command, user="alice", session=session)


def smoothtask(box: Box, *words: str, session: str = "active") -> subprocess.CompletedProcess[str]:
    command = inside(box, *words, session=session)
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)


def started(box: Box, *words: str) -> subprocess.Popen[str]:
    """As `smoothtask`, still running."""
    return subprocess.Popen(inside(box, *words), cwd="/", stdout=subprocess.PIPE, text=True)


def test_an_ordinary_user_of_an_active_session_reads_from_the_helper(box: Box) -> None:
    done = smoothtask(box, "top", "--json", "--count", "2", "--period-ms", "200", "--source", "helper")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count('"source": "helper"') == 2


def test_a_refused_user_is_told_who_may(box: Box) -> None:
    done = smoothtask(box, "top", "--count", "1", "--source", "helper", session="none")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "The helper refused" in done.stderr
    assert "active local session" in done.stderr


def test_a_refused_user_is_served_from_proc_and_told_why(box: Box) -> None:
    done = smoothtask(box, "top", "--json", "--count", "1", "--period-ms", "100", session="none")
    assert done.returncode == 0
    assert '"source": "procfs"' in done.stdout
    assert "reading from /proc: The helper refused" in done.stderr


def test_with_ebpf_switched_off_every_command_works_from_proc(open_box: OpenBox) -> None:
    box = open_box("--no-helper")
    path = "/tmp/no-ebpf.rec"
    period = ("--period-ms", "200")
    for words in (
        ("top", "--json", "--count", "2", *period),
        ("connections", "--json"),
        ("record", path, "--force", "--seconds", "1", *period),
        ("alerts", "--json", "--seconds", "1", *period),
        ("top", "--json", "--source", f"recording:{path}"),
    ):
        done = smoothtask(box, *words)
        assert done.returncode == 0, (words, done.stderr)
        assert "Traceback" not in done.stderr
        if words[0] == "top":
            ticks = [json.loads(line) for line in done.stdout.splitlines()]
            assert {tick["source"] for tick in ticks} == {"procfs"}
            assert all(tick["system"]["cpu_busy_ratio"] is not None and tick["processes"] for tick in ticks)


def test_without_polkit_the_reason_is_said_and_the_doctor_knows_what_to_do(open_box: OpenBox) -> None:
    box = open_box("--no-polkit")
    refused = smoothtask(box, "top", "--count", "1", "--source", "helper")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "polkit" in refused.stderr.lower()
    told = smoothtask(box, "doctor")
    assert "polkit" in told.stdout.lower()
    assert "Traceback" not in told.stderr


def test_what_is_asked_for_by_name_is_counted_while_the_command_runs(box: Box) -> None:
    asked = ("--with", "syscalls,run-queue", "--source", "helper")
    done = smoothtask(box, "top", "--json", "--count", "40", "--period-ms", "250", *asked)
    assert (done.returncode, done.stderr) == (0, "")
    ticks = [json.loads(line)["activity"] for line in done.stdout.splitlines()]
    assert any(tick["callers"] for tick in ticks), "the command's own calls at least"
    assert any(tick["run_queue"] and tick["run_queue"]["waits_per_s"] > 0 for tick in ticks)
    assert any(tick["reclaim"] is not None and tick["disks"] is not None for tick in ticks)
    assert all(tick["syscalls"] is None for tick in ticks), "the sum of all users' isn't for one of them"
    assert all(tick["file_users"] is None for tick in ticks), "nobody asked"
    plain = smoothtask(box, "top", "--json", "--count", "1", "--source", "helper")
    assert json.loads(plain.stdout)["activity"]["callers"] is None


def test_what_maps_take_stands_beside_what_was_reckoned(box: Box) -> None:
    rows = [json.loads(line) for line in smoothtask(box, "probes", "--json").stdout.splitlines()]
    running = [row for row in rows if row["state"] == "running" and row["maps_bytes"]]
    assert {"process_events", "sockets", "syscalls"} <= {row["name"] for row in running}
    for row in running:
        assert 0.95 * row["maps_estimated_bytes"] <= row["maps_bytes"] <= 1.05 * row["maps_full_bytes"], row
    table = smoothtask(box, "probes").stdout.splitlines()
    assert "MAPS RECKONED" in table[0]
    assert len(table) == 1 + len(rows)
    told = smoothtask(box, "doctor").stdout.splitlines()
    [memory] = [line for line in told if "kernel memory" in line]
    assert "of it maps, reckoned at" in memory
    absent = {f"probe {row['name']}" for row in rows if "(step: hardware" in row["reason"]}
    warned = {line.removeprefix("warning ")[:21].strip() for line in told if line.startswith("warning probe")}
    assert not absent & warned, "nothing is wrong where the machine has no such hardware"
    [way] = [line for line in told if "probe socket_events" in line]
    assert "running: datagrams are counted " in way
