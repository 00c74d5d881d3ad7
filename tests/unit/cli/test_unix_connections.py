"""`smoothtask connections --unix` where there is no helper, and on a recording."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

from smoothtask_gui.sources.recording import RecordingWriter
from tests.fakes.batches import SECOND, batch
from tests.fakes.unix_rows import unix_activity, unix_holder, unix_socket
from tests.unit.cli.test_commands import Run, smoothtask

__all__ = ["smoothtask"]

EVIL = b"\0\x1b[2J\xff name"
FIELDS = {
    "pid", "comm", "protocol", "type", "state", "local", "remote", "inode", "peer_inode", "peer_pid", "peer_comm",
    "uid", "receive_queue_messages", "send_queue_bytes", "net_namespace", "reading_age_s",
}  # fmt: skip


def test_without_the_helper_own_unix_sockets_are_listed_and_it_is_said_what_is_missing(
    smoothtask: Run, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        path = tmp_path / "one"
        listener.bind(str(path))
        for source in ("procfs", "auto"):
            done = smoothtask("connections", "--unix", "--json", "--source", source)
            assert done.returncode == 0, done.stderr
            assert "unless these hold a space" in done.stderr
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            (row,) = [row for row in rows if row["local"] == str(path)]
            assert row == dict.fromkeys(FIELDS) | {
                "pid": os.getpid(), "comm": row["comm"], "protocol": "unix", "type": "seqpacket", "local": str(path),
            }  # fmt: skip


def test_a_recording_shows_the_unix_sockets_at_its_end_each_with_all_who_hold_it(
    smoothtask: Run, tmp_path: Path
) -> None:
    recorded = tmp_path / "a.rec"
    sockets = [
        unix_socket(1, EVIL, peer_inode=2, receive_queue_messages=4, send_queue_bytes=768),
        unix_socket(2, EVIL, peer_inode=1, is_peers_name=1, type=5),
    ]
    holders = [unix_holder(1), unix_holder(2, 20, comm=b"two\n"), unix_holder(2, 30), unix_holder(8, net_namespace=77)]
    activity = unix_activity(sockets, holders, read_ns=20 * SECOND)
    with RecordingWriter(recorded, 1000, "test") as writer:
        writer.write(replace(batch(20 * SECOND), activity=unix_activity([], [])))
        writer.write(replace(batch(21 * SECOND), activity=activity))
    done = smoothtask("connections", "--unix", "--json", "--source", f"recording:{recorded}")
    first, second, third, elsewhere = [json.loads(line) for line in done.stdout.splitlines()]
    assert first == {
        "pid": 10, "comm": "app", "protocol": "unix", "type": "stream", "state": "ESTABLISHED",
        "local": "@\\x1b[2J\\xff\\x20name", "remote": None, "inode": 1, "peer_inode": 2, "peer_pid": 20,
        "peer_comm": "two\n", "uid": 1000, "receive_queue_messages": 4, "send_queue_bytes": 768, "net_namespace": None,
        "reading_age_s": 1.0,
    }  # fmt: skip
    assert [row["pid"] for row in (second, third)] == [20, 30]
    assert (second["local"], second["remote"], second["peer_pid"]) == (None, first["local"], 10)
    assert (elsewhere["pid"], elsewhere["inode"], elsewhere["net_namespace"], elsewhere["type"]) == (10, 8, 77, None)
    shown = smoothtask("connections", "--unix", "--source", f"recording:{recorded}")
    assert "@\\x1b[2J\\xff\\x20name" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert len(shown.stdout.splitlines()) == 5


def test_a_reading_that_was_cut_short_is_said(smoothtask: Run, tmp_path: Path) -> None:
    recorded = tmp_path / "a.rec"
    with RecordingWriter(recorded, 1000, "test") as writer:
        writer.write(replace(batch(SECOND), activity=unix_activity([unix_socket(1)], [], truncated=1)))
    done = smoothtask("connections", "--unix", "--source", f"recording:{recorded}")
    assert done.returncode == 0
    assert "left out" in done.stderr


def test_a_recording_without_unix_sockets_says_so(smoothtask: Run, tmp_path: Path) -> None:
    recorded = tmp_path / "a.rec"
    with RecordingWriter(recorded, 1000, "test") as writer:
        writer.write(batch(SECOND))
    done = smoothtask("connections", "--unix", "--source", f"recording:{recorded}")
    assert done.returncode == 1
    assert "no unix sockets" in done.stderr


def test_the_other_end_of_a_shared_socket_is_the_other_process(smoothtask: Run, tmp_path: Path) -> None:
    """After a fork parent and child hold both ends: the peer of one is the other, not itself."""
    recorded = tmp_path / "a.rec"
    sockets = [unix_socket(1, peer_inode=2), unix_socket(2, peer_inode=1)]
    holders = [unix_holder(inode, pid) for inode in (1, 2) for pid in (10, 20)]
    with RecordingWriter(recorded, 1000, "test") as writer:
        writer.write(replace(batch(SECOND), activity=unix_activity(sockets, holders)))
    done = smoothtask("connections", "--unix", "--json", "--source", f"recording:{recorded}")
    found = [(row["pid"], row["peer_pid"]) for row in map(json.loads, done.stdout.splitlines())]
    assert found == [(10, 20), (20, 10), (10, 20), (20, 10)]


def test_without_the_helper_an_abstract_name_is_shown_as_the_helper_would_show_it(smoothtask: Run) -> None:
    name = f"smoothtask-test-{os.getpid()}\\"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
        mine.bind(f"\0{name}")
        done = smoothtask("connections", "--unix", "--json", "--source", "procfs")
    names = [json.loads(line)["local"] for line in done.stdout.splitlines()]
    assert "@" + name.replace("\\", "\\x5c") in names
