"""Connections over the whole path, kernel to client: the bytes are the sender's, and nobody sees another's."""

import json
import subprocess

from tests.bus.boxes import ROOT, Box

TASKS, SOCKETS, CLOSES, BLOCK_IO, OTHERS_IN_FULL = 1, 16, 32, 64, 1 << 16
TCP, ESTABLISHED = 6, 1
SENT, RECEIVED = 1_234_567, 54_321
MISSING_TRAFFIC = 1 << 8


def ready_stream(box: Box, user: str, kinds: int) -> tuple[object, int]:
    """A caller and its stream, all of whose probes run."""
    caller = box.caller(user, session="none" if user == "root" else "active")
    opened = caller.open(period_ms=100, kinds=kinds)
    assert opened["error"] is None, opened
    wanted = {"4", "5", "6"} if kinds & SOCKETS else {"7"}
    for _ in range(100):
        if wanted <= caller.read(stream=opened["stream"], count=1, kind=2)[0]["frame"]["sections"].keys():
            return caller, opened["stream"]
    raise AssertionError(caller.prop(name="Probes"))


def rows_between(frame: dict, one: int, other: int) -> list[dict]:
    return [row for row in frame["sockets"] if {row["local_port"], row["remote_port"]} == {one, other}]


def next_tick(caller: object, stream: int) -> dict:
    """A tick of a snapshot that began after this call."""
    return caller.read(stream=stream, count=3, kind=2)[-1]["frame"]


def rows_with_owners(caller: object, stream: int, one: int, other: int) -> list[dict]:
    """Both ends' rows: at once, or after a search, as where others' messages pause what notes a first reader."""
    rows: list[dict] = []
    for _ in range(100):
        rows = rows_between(next_tick(caller, stream), one, other)
        if len(rows) == 2 and all(row["pid"] for row in rows):
            return rows
    raise AssertionError(rows)


def test_the_bytes_of_a_tcp_connection_are_exactly_the_senders(box: Box) -> None:
    alice, stream = ready_stream(box, "alice", SOCKETS | CLOSES)
    talk = alice.talk(sent=SENT, received=RECEIVED)
    rows = {row["local_port"]: row for row in rows_with_owners(alice, stream, talk["near"], talk["far"])}
    near, far = rows[talk["near"]], rows[talk["far"]]
    assert (near["sent"], near["received"]) == (SENT, RECEIVED)
    assert (far["sent"], far["received"]) == (RECEIVED, SENT)
    assert near["pid"] == far["pid"] == talk["pid"]
    assert near["state"] == far["state"] == ESTABLISHED
    assert near["protocol"] == TCP
    assert not near["missing"] & MISSING_TRAFFIC


def test_a_connection_that_closes_is_told_before_the_tick_that_lacks_it_and_counts_on_in_the_traffic(box: Box) -> None:
    alice, stream = ready_stream(box, "alice", SOCKETS | CLOSES)
    talk = alice.talk(sent=SENT, received=RECEIVED)
    assert len(rows_between(next_tick(alice, stream), talk["near"], talk["far"])) == 2
    alice.hang_up()
    told: dict[int, dict] = {}
    while True:
        packet = alice.read(stream=stream, count=1)[0]
        if packet["kind"] == 3 and {talk["near"], talk["far"]} & {packet["closed"]["local_port"]}:
            told[packet["closed"]["local_port"]] = packet["closed"]
        elif packet["kind"] == 2:
            rows = rows_between(packet["frame"], talk["near"], talk["far"])
            live = {row["local_port"] for row in rows if not row["missing"] & MISSING_TRAFFIC}
            assert {talk["near"], talk["far"]} <= live | told.keys()
            if not live:
                break
    assert (told[talk["near"]]["sent"], told[talk["near"]]["received"]) == (SENT, RECEIVED)
    (mine,) = [row for row in next_tick(alice, stream)["traffic"] if row["pid"] == talk["pid"]]
    assert mine["tcp"] == [SENT + RECEIVED, SENT + RECEIVED]


