"""Streams on a real bus, of real readings: what a caller gets, and when it ends."""

import ctypes
import errno
import os
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from tests.bus.boxes import Box, programs_of, resident_bytes, wait_until

OpenBox = Callable[..., Box]

TASKS, EXITS, OOM, THERMAL = 1, 2, 4, 8
MISSING_IO = 1
MIB = 2**20
REVOKED = 2  # enum st_bye_reason
SEES_ALL, SEES_AS_PROC, SEES_OWN = 1, 2, 3


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_an_active_user_gets_sealed_frames_of_real_tasks(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS)
    assert opened["error"] is None
    assert opened["hello"] | {"stream_id": 0, "uid": 0} == {
        "magic": 0x4B505453, "version": 1, "kind": 1, "whole": True, "stream_id": 0, "period_ms": 100,
        "kinds": TASKS, "visibility": SEES_AS_PROC, "uid": 0,
    }  # fmt: skip
    first, second = alice.read(stream=opened["stream"], count=2)
    assert [first["sequence"], second["sequence"]] == [1, 2]
    frame = second["frame"]
    assert frame["sealed"]
    assert frame["magic"] == 0x52465453
    assert frame["size"] == frame["frame_bytes"] == second["frame_bytes"]
    assert frame["period_ms"] == 100
    assert frame["boottime_ns"] > first["frame"]["boottime_ns"]
    pids = {pid for pid, _tgid, _uid, _missing in frame["tasks"]}
    assert {alice.process.pid, os.getpid()} <= pids


def test_the_first_tick_comes_at_once_whatever_the_period(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=60_000, kinds=TASKS)
    assert alice.read(stream=opened["stream"], count=1)[0]["sequence"] == 1


def test_roll_ups_of_ended_processes_and_counters_join_the_frame_once_their_probe_runs(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS)
    packets = alice.read(stream=opened["stream"], count=5)
    assert packets[-1]["frame"]["sections"].keys() == {"1", "2", "3"}


def test_a_second_user_sees_no_io_of_the_first_users_processes(box: Box) -> None:
    alice, bob = box.caller("alice"), box.caller("bob")
    for caller, own, other in ((alice, "alice", "bob"), (bob, "bob", "alice")):
        opened = caller.open(period_ms=100, kinds=TASKS)
        assert opened["hello"]["uid"] == box.uid_of(own)
        rows = caller.read(stream=opened["stream"], count=1)[0]["frame"]["tasks"]
        missing_io = {
            owner: [bool(missing & MISSING_IO) for pid, tgid, uid, missing in rows if pid == tgid and uid == number]
            for owner, number in {"own": box.uid_of(own), "other": box.uid_of(other), "root": 0}.items()
        }
        assert missing_io["own"]
        assert not any(missing_io["own"])
        assert missing_io["other"]
        assert all(missing_io["other"] + missing_io["root"])


def test_hidepid_is_not_widened(open_box: OpenBox) -> None:
    box = open_box("--hidepid=2")
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS)
    assert opened["hello"]["visibility"] == SEES_OWN
    rows = alice.read(stream=opened["stream"], count=1)[0]["frame"]["tasks"]
    assert {uid for pid, tgid, uid, _missing in rows if pid == tgid} == {box.uid_of("alice")}


def test_boxes_with_ids_of_their_own_do_not_see_each_others_processes(open_box: OpenBox) -> None:
    boxes = [open_box("--hidepid=2", f"--first-uid={first}") for first in (59980, 59990)]
    callers = [box.caller() for box in boxes]
    assert [box.uid_of("alice") for box in boxes] == [59980, 59990]
    for box, caller in zip(boxes, callers, strict=True):
        opened = caller.open(period_ms=100, kinds=TASKS)
        rows = caller.read(stream=opened["stream"], count=1)[0]["frame"]["tasks"]
        assert {uid for pid, tgid, uid, _missing in rows if pid == tgid} == {box.uid_of("alice")}


def test_root_sees_all_in_full(box: Box) -> None:
    root = box.caller("root", session="none")
    opened = root.open(period_ms=100, kinds=TASKS)
    assert opened["hello"]["visibility"] == SEES_ALL
    rows = root.read(stream=opened["stream"], count=1)[0]["frame"]["tasks"]
    assert not any(missing & MISSING_IO for _pid, _tgid, _uid, missing in rows)


def test_callers_of_one_user_and_period_share_the_very_same_frame(box: Box) -> None:
    alice = box.caller()
    streams = [alice.open(period_ms=200, kinds=TASKS)["stream"] for _ in range(2)]
    inodes = [{tick["frame"]["inode"] for tick in alice.read(stream=stream, count=4)} for stream in streams]
    assert inodes[0] & inodes[1]


