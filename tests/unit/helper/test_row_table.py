"""What each class of viewers gets of one snapshot, against the rule applied row by row."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from helper.probes.row_table import EXITED, TASK, TASK_BYTES, RowTable
from helper.probes.visibility import Mode, Visibility

ALICE = 1000
NOBODYS = 0xFFFFFFFF
MISSING_IO = 1
ROW = struct.Struct("@64sQQ28sI4sI16s")  # …, read_bytes, write_bytes, …, missing, …, owner, comm
ROWS = st.lists(
    st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 15), st.sampled_from([ALICE, 1001, 0, NOBODYS])), max_size=40
)


def row(number: int, io: int, missing: int, owner: int) -> bytes:
    """A row in which no byte is zero, so that none can be cleared unseen."""
    filler = bytes([number % 255 + 1])
    return ROW.pack(filler * 64, io, io, filler * 28, missing, filler * 4, owner, filler * 16)


def table(drawn: list[tuple[int, int, int]]) -> RowTable:
    return RowTable(memoryview(bytearray(b"".join(row(at, *each) for at, each in enumerate(drawn)))), TASK)


def test_the_row_of_this_test_is_as_long_as_a_task() -> None:
    assert ROW.size == TASK_BYTES


@given(ROWS)
def test_who_sees_as_proc_gets_each_row_and_of_others_all_but_the_io(drawn: list[tuple[int, int, int]]) -> None:
    expected = b"".join(
        row(at, io, missing, owner) if owner == ALICE else row(at, 0, missing | MISSING_IO, owner)
        for at, (io, missing, owner) in enumerate(drawn)
    )
    assert bytes(table(drawn).seen_by(Visibility(Mode.SEES_AS_PROC, ALICE))) == expected


@given(ROWS)
def test_who_sees_his_own_gets_those_rows_whole_and_no_other(drawn: list[tuple[int, int, int]]) -> None:
    own = b"".join(row(at, *each) for at, each in enumerate(drawn) if each[2] == ALICE)
    assert bytes(table(drawn).seen_by(Visibility(Mode.SEES_OWN, ALICE))) == own


@given(ROWS)
def test_one_viewers_rows_are_the_same_whoever_looked_before(drawn: list[tuple[int, int, int]]) -> None:
    shared, alice = table(drawn), Visibility(Mode.SEES_AS_PROC, ALICE)
    expected = bytes(table(drawn).seen_by(alice))
    for before in (Visibility(Mode.SEES_AS_PROC, 1001), Visibility(Mode.SEES_OWN, 1001), Visibility(Mode.SEES_ALL, 0)):
        shared.seen_by(before)
        assert bytes(shared.seen_by(alice)) == expected
    assert bytes(shared.seen_by(Visibility(Mode.SEES_ALL, 0))) == b"".join(
        row(at, *each) for at, each in enumerate(drawn)
    )


def test_a_roll_up_of_one_who_could_become_another_is_nobodys() -> None:
    def exited(uid: int, io: int, missing: int, uids_differ: int) -> bytes:
        return struct.pack("@4sI72sQQII", b"\1" * 4, uid, b"\2" * 72, io, io, missing, uids_differ)

    rows = RowTable(memoryview(exited(ALICE, 5, 8, 0) + exited(ALICE, 5, 8, 1)), EXITED)
    assert bytes(rows.seen_by(Visibility(Mode.SEES_OWN, ALICE))) == exited(ALICE, 5, 8, 0)
    as_proc = bytes(rows.seen_by(Visibility(Mode.SEES_AS_PROC, ALICE)))
    assert as_proc == exited(ALICE, 5, 8, 0) + exited(ALICE, 0, 8 | MISSING_IO, 1)