def test_another_users_connections_are_absent_in_rows_traffic_and_events(box: Box) -> None:
    alice, stream = ready_stream(box, "alice", SOCKETS | CLOSES)
    bob = box.caller("bob")
    talk = bob.talk(sent=1000, received=10)
    frame = next_tick(alice, stream)
    assert rows_between(frame, talk["near"], talk["far"]) == []
    assert {row["uid"] for row in frame["sockets"]} <= {box.uid_of("alice")}
    bob.hang_up()
    packets = alice.read(stream=stream, count=5)
    assert all(packet["closed"]["uid"] == box.uid_of("alice") for packet in packets if packet["kind"] == 3)
    frame = next_tick(alice, stream)
    assert {row["uid"] for row in frame["traffic"]} <= {box.uid_of("alice")}


def test_root_sees_every_users_connections(box: Box) -> None:
    root, stream = ready_stream(box, "root", SOCKETS)
    bob = box.caller("bob")
    talk = bob.talk(sent=1000, received=10)
    rows = rows_with_owners(root, stream, talk["near"], talk["far"])
    assert {(row["uid"], row["pid"]) for row in rows} == {(box.uid_of("bob"), talk["pid"])}


def test_a_stream_that_does_not_ask_has_no_network_in_its_frames(box: Box) -> None:
    alice, _ = ready_stream(box, "alice", SOCKETS)
    other = alice.open(period_ms=100, kinds=TASKS)
    frames = [tick["frame"] for tick in alice.read(stream=other["stream"], count=3, kind=2)]
    assert all(frame["sections"].keys() <= {"1", "2", "3"} for frame in frames)


def test_block_io_comes_to_those_who_ask(box: Box) -> None:
    alice, stream = ready_stream(box, "alice", BLOCK_IO)
    assert next_tick(alice, stream)["sections"].keys() == {"7"}


def test_the_command_line_lists_a_connection_with_its_process_and_the_senders_bytes(box: Box) -> None:
    alice, _ = ready_stream(box, "alice", SOCKETS)
    talk = alice.talk(sent=SENT, received=RECEIVED)
    rows = smoothtask(box, "connections", "--json", "--source", "helper")
    (near,) = [row for row in rows if row["local"] == f"127.0.0.1:{talk['near']}"]
    assert near | {"comm": "", "rtt_us": 0, "age_s": 0} == {
        "pid": talk["pid"], "comm": "", "protocol": "tcp", "local": f"127.0.0.1:{talk['near']}",
        "remote": f"127.0.0.1:{talk['far']}", "state": "ESTABLISHED", "sent_bytes": SENT, "received_bytes": RECEIVED,
        "send_queue_bytes": 0, "receive_queue_bytes": 0, "waiting_connections": None, "retransmits": 0, "rtt_us": 0,
        "age_s": 0, "net_namespace": None,
    }  # fmt: skip
    assert near["comm"].startswith("python")
    assert near["rtt_us"] > 0
    assert 0 <= near["age_s"] < 60


def test_the_command_line_tells_what_each_probe_costs(box: Box) -> None:
    rows = {row["name"]: row for row in smoothtask(box, "probes", "--json")}
    wanted = {"task_snapshot", "process_events", "sockets", "socket_owners", "socket_events", "block_io"}
    assert {name for name, row in rows.items() if row["state"] == "running"} >= wanted
    assert all(rows[name]["memory_bytes"] > 0 for name in wanted)
    memory = {"memory_bytes", "maps_estimated_bytes", "maps_bytes", "maps_full_bytes"}
    assert set(rows["sockets"]) == {"name", "state", "reason", "events", "cost_per_event_ns", *memory}
    assert 0 < rows["sockets"]["maps_bytes"] <= rows["sockets"]["maps_full_bytes"]


def test_network_bytes_of_a_process_are_in_every_object_of_top(box: Box) -> None:
    alice, _ = ready_stream(box, "alice", SOCKETS)
    talk = alice.talk(sent=1000, received=10)
    ticks = smoothtask(box, "top", "--json", "--source", "helper", "--count", "4", "--period-ms", "300")
    (mine,) = [row for row in ticks[-1]["processes"] if row["pid"] == talk["pid"]]
    assert (mine["sent_bps"], mine["received_bps"]) == (0, 0)
    others = [row for row in ticks[-1]["processes"] if row["uid"] == 0]
    assert all(row["sent_bps"] is None for row in others)


def smoothtask(box: Box, *words: str) -> list[dict]:
    """What a command of alice's prints, line by line."""
    command = box.held.command(box.held.python, "-m", "smoothtask_gui", *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
