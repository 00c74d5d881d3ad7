"""Unix sockets over the whole path, kernel to client: whose they are, and that nobody sees another's."""

import json
import subprocess

from tests.bus.boxes import ROOT, Box, Caller

TASKS, UNIX_SOCKETS, OTHERS_IN_FULL = 1, 1 << 15, 1 << 16
LISTEN, CONNECTED = 10, 1
SECTIONS = {"27", "28", "29"}
NAME = "smoothtask test \xff"  # bytes that aren't UTF-8 on their way: \xc3\xbf


def opened_by(box: Box, user: str, kinds: int = UNIX_SOCKETS) -> tuple[Caller, int]:
    caller = box.caller(user, session="none" if user == "root" else "active")
    opened = caller.open(period_ms=100, kinds=kinds)
    assert opened["error"] is None, opened
    return caller, opened["stream"]


def frame_with(caller: Caller, stream: int, inode: int) -> dict:
    """A frame of a reading in which somebody holds this socket."""
    for _ in range(600):
        frame = caller.read(stream=stream, count=1, kind=2)[0]["frame"]
        if inode in {row["inode"] for row in frame["unix_holders"]}:
            return frame
    raise AssertionError(caller.prop(name="Probes"))


def of_inode(frame: dict, inode: int) -> dict:
    (row,) = [row for row in frame["unix_sockets"] if row["inode"] == inode]
    return row


def smoothtask(box: Box, *words: str) -> list[dict]:
    """What a command of alice's prints, line by line."""
    command = box.held.command(box.held.python, "-m", "smoothtask_gui", *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_users_own_unix_sockets_come_with_name_peer_and_holder(box: Box) -> None:
    alice, stream = opened_by(box, "alice")
    talk = alice.talk_unix(name=NAME)
    frame = frame_with(alice, stream, talk["far"])
    assert frame["sections"].keys() >= SECTIONS
    name, uid = b"\0".hex() + NAME.encode().hex(), box.uid_of("alice")
    assert of_inode(frame, talk["listener"]) == {
        "inode": talk["listener"], "peer": 0, "uid": uid, "state": LISTEN, "name": name,
    }  # fmt: skip
    assert of_inode(frame, talk["near"]) == {
        "inode": talk["near"], "peer": talk["far"], "uid": uid, "state": CONNECTED, "name": name,
    }  # fmt: skip
    assert of_inode(frame, talk["far"])["peer"] == talk["near"]
    mine = {row["inode"] for row in frame["unix_holders"] if row["pid"] == talk["pid"]}
    assert {talk["listener"], talk["near"], talk["far"]} <= mine


def test_another_users_unix_sockets_and_their_holders_are_absent_and_root_sees_all(box: Box) -> None:
    alice, stream = opened_by(box, "alice")
    root, all_of_it = opened_by(box, "root", UNIX_SOCKETS | OTHERS_IN_FULL)
    bob = box.caller("bob")
    theirs, ours = bob.talk_unix(name="bobs"), alice.talk_unix(name="alices")
    seen = frame_with(root, all_of_it, theirs["far"])
    assert {row["owner"] for row in seen["unix_holders"] if row["inode"] == theirs["near"]} == {box.uid_of("bob")}
    assert of_inode(seen, theirs["listener"])["name"] == b"\0bobs".hex()
    frame = frame_with(alice, stream, ours["far"])
    assert not {theirs["listener"], theirs["near"], theirs["far"]} & {row["inode"] for row in frame["unix_sockets"]}
    assert {row["owner"] for row in frame["unix_holders"]} == {box.uid_of("alice")}
    held = {row["inode"] for row in frame["unix_holders"]}
    assert all(row["uid"] == box.uid_of("alice") or row["inode"] in held for row in frame["unix_sockets"])


def test_others_in_full_are_refused_to_who_may_not_see_them(box: Box) -> None:
    alice = box.caller("alice", session="none")
    assert alice.open(period_ms=100, kinds=UNIX_SOCKETS | OTHERS_IN_FULL)["error"] is not None


def test_a_stream_that_does_not_ask_has_none_of_it(box: Box) -> None:
    alice, stream = opened_by(box, "alice")
    frame_with(alice, stream, alice.talk_unix(name="asked")["far"])
    other = alice.open(period_ms=100, kinds=TASKS)
    frames = [tick["frame"] for tick in alice.read(stream=other["stream"], count=3, kind=2)]
    assert not any(SECTIONS & frame["sections"].keys() for frame in frames)


def test_the_command_line_lists_a_unix_socket_with_its_process_and_the_other_end(box: Box) -> None:
    alice = box.caller("alice", session="active")
    talk = alice.talk_unix(name=NAME)
    rows = smoothtask(box, "connections", "--unix", "--json", "--source", "helper")
    (near,) = [row for row in rows if row["inode"] == talk["near"] and row["pid"] == talk["pid"]]
    shown = "@smoothtask\\x20test\\x20\\xc3\\xbf"
    assert near == near | {
        "protocol": "unix", "type": "stream", "state": "ESTABLISHED", "local": None, "remote": shown,
        "peer_inode": talk["far"], "peer_pid": talk["pid"], "uid": box.uid_of("alice"), "net_namespace": None,
    }  # fmt: skip
    assert near["comm"].startswith("python")
    assert 0 <= near["reading_age_s"] < 60
    (listens,) = [row for row in rows if row["inode"] == talk["listener"]]
    assert (listens["state"], listens["local"]) == ("LISTEN", shown)
    probes = {row["name"]: row for row in smoothtask(box, "probes", "--json")}
    assert probes["unix_sockets"]["maps_bytes"] > 0


def test_top_counts_the_unix_sockets_of_each_process_when_asked(box: Box) -> None:
    alice = box.caller("alice", session="active")
    talk = alice.talk_unix(name="counted")
    words = ("top", "--json", "--source", "helper", "--period-ms", "300", "--count", "40")
    counted = [tick["activity"]["unix_holders"] for tick in smoothtask(box, *words, "--with", "unix-sockets")]
    (mine,) = [row for row in next(rows for rows in reversed(counted) if rows) if row["pid"] == talk["pid"]]
    assert mine["listening"] == 1
    assert mine["sockets"] >= 3
    assert all(tick["activity"]["unix_holders"] is None for tick in smoothtask(box, *words[:-1], "2"))
