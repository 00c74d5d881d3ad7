from __future__ import annotations

import fcntl
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.activity import UNIX_HOLDER
from smoothtask_gui.domain.batch import PROCESS, Missing
from smoothtask_gui.domain.network import SOCKET, SOCKET_OWNER, TRAFFIC, SocketMissing
from smoothtask_gui.sources import records
from smoothtask_gui.sources.activity import ActivitySection
from smoothtask_gui.sources.frames import Frame, FrameError, decode_frame, read_sealed
from tests.fakes.batches import rows
from tests.fakes.networks import socket_row
from tests.fakes.stream import exited, frame, sealed, tasks

TASKS = records.SectionKind.TASKS


def decoded(*found: dict[str, object]) -> Frame:
    return decode_frame(frame((TASKS, tasks(*found))))


def test_a_process_s_total_is_its_own_row_plus_its_live_threads() -> None:
    processes = decoded(
        {"pid": 10, "run_ns": 5, "threads": 3, "rss_bytes": 77},
        {"pid": 9, "run_ns": 1},
        {"pid": 12, "tgid": 10, "run_ns": 7, "read_bytes": 3, "rss_bytes": 99},
        {"pid": 11, "tgid": 10, "run_ns": 30, "run_delay_ns": 4},
    ).processes
    assert processes.dtype == PROCESS
    assert processes["pid"].tolist() == [9, 10]
    assert processes["run_ns"].tolist() == [1, 42]
    assert processes["read_bytes"].tolist() == [0, 3]
    assert processes["run_delay_ns"].tolist() == [0, 4]
    assert processes["rss_bytes"].tolist() == [0, 77]


def test_threads_whose_process_has_no_row_belong_to_nobody() -> None:
    processes = decoded({"pid": 5, "run_ns": 1}, {"pid": 8, "tgid": 7, "run_ns": 9}).processes
    assert processes["pid"].tolist() == [5]
    assert processes["run_ns"].tolist() == [1]


def test_a_sum_with_a_missing_part_is_missing() -> None:
    processes = decoded({"pid": 5}, {"pid": 6, "tgid": 5, "missing": int(Missing.IO | Missing.RSS)}).processes
    assert processes["missing"].tolist() == [int(Missing.IO)]


def test_sums_are_exact_beyond_what_a_float_holds() -> None:
    processes = decoded({"pid": 5, "run_ns": 2**60}, {"pid": 6, "tgid": 5, "run_ns": 1}).processes
    assert processes["run_ns"].tolist() == [2**60 + 1]


def test_what_stands_after_a_name_s_end_is_cleared() -> None:
    processes = decoded({"pid": 5, "comm": b"ab\0rest"}, {"pid": 6, "comm": b"0123456789abcdef"}).processes
    assert processes["comm"].tolist() == [b"ab", b"0123456789abcdef"]


def test_longer_records_of_a_newer_helper_are_read_by_their_prefix() -> None:
    octets = frame((TASKS, tasks({"pid": 5}, {"pid": 6})), (2, exited({"count": 3, "comm": b"cc"})), grown_by=24)
    found = decode_frame(octets)
    assert found.processes["pid"].tolist() == [5, 6]
    assert found.exited is not None
    assert found.exited["count"].tolist() == [3]


def test_sections_of_unknown_kind_are_skipped() -> None:
    found = decode_frame(frame((99, exited({})), (TASKS, tasks({"pid": 5}))))
    assert found.processes["pid"].tolist() == [5]
    assert found.exited is None
    assert found.lost_exits is None


def test_a_frame_without_sections_has_no_processes() -> None:
    assert len(decode_frame(frame()).processes) == 0


def test_a_socket_without_an_owner_gets_one_from_those_who_hold_it() -> None:
    missing = int(SocketMissing.OWNER | SocketMissing.RTT)
    sockets = rows(
        socket_row(9, pid=0, inode=70, missing=missing),
        socket_row(8, pid=0, inode=71, missing=missing),
        socket_row(7, pid=5, inode=72),
        dtype=SOCKET,
    )
    holders = rows(
        {"inode": 70, "pid": 40, "pid_start_ns": 4}, {"inode": 70, "pid": 30, "pid_start_ns": 3},
        {"inode": 72, "pid": 30, "pid_start_ns": 3}, dtype=SOCKET_OWNER,
    )  # fmt: skip
    found = decode_frame(frame((4, sockets), (5, holders), (6, rows(dtype=TRAFFIC)))).sockets
    assert found is not None
    assert found["cookie"].tolist() == [7, 8, 9]
    assert found["pid"].tolist() == [5, 0, 30]
    assert found["pid_start_ns"][2] == 3
    assert found["missing"].tolist() == [0, missing, int(SocketMissing.RTT)]


def test_a_socket_that_the_kernel_showed_twice_is_there_once() -> None:
    twice = rows(socket_row(9), socket_row(7), socket_row(9), dtype=SOCKET)
    found = decode_frame(frame((4, twice))).sockets
    assert found is not None
    assert found["cookie"].tolist() == [7, 9]