def test_a_changed_period_holds_from_the_next_tick_on(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=60_000, kinds=TASKS)
    alice.read(stream=opened["stream"], count=1)
    changed = alice.call(member="ChangePeriod", signature="tu", body=[opened["hello"]["stream_id"], 100])
    assert changed["error"] is None
    ticks = alice.read(stream=opened["stream"], count=3)
    assert [tick["frame"]["period_ms"] for tick in ticks] == [100, 100, 100]


def test_nobody_changes_the_period_of_anothers_stream(box: Box) -> None:
    alice, bob = box.caller("alice"), box.caller("bob")
    opened = alice.open(period_ms=60_000, kinds=TASKS)
    answer = bob.call(member="ChangePeriod", signature="tu", body=[opened["hello"]["stream_id"], 100])
    assert answer["error"] == "io.github.smoothtask.Error.NoSuchStream"


def test_the_end_of_a_process_arrives_as_an_event(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS | EXITS)
    alice.read(stream=opened["stream"], count=4)
    pid = alice.spawn_and_end()
    seen = []
    while pid not in seen:
        event = alice.read(stream=opened["stream"], count=1, kind=3)[0]
        assert event["event"] == 1
        seen.append(event["numbers"][0])


def test_a_slow_reader_loses_whole_ticks_counted_and_harms_nobody(box: Box) -> None:
    alice = box.caller()
    slow = alice.open(period_ms=100, kinds=TASKS)
    quick = alice.open(period_ms=100, kinds=TASKS)
    assert [tick["lost_ticks"] for tick in alice.read(stream=quick["stream"], count=12)] == [0] * 12
    ticks = alice.read(stream=slow["stream"], count=4)
    assert [tick["sequence"] for tick in ticks[:2]] == [1, 2]
    assert [tick["lost_ticks"] for tick in ticks[:2]] == [0, 0]
    after = ticks[2]
    assert after["lost_ticks"] == after["sequence"] - 3 > 0


def test_a_reader_that_closes_its_end_ends_its_stream_at_once(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=60_000, kinds=TASKS)
    assert alice.prop(name="OwnCost")[5] == 1
    alice.close_stream(stream=opened["stream"])
    wait_until(lambda: alice.prop(name="OwnCost")[5] == 0)


def test_a_caller_that_leaves_the_bus_loses_its_streams_even_if_it_keeps_the_descriptor(box: Box) -> None:
    alice = box.caller()
    alice.connect(connection="second")
    opened = alice.open(period_ms=60_000, kinds=TASKS, connection="second")
    alice.disconnect(connection="second")
    assert alice.hung_up(stream=opened["stream"])
    assert alice.prop(name="OwnCost")[5] == 0


def test_a_caller_that_cannot_take_descriptors_leaves_no_stream_behind(box: Box) -> None:
    alice, bob = box.caller(), box.caller("bob")
    alice.connect(connection="without", fd_passing=False)
    alice.start_call(member="OpenStream", signature="uu", body=[60_000, TASKS], connection="without")
    alice.call(member="Ping", interface="org.freedesktop.DBus.Peer", connection="without")
    wait_until(lambda: bob.prop(name="OwnCost")[5] == 0)


def test_the_fifth_stream_of_a_user_is_refused_until_one_is_closed(box: Box) -> None:
    alice, again, bob = box.caller(), box.caller(), box.caller("bob")
    streams = [alice.open(period_ms=60_000, kinds=TASKS)["stream"] for _ in range(4)]
    assert again.open(period_ms=60_000, kinds=TASKS)["error"] == "io.github.smoothtask.Error.LimitsExceeded"
    assert bob.open(period_ms=60_000, kinds=TASKS)["error"] is None
    alice.close_stream(stream=streams[0])
    wait_until(lambda: again.open(period_ms=60_000, kinds=TASKS)["error"] is None)


def test_10000_streams_opened_and_dropped_leave_neither_descriptors_nor_memory_behind(open_box: OpenBox) -> None:
    """Buffers grow with what else happens on the machine; what leaks would do so in each of the rounds."""
    box = open_box("--helper-argument=--calls-per-second", "--helper-argument=100000")
    alice = box.caller()
    alice.open(period_ms=60_000, kinds=TASKS | EXITS)
    wait_until(lambda: alice.prop(name="Probes")[1][1] == "running")
    pid = box.owner_pid(alice)
    counts, sizes = [], []
    for _ in range(5):
        assert alice.open_and_drop(count=2000, pause_s=0) == []
        wait_until(lambda: alice.prop(name="OwnCost")[5] == 1, seconds=30)
        counts.append(descriptors_of(pid))
        sizes.append(resident_bytes(pid))
    assert min(after - before for before, after in pairwise(sizes)) < MIB // 4, sizes
    assert min(after - before for before, after in pairwise(counts)) <= 0, counts


