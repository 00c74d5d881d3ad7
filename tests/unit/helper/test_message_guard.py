"""When the programs that all messages pass stand back, on a clock and counts set by hand."""

from __future__ import annotations

import pytest

from helper.probes.message_guard import (
    AGAIN_IDLE_PER_S,
    EARLIEST_NS,
    FIRST_WAIT_NS,
    LONGEST_WAIT_NS,
    MOST_IDLE_PER_S,
    SECOND_NS,
    TRIAL_MS,
    MessageGuard,
    Phase,
)

MANY = round(4 * MOST_IDLE_PER_S)


class Machine:
    """Messages and datagrams go by at a constant rate; the guard looks when it wants to."""

    def __init__(self, idle_per_s: float, useful_per_s: float = 0.0) -> None:
        self.idle_per_s, self.useful_per_s = idle_per_s, useful_per_s
        self.seen_per_s: float | None = useful_per_s
        """By the kernel's own counters."""
        self.now_ns = 10**15
        self.guard = MessageGuard.at(self.now_ns)
        self.attached_ns = 0
        self.phases = [self.guard.phase]

    def look(self) -> None:
        before, elapsed_ns = self.guard, self.guard.period_ms * 10**6
        self.now_ns += elapsed_ns
        assert before.is_due(self.now_ns)
        if before.is_attached:
            self.attached_ns += elapsed_ns
            counts = (round(rate * elapsed_ns / SECOND_NS) for rate in (self.idle_per_s, self.useful_per_s))
            self.guard = before.after_runs(*counts, self.now_ns)
        else:
            seen = None if self.seen_per_s is None else round(self.seen_per_s * elapsed_ns / SECOND_NS)
            self.guard = before.after_pause(seen, self.now_ns)
        if self.guard.phase is not self.phases[-1]:
            self.phases.append(self.guard.phase)

    def run(self, seconds: float) -> None:
        end_ns = self.now_ns + round(seconds * SECOND_NS)
        while self.now_ns < end_ns:
            self.look()


def paused() -> Machine:
    machine = Machine(MANY)
    machine.look()
    assert not machine.guard.is_attached
    return machine


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_below_the_limit_all_datagrams_are_counted(share: float) -> None:
    machine = Machine(share * MOST_IDLE_PER_S)
    machine.run(3600)
    assert machine.phases == [Phase.COUNTING]


def test_the_limit_is_a_hundredth_of_a_processor() -> None:
    machine = Machine(1.01 * MOST_IDLE_PER_S)
    machine.look()
    assert machine.guard.phase is Phase.PAUSED
    assert pytest.approx(0.01) == MOST_IDLE_PER_S * 65e-9


def test_where_datagrams_are_frequent_they_are_counted_whatever_it_costs() -> None:
    machine = Machine(MANY, 0.0101 * MANY)
    machine.run(3600)
    assert machine.phases == [Phase.COUNTING]


def test_where_datagrams_are_rare_they_don_t_hold_up_a_pause() -> None:
    machine = Machine(MANY, 0.0099 * MANY)
    machine.look()
    assert machine.guard.phase is Phase.PAUSED


def test_a_pause_is_tried_after_ten_seconds_then_twenty_then_forty_then_every_minute() -> None:
    machine = paused()
    began_ns, trials = machine.now_ns, []
    while len(trials) < 6:
        machine.look()
        if machine.guard.phase is Phase.TRIAL:
            trials.append((machine.now_ns - began_ns) / SECOND_NS)
        elif machine.phases[-2:] == [Phase.TRIAL, Phase.PAUSED] and machine.guard.since_ns == machine.now_ns:
            began_ns = machine.now_ns
    assert trials == [10, 20, 40, 60, 60, 60]


def test_under_a_lasting_load_trials_take_less_than_a_hundredth_of_the_time() -> None:
    machine = paused()
    machine.attached_ns = 0
    machine.run(3600)
    assert machine.attached_ns < 0.01 * 3600 * SECOND_NS


def test_a_pause_ends_with_the_load_when_it_is_tried_next() -> None:
    machine = paused()
    machine.idle_per_s = 0.9 * AGAIN_IDLE_PER_S
    machine.run(FIRST_WAIT_NS / SECOND_NS + 1)
    assert machine.phases[-3:] == [Phase.PAUSED, Phase.TRIAL, Phase.COUNTING]


def test_a_load_that_only_falls_below_the_limit_goes_on_being_spared() -> None:
    machine = paused()
    machine.idle_per_s = 1.1 * AGAIN_IDLE_PER_S
    machine.run(600)
    assert Phase.COUNTING not in machine.phases[1:]


def test_datagrams_that_become_frequent_in_a_pause_are_counted_within_two_seconds() -> None:
    machine = paused()
    machine.run(3)
    machine.useful_per_s = machine.seen_per_s = 0.03 * MANY
    machine.run(1 + TRIAL_MS / 1000)
    assert machine.guard.phase is Phase.COUNTING


def test_datagrams_that_the_kernel_counts_and_no_program_sees_cost_little() -> None:
    """Those of a tunnel in the kernel."""
    machine = paused()
    machine.seen_per_s = MANY
    machine.attached_ns = 0
    machine.run(3600)
    assert Phase.COUNTING not in machine.phases[1:]
    assert machine.attached_ns < 0.03 * 3600 * SECOND_NS
    assert machine.attached_ns > 3600 / (2 * EARLIEST_NS / SECOND_NS) * TRIAL_MS * 10**6, "but they are reason to try"


def test_a_pause_goes_on_where_the_kernel_s_counters_can_t_be_read() -> None:
    machine = paused()
    machine.seen_per_s = None
    machine.run(9)
    assert machine.phases[1:] == [Phase.PAUSED]
    machine.idle_per_s = 0.0
    machine.run(2)
    assert machine.guard.phase is Phase.COUNTING


def test_a_load_that_comes_and_goes_is_tried_ever_less_often() -> None:
    """At its worst: away during each trial, back right after."""
    machine = paused()
    machine.attached_ns = 0
    for _ in range(600):
        machine.idle_per_s = 0.0 if machine.guard.phase is Phase.TRIAL else MANY
        machine.look()
    assert machine.guard.wait_ns == LONGEST_WAIT_NS
    assert machine.attached_ns < 0.05 * 600 * SECOND_NS


def test_a_load_that_was_away_for_long_is_a_new_one() -> None:
    machine = paused()
    machine.run(200)
    assert machine.guard.wait_ns == LONGEST_WAIT_NS
    machine.idle_per_s = 0.0
    machine.run(200)
    machine.idle_per_s = MANY
    machine.look()
    assert (machine.guard.phase, machine.guard.wait_ns) == (Phase.PAUSED, FIRST_WAIT_NS)


def test_a_tick_right_after_a_look_is_too_soon_to_judge_but_a_pause_is_followed_at_each() -> None:
    guard = MessageGuard.at(0)
    assert not guard.is_due(SECOND_NS // 4)
    assert guard.is_due(3 * SECOND_NS // 4), "the tick before came late"
    assert paused().guard.is_due(paused().now_ns)


def test_a_trial_of_no_time_at_all_divides_by_nothing() -> None:
    guard = MessageGuard.at(0)
    assert guard.after_runs(0, 0, 0).phase is Phase.COUNTING