def test_sockets_that_did_not_fit_are_not_taken_for_processes_that_did_not() -> None:
    found = decode_frame(frame((4, rows(socket_row(1), dtype=SOCKET)), truncated=1))
    assert found.sockets_truncated
    assert not found.truncated


def test_sections_that_are_not_there_are_none() -> None:
    found = decode_frame(frame((1, tasks({"pid": 1}))))
    assert (found.sockets, found.traffic, found.block_io) == (None, None, None)


def test_a_higher_version_is_refused_naming_both() -> None:
    octets = bytearray(frame())
    octets[4] = 9
    with pytest.raises(FrameError, match=r"version 9.*only 1"):
        decode_frame(octets)


def test_a_section_beyond_the_frame_is_refused_with_its_place() -> None:
    octets = frame((TASKS, tasks({"pid": 5})))
    with pytest.raises(FrameError, match="bytes"):
        decode_frame(octets[:-1])
    head = np.frombuffer(octets, records.FRAME, 1).copy()
    head["frame_bytes"] -= 1
    with pytest.raises(FrameError, match=r"section 0 \(TASKS\): 1 records"):
        decode_frame(head.tobytes() + octets[records.FRAME.itemsize : -1])


def test_an_offset_that_wraps_around_is_refused() -> None:
    octets = bytearray(frame((TASKS, tasks({"pid": 5}))))
    at = records.FRAME.itemsize + 16
    octets[at : at + 8] = (2**64 - 8).to_bytes(8, "little")
    with pytest.raises(FrameError, match="exceed"):
        decode_frame(octets)


@pytest.mark.parametrize("cut", range(0, 230, 3))
def test_a_frame_cut_short_anywhere_is_refused(cut: int) -> None:
    octets = frame((TASKS, tasks({"pid": 5})))
    with pytest.raises(FrameError):
        decode_frame(octets[: min(cut, len(octets) - 1)])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_foreign_bytes_never_do_more_than_a_frame_error(octets: bytes) -> None:
    with pytest.raises(FrameError):
        decode_frame(octets)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_never_do_more_than_a_frame_error(flips: list[tuple[int, int]]) -> None:
    octets = bytearray(frame((TASKS, tasks({"pid": 5}, {"pid": 6, "tgid": 5})), (2, exited({"count": 3}))))
    for at, value in flips:
        octets[at % len(octets)] = value
    try:
        found = decode_frame(octets)
    except FrameError:
        return
    assert (np.diff(found.processes["pid"].astype(np.int64)) > 0).all()


def test_a_sealed_memfd_is_read_whole() -> None:
    fd = sealed(b"x" * 5000)
    try:
        assert read_sealed(fd, 5000, bytearray()) == b"x" * 5000
    finally:
        os.close(fd)


@pytest.mark.parametrize("seals", [0, fcntl.F_SEAL_WRITE, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL])
def test_a_memfd_that_could_still_change_is_refused(seals: int) -> None:
    fd = sealed(b"x", seals)
    try:
        with pytest.raises(FrameError, match="not sealed"):
            read_sealed(fd, 1, bytearray())
    finally:
        os.close(fd)


def test_a_descriptor_of_another_kind_is_refused() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(FrameError, match="not a sealed memfd"):
            read_sealed(read_end, 1, bytearray())
    finally:
        os.close(read_end)
        os.close(write_end)


def test_a_memfd_of_another_size_than_announced_is_refused() -> None:
    fd = sealed(b"xy")
    try:
        with pytest.raises(FrameError, match="holds 2 bytes, the tick announced 3"):
            read_sealed(fd, 3, bytearray())
    finally:
        os.close(fd)


def test_a_thread_without_its_process_takes_nothing_to_another_ones_sum() -> None:
    """One of a process between two that are there, one after them, beside one that belongs."""
    processes = decoded(
        {"pid": 5, "run_ns": 1}, {"pid": 10, "run_ns": 2},
        {"pid": 8, "tgid": 7, "run_ns": 100}, {"pid": 12, "tgid": 11, "run_ns": 100},
        {"pid": 6, "tgid": 5, "run_ns": 4},
    ).processes  # fmt: skip
    assert processes["pid"].tolist() == [5, 10]
    assert processes["run_ns"].tolist() == [5, 2]


def test_a_memfd_larger_than_announced_is_refused() -> None:
    octets = frame((TASKS, tasks({"pid": 5})))
    fd = sealed(octets + bytes(8))
    try:
        with pytest.raises(FrameError, match="the tick announced"):
            read_sealed(fd, len(octets), bytearray())
    finally:
        os.close(fd)


def test_the_name_of_who_holds_a_unix_socket_ends_at_its_end() -> None:
    holders = rows({"inode": 1, "pid": 5, "comm": b"ab\0rest"}, dtype=UNIX_HOLDER)
    found = decode_frame(frame((ActivitySection.UNIX_HOLDERS, holders))).activity.unix_holders
    assert found is not None
    assert found["comm"].tolist() == [b"ab"]
