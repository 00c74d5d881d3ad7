"""`smoothtask connections` where there is no helper, and on a recording."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

from smoothtask_gui.domain.network import SocketMissing
from smoothtask_gui.sources.recording import RecordingWriter
from tests.fakes.batches import batch, process
from tests.fakes.networks import address, network, socket_row
from tests.unit.cli.test_commands import Run, smoothtask

__all__ = ["smoothtask"]


def test_without_the_helper_own_connections_are_listed_and_it_is_said_why_bytes_are_not(smoothtask: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as near:
        for source in ("procfs", "auto"):
            done = smoothtask("connections", "--json", "--source", source)
            assert done.returncode == 0, done.stderr
            assert "bytes" in done.stderr
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            local = "{}:{}".format(*near.getsockname())
            (row,) = [row for row in rows if row["local"] == local]
            assert row | {"comm": ""} == {
                "pid": os.getpid(), "comm": "", "protocol": "tcp", "local": local,
                "remote": "{}:{}".format(*near.getpeername()), "state": "ESTABLISHED", "sent_bytes": None,
                "received_bytes": None, "send_queue_bytes": None, "receive_queue_bytes": None,
                "waiting_connections": None, "retransmits": None, "rtt_us": None, "age_s": None,
                "net_namespace": None,
            }  # fmt: skip


def test_the_helper_that_is_not_there_is_named_with_exit_code_1(smoothtask: Run) -> None:
    for words in (("connections", "--source", "helper"), ("probes",)):
        done = smoothtask(*words)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "helper" in done.stderr


def test_a_recording_shows_the_connections_at_its_end(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    row = socket_row(
        1, sent=5, received=7, local=address(127, 0, 0, 1), remote=address(10, 0, 0, 2), local_port=80, remote_port=9,
        start_ns=10**9, rtt_us=120, retransmits=3, send_queue_bytes=11, receive_queue_bytes=13,
    )  # fmt: skip
    with RecordingWriter(path, 1000, "test") as writer:
        for second in (20, 21):
            writer.write(replace(batch(second * 10**9, process(10, comm=b"\x1b[2Japp")), network=network(row)))
    done = smoothtask("connections", "--json", "--source", f"recording:{path}")
    assert json.loads(done.stdout) == {
        "pid": 10, "comm": "\x1b[2Japp", "protocol": "tcp", "local": "127.0.0.1:80", "remote": "10.0.0.2:9",
        "state": "ESTABLISHED", "sent_bytes": 5, "received_bytes": 7, "send_queue_bytes": 11,
        "receive_queue_bytes": 13, "waiting_connections": None, "retransmits": 3, "rtt_us": 120, "age_s": 20.0,
        "net_namespace": None,
    }  # fmt: skip
    shown = smoothtask("connections", "--source", f"recording:{path}").stdout
    assert "127.0.0.1:80 > 10.0.0.2:9" in shown
    assert "\x1b" not in shown


def test_a_recording_without_connections_says_so(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    with RecordingWriter(path, 1000, "test") as writer:
        writer.write(batch(10**9))
    done = smoothtask("connections", "--source", f"recording:{path}")
    assert done.returncode == 1
    assert "no connections" in done.stderr


def test_a_connection_that_nobody_is_known_to_hold_has_no_process_rather_than_number_0(
    smoothtask: Run, tmp_path: Path
) -> None:
    path = tmp_path / "a.rec"
    row = socket_row(1, pid=0, pid_start_ns=0, missing=int(SocketMissing.OWNER | SocketMissing.RTT))
    with RecordingWriter(path, 1000, "test") as writer:
        for second in (20, 21):
            writer.write(replace(batch(second * 10**9, process(10)), network=network(row)))
    found = json.loads(smoothtask("connections", "--json", "--source", f"recording:{path}").stdout)
    assert (found["pid"], found["comm"], found["rtt_us"]) == (None, None, None)