def test_clients_that_never_read_cost_neither_the_sampler_nor_the_bus_memory(box: Box) -> None:
    alice, bob = box.caller(), box.caller("bob")
    steady = bob.open(period_ms=100, kinds=TASKS | EXITS)
    for _ in range(4):
        alice.open(period_ms=100, kinds=TASKS | EXITS)
    bob.read(stream=steady["stream"], count=10, kind=2)
    pids = [box.owner_pid(bob), box.owner_pid(bob, "org.freedesktop.DBus")]
    before = [resident_bytes(pid) for pid in pids]
    for _ in range(5):
        bob.spawn_and_end()
        bob.read(stream=steady["stream"], count=10, kind=2)
    grown = [resident_bytes(pid) - then for pid, then in zip(pids, before, strict=True)]
    assert max(grown) < 2 * MIB


def test_the_helpers_goodbye_comes_last_when_it_is_told_to_end(open_box: OpenBox) -> None:
    box = open_box()
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS)
    os.kill(box.owner_pid(alice), signal.SIGTERM)
    packets = []
    while packet := alice.read(stream=opened["stream"], count=1):
        packets += packet
    assert packets[-1]["kind"] == 4
    assert packets[-1]["reason"] == 1


def test_a_session_that_goes_inactive_loses_its_streams_and_no_one_elses(open_box: OpenBox) -> None:
    box = open_box("--helper-argument=--recheck-seconds", "--helper-argument=0.3")
    alice, bob = box.caller("alice"), box.caller("bob")
    lost, kept = alice.open(period_ms=100, kinds=TASKS), bob.open(period_ms=100, kinds=TASKS)
    assert [packet["kind"] for packet in alice.read(stream=lost["stream"], count=10)] == [2] * 10, "asked and allowed"
    box.make_inactive("alice")
    goodbye = alice.read(stream=lost["stream"], count=1, kind=4)[0]
    assert goodbye["reason"] == REVOKED
    assert alice.open(period_ms=100, kinds=TASKS)["error"] == "io.github.smoothtask.Error.NotAuthorized"
    bob.read(stream=kept["stream"], count=5)
    assert len(bob.read(stream=kept["stream"], count=5)) == 5


def test_a_polkit_that_answers_nobody_any_more_ends_streams(open_box: OpenBox) -> None:
    box = open_box(
        "--helper-argument=--recheck-seconds", "--helper-argument=0.3",
        "--helper-argument=--silent-seconds", "--helper-argument=1",
    )  # fmt: skip
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS)
    os.kill(box.owner_pid(alice, "org.freedesktop.PolicyKit1"), signal.SIGSTOP)
    assert alice.read(stream=opened["stream"], count=1, kind=4)[0]["reason"] == REVOKED


def test_a_killed_helper_ends_its_streams_and_leaves_no_program_behind(open_box: OpenBox) -> None:
    box = open_box()
    alice = box.caller()
    opened = alice.open(period_ms=60_000, kinds=TASKS | EXITS)
    wait_until(lambda: alice.prop(name="Probes")[1][1] == "running")
    pid = box.owner_pid(alice)
    programs = programs_of(pid)
    assert programs
    os.kill(pid, signal.SIGKILL)
    assert alice.hung_up(stream=opened["stream"])
    wait_until(lambda: not any(map(is_loaded, programs)))


def is_loaded(program_id: int) -> bool:
    """By bpf(2) BPF_PROG_GET_FD_BY_ID."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    descriptor = libbpf.bpf_prog_get_fd_by_id(program_id)
    if descriptor >= 0:
        os.close(descriptor)
        return True
    assert -descriptor == errno.ENOENT
    return False


def test_the_service_ends_itself_when_nobody_listens(open_box: OpenBox) -> None:
    box = open_box("--helper-argument=--idle-seconds", "--helper-argument=0.3")
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS)
    alice.read(stream=opened["stream"], count=10)
    assert box.owns_name(alice)
    alice.close_stream(stream=opened["stream"])
    wait_until(lambda: not box.owns_name(alice))
    assert alice.open(period_ms=100, kinds=TASKS)["error"] is None, "it is started again when called"
