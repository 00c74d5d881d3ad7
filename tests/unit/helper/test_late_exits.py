"""Which exits count as lost, on a clock and counters set by hand."""

from __future__ import annotations

import mmap

import pytest

from helper.probes.late_exits import AGAIN_NS, COUNTING, EPOCHS, WAITING, LateExits, epoch_ns

LATE_NS = 15 * 10**9
EPOCH_NS = 5 * 10**9


class Programs:
    """What the programs would have written, and who would not have been reaped."""

    def __init__(self) -> None:
        self.settings = mmap.mmap(-1, 4096)
        self.unreaped = 0
        self.passes = 0
        self.late = LateExits(self.settings, 64, LATE_NS, self._pass)

    def exit_at(self, now_ns: int, count: int = 1) -> None:
        slot = now_ns // EPOCH_NS % EPOCHS
        waiting = list(WAITING.unpack_from(self.settings, 64))
        waiting[slot] += count
        WAITING.pack_into(self.settings, 64, *waiting)

    def _pass(self) -> None:
        self.passes += 1
        young, _ = COUNTING.unpack_from(self.settings, 64 + WAITING.size)
        COUNTING.pack_into(self.settings, 64 + WAITING.size, young, self.unreaped)


@pytest.fixture
def programs() -> Programs:
    return Programs()


def test_an_epoch_is_a_third_of_the_lateness() -> None:
    assert epoch_ns(LATE_NS) == EPOCH_NS


@pytest.mark.parametrize("exited_ns", [1000 * EPOCH_NS, 1000 * EPOCH_NS + 1, 1001 * EPOCH_NS - 1])
def test_an_exit_is_lost_when_it_is_late_and_not_before(programs: Programs, exited_ns: int) -> None:
    programs.exit_at(exited_ns)
    assert programs.late.lost(exited_ns + LATE_NS - 1) == 0
    assert programs.late.lost(exited_ns + LATE_NS + EPOCH_NS) == 1


def test_one_that_was_freed_in_time_is_not_lost(programs: Programs) -> None:
    programs.exit_at(1000 * EPOCH_NS)
    programs.exit_at(1000 * EPOCH_NS, -1)
    assert programs.late.lost(2000 * EPOCH_NS) == 0
    assert programs.passes == 0


def test_one_that_nobody_reaps_is_not_lost_and_looked_for_once_a_minute(programs: Programs) -> None:
    programs.exit_at(1000 * EPOCH_NS)
    programs.unreaped = 1
    now_ns = 1010 * EPOCH_NS
    assert [programs.late.lost(now_ns + second * 10**9) for second in range(3)] == [0, 0, 0]
    assert programs.passes == 1
    programs.late.lost(now_ns + AGAIN_NS)
    assert programs.passes == 2


def test_what_was_lost_stays_lost_when_its_slot_is_used_again(programs: Programs) -> None:
    programs.exit_at(1000 * EPOCH_NS)
    assert programs.late.lost(1004 * EPOCH_NS) == 1
    again_ns = (1000 + EPOCHS) * EPOCH_NS
    programs.exit_at(again_ns, 100)
    assert programs.late.lost(again_ns) == 1
    programs.exit_at(again_ns, -100)
    assert programs.late.lost(again_ns + 4 * EPOCH_NS) == 1
    programs.exit_at(again_ns)
    assert programs.late.lost(again_ns + 5 * EPOCH_NS) == 2


def test_one_that_comes_after_it_was_called_lost_stays_lost(programs: Programs) -> None:
    programs.exit_at(1000 * EPOCH_NS, 2)
    assert programs.late.lost(1004 * EPOCH_NS) == 2
    programs.unreaped = 1
    programs.exit_at(1000 * EPOCH_NS, 1)
    assert programs.late.lost(1005 * EPOCH_NS) == 2
    programs.unreaped = 3
    programs.exit_at(1000 * EPOCH_NS, 1)
    assert programs.late.lost(1006 * EPOCH_NS) == 2
