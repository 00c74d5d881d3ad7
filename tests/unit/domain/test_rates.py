import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.batch import EXITED, PROCESS, Batch, Missing, ProcessExit
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.sample import Sample
from tests.fakes.batches import SECOND, batch, exited_row, package_sensor, process, rows, system

T0, T1 = 1000 * SECOND, 1002 * SECOND


def between(before: dict, after: dict) -> np.void:
    sample = rates(batch(T0, before), batch(T1, after))
    assert sample is not None
    return sample.processes[0]


def exit_of(pid: int, start_ns: int, run_ns: int, comm: str = "cc1", parent_pid: int = 7) -> ProcessExit:
    return ProcessExit(T1 - 1, pid, parent_pid, 1000, start_ns, run_ns, 0, comm, None, None)


def test_values_are_per_second_of_boot_time() -> None:
    row = between(
        process(5, run_ns=SECOND, read_bytes=100, write_bytes=0, run_delay_ns=0, major_faults=1, voluntary_switches=10),
        process(
            5,
            run_ns=4 * SECOND,
            read_bytes=300,
            write_bytes=50,
            run_delay_ns=SECOND,
            major_faults=5,
            voluntary_switches=30,
            involuntary_switches=4,
            rss_bytes=4096,
        ),
    )
    assert row["cpu_ratio"] == 1.5
    assert row["read_bps"] == 100
    assert row["write_bps"] == 25
    assert row["run_delay_ratio"] == 0.5
    assert row["major_faults_per_s"] == 2
    assert row["switches_per_s"] == 12
    assert row["rss_bytes"] == 4096


def test_memory_that_is_given_back_shrinks() -> None:
    assert between(process(5, rss_bytes=4096), process(5, rss_bytes=12_288))["rss_growth_bps"] == 4096
    assert between(process(5, rss_bytes=12_288), process(5, rss_bytes=4096))["rss_growth_bps"] == -4096
    unread = process(5, rss_bytes=0, missing=Missing.RSS)
    assert math.isnan(between(unread, process(5, rss_bytes=4096))["rss_growth_bps"])


def test_a_reused_pid_is_another_process() -> None:
    row = between(process(5, start_ns=1, run_ns=900 * SECOND), process(5, start_ns=T0 + SECOND, run_ns=SECOND // 2))
    assert row["cpu_ratio"] == 0.25


def test_a_process_born_in_the_interval_counts_whole() -> None:
    sample = rates(batch(T0), batch(T1, process(5, start_ns=T0, run_ns=SECOND, read_bytes=20)))
    assert sample.processes["cpu_ratio"][0] == 0.5
    assert sample.processes["read_bps"][0] == 10


def test_a_process_that_was_alive_but_unseen_has_no_rate_yet() -> None:
    sample = rates(batch(T0), batch(T1, process(5, start_ns=T0 - 1, run_ns=SECOND)))
    assert math.isnan(sample.processes["cpu_ratio"][0])
    assert sample.system.cpu_attributed_ratio is None


def test_a_counter_that_runs_backwards_gives_no_rate() -> None:
    row = between(process(5, run_ns=5, write_bytes=100), process(5, run_ns=4, write_bytes=60))
    assert math.isnan(row["cpu_ratio"])
    assert math.isnan(row["write_bps"])
    assert row["read_bps"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (Missing.IO, "read_bps"),
        (Missing.IO, "write_bps"),
        (Missing.RUN_DELAY, "run_delay_ratio"),
        (Missing.FAULTS, "major_faults_per_s"),
        (Missing.SWITCHES, "switches_per_s"),
    ],
)
def test_a_missing_field_is_missing_and_not_zero(flag: Missing, name: str, when: str) -> None:
    row = between(process(5, missing=flag * (when == "before")), process(5, missing=flag * (when == "after")))
    assert math.isnan(row[name])
    assert row["cpu_ratio"] == 0


def test_missing_memory_is_missing_and_not_zero() -> None:
    assert math.isnan(between(process(5), process(5, rss_bytes=7, missing=Missing.RSS))["rss_bytes"])


def test_more_cpu_time_than_the_machine_has_is_no_reading() -> None:
    assert math.isnan(between(process(5), process(5, run_ns=100 * SECOND))["cpu_ratio"])


def test_no_time_between_batches_gives_no_sample() -> None:
    assert rates(batch(T0), batch(T0)) is None
    assert rates(batch(T1), batch(T0)) is None


def test_batches_of_two_sources_give_no_sample() -> None:
    assert rates(batch(T0), batch(T1, source="procfs")) is None


def test_a_suspend_is_one_long_interval_and_is_said() -> None:
    before = batch(T0, process(5), system=system(T0))
    after = batch(T0 + 3600 * SECOND, process(5, run_ns=SECOND), system=system(T0 + 3600 * SECOND, SECOND))
    sample = rates(before, after)
    assert sample.processes["cpu_ratio"][0] == pytest.approx(1 / 3600)
    assert sample.system.cpu_busy_ratio == pytest.approx(1 / 3600 / 4)
    assert "1 h" in sample.unavailable["interval"]


def test_rows_out_of_order_are_matched_all_the_same() -> None:
    before = batch(T0, process(9, run_ns=1), process(5, run_ns=2))
    after = batch(T1, process(7, start_ns=T0), process(5, run_ns=2 + SECOND), process(9, run_ns=1))
    sample = rates(before, after)
    assert sample.processes["pid"].tolist() == [5, 7, 9]
    assert sample.processes["cpu_ratio"].tolist() == [0.5, 0, 0]


def test_the_growth_of_a_rolled_up_row_is_the_time_of_what_ended() -> None:
    before = batch(T0, exited=rows(exited_row(b"cc1", 5, 10 * SECOND, parent_pid=7, count=3), dtype=EXITED))
    after = batch(T1, exited=rows(exited_row(b"cc1", 5, 11 * SECOND, parent_pid=7, count=8), dtype=EXITED))
    (found,) = rates(before, after).exited
    assert (found.comm, found.parent_pid, found.count, found.cpu_ratio) == ("cc1", 7, 5, 0.5)


def test_a_rolled_up_row_that_began_anew_counts_whole() -> None:
    before = batch(T0, exited=rows(exited_row(b"cc1", 5, 10 * SECOND, count=3), dtype=EXITED))
    after = batch(T1, exited=rows(exited_row(b"cc1", T0 + 1, SECOND, count=2), dtype=EXITED))
    (found,) = rates(before, after).exited
    assert (found.count, found.cpu_ratio) == (2, 0.5)


def test_a_rolled_up_row_older_than_the_previous_batch_but_unseen_has_no_rate_yet() -> None:
    after = batch(T1, exited=rows(exited_row(b"cc1", 5, SECOND), dtype=EXITED))
    assert rates(batch(T0), after).exited == ()


def test_rolled_up_rows_differ_by_user_group_and_parent() -> None:
    first = [exited_row(b"sh", 5, 0, parent_pid=p, uid=u, cgroup_id=c) for p in (1, 2) for u in (3, 4) for c in (5, 6)]
    before = batch(T0, exited=rows(*first, dtype=EXITED))
    after = batch(T1, exited=rows(*({**row, "run_ns": SECOND, "count": 2} for row in reversed(first)), dtype=EXITED))
    found = rates(before, after).exited
    assert [(row.parent_pid, row.count, row.cpu_ratio) for row in found] == [(1, 4, 2.0), (2, 4, 2.0)]


def test_an_exit_counts_what_was_not_seen_before() -> None:
    sample = rates(batch(T0, process(5, run_ns=SECOND)), batch(T1, exits=(exit_of(5, 5 * SECOND, 2 * SECOND),)))
    assert sample.exited[0].cpu_ratio == 0.5
    assert sample.exited[0].count == 1


def test_an_exit_that_no_snapshot_saw_counts_whole() -> None:
    sample = rates(batch(T0), batch(T1, exits=(exit_of(5, T0 + 1, SECOND),)))
    assert sample.exited[0].cpu_ratio == 0.5


def test_an_exit_reported_while_its_row_is_still_there_counts_only_the_remainder() -> None:
    before = batch(T0, process(5))
    after = batch(T1, process(5, run_ns=SECOND), exits=(exit_of(5, 5 * SECOND, 2 * SECOND),))
    sample = rates(before, after)
    assert sample.processes["cpu_ratio"][0] + sample.exited[0].cpu_ratio == 1.0


def test_an_exit_that_earlier_batches_must_have_shown_does_not_count_its_whole_life() -> None:
    sample = rates(batch(T0), batch(T1, exits=(exit_of(5, T0 - 100 * SECOND, 2 * SECOND),)))
    assert sum(row.cpu_ratio for row in sample.exited) == 0


def test_an_exit_told_twice_counts_once() -> None:
    gone = exit_of(5, T0 + 1, SECOND)
    assert rates(batch(T0), batch(T1, exits=(gone, gone))).exited[0].count == 1


def test_rolled_up_and_single_exits_of_one_name_and_parent_are_one() -> None:
    after = batch(
        T1,
        exited=rows(exited_row(b"cc1", T0 + 1, SECOND, parent_pid=7), dtype=EXITED),
        exits=(exit_of(5, T0 + 1, SECOND),),
    )
    (found,) = rates(batch(T0), after).exited
    assert (found.count, found.cpu_ratio) == (2, 1.0)


def test_without_exit_records_what_vanished_contributes_nothing() -> None:
    before = replace(batch(T0, process(5, run_ns=SECOND)), exited=None)
    after = replace(batch(T1, exits=(exit_of(6, T0, SECOND),)), exited=None)
    assert rates(before, after).exited == ()


def test_what_the_rows_and_the_exits_add_up_to_is_attributed() -> None:
    before = batch(T0, process(5), process(6))
    after = batch(T1, process(5, run_ns=SECOND), process(6, run_ns=SECOND), exits=(exit_of(9, T0, 2 * SECOND),))
    assert rates(before, after).system.cpu_attributed_ratio == 2 / 4


def test_the_machine_is_measured_by_its_own_time_stamps() -> None:
    before = batch(T0, system=system(T0, 0, disk_read_bytes=0, io_pressure_us=0, network_sent_bytes=10))
    late = T0 + 4 * SECOND
    after = batch(T1, system=system(late, 8 * SECOND, disk_read_bytes=400, io_pressure_us=10**6, network_sent_bytes=9))
    found = rates(before, after).system
    assert found.cpu_busy_ratio == 0.5
    assert found.disk_read_bps == 100
    assert found.io_pressure_ratio == 0.25
    assert found.network_sent_bps is None
    assert found.memory_used_bytes is None


def test_a_cpu_that_goes_off_or_online_gives_no_absurd_rate() -> None:
    for cpus in ((2, 1), (1, 2)):
        before = batch(T0, system=system(T0, 0, cpus=cpus[0]))
        after = batch(T1, system=system(T1, 4 * SECOND, cpus=cpus[1]))
        assert rates(before, after).system.cpu_busy_ratio == 1.0


def test_a_temperature_that_cannot_be_true_is_missing_with_a_reason() -> None:
    found = rates(batch(T0), batch(T1, sensors=(package_sensor(-128.0),))).sensors[0]
    assert found.temperature_c is None
    assert "-128" in found.reason


def test_a_hostile_name_of_what_ended_is_harmless() -> None:
    after = batch(T1, exited=rows(exited_row(b"\x1b[31m\n\xff", T0, SECOND), dtype=EXITED))
    assert rates(batch(T0), after).exited[0].comm == r"\x1b[31m\x0a\xff"


WORD = st.integers(0, 2**64 - 1) | st.integers(0, 5 * SECOND) | st.integers(T0 - SECOND, T1)
ROW = st.fixed_dictionaries(
    {"pid": st.integers(0, 2**32 - 1) | st.integers(1, 6), "start_ns": WORD, "run_ns": WORD, "run_delay_ns": WORD}
    | dict.fromkeys(("read_bytes", "write_bytes", "voluntary_switches", "involuntary_switches", "rss_bytes"), WORD)
    | {"missing": st.integers(0, 2047), "comm": st.binary(max_size=16)}
)
GONE = st.fixed_dictionaries(
    {"parent_pid": st.integers(0, 3), "comm": st.sampled_from([b"a", b"b", b""]), "first_ns": WORD, "run_ns": WORD}
    | {"count": WORD}
)


@st.composite
def any_batch(draw: st.DrawFn) -> Batch:
    at = draw(st.integers(T0 - 2 * SECOND, T1) | st.integers(0, 2**63 - 1))
    gone = st.builds(
        ProcessExit,
        *(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1) | st.integers(1, 6), st.integers(0, 9), st.just(0)),
        *(WORD, WORD, st.just(0), st.text(max_size=3), st.none(), st.none()),
    )
    return batch(
        at,
        processes=rows(*draw(st.lists(ROW, max_size=6)), dtype=PROCESS),
        exited=draw(st.none() | st.lists(GONE, max_size=4).map(lambda found: rows(*found, dtype=EXITED))),
        exits=tuple(draw(st.lists(gone, max_size=3))),
        system=system(draw(WORD), draw(WORD), draw(st.integers(0, 8)), disk_read_bytes=draw(WORD)),
        source=draw(st.sampled_from(["helper", "helper", "procfs"])),
    )


def check_sums(sample: Sample) -> None:
    for name in ("cpu_ratio", "run_delay_ratio", "read_bps", "write_bps", "major_faults_per_s", "switches_per_s"):
        values = sample.processes[name]
        assert (values[np.isfinite(values)] >= 0).all()
        assert not np.isinf(values).any()
    assert all(row.cpu_ratio >= 0 and row.count >= 0 for row in sample.exited)
    ratios = [getattr(sample.system, name) for name in ("cpu_busy_ratio", "cpu_iowait_ratio", "cpu_pressure_ratio")]
    assert all(ratio is None or 0 <= ratio <= 1 for ratio in ratios)
    known = sample.processes["cpu_ratio"]
    total = known[np.isfinite(known)].sum() + sum(row.cpu_ratio for row in sample.exited)
    if sample.system.cpu_attributed_ratio is not None:
        assert sample.system.cpu_attributed_ratio >= 0
        assert sample.system.cpu_attributed_ratio <= total + 1e-9


@given(any_batch(), any_batch())
@settings(max_examples=150, deadline=None)
def test_no_two_batches_give_a_negative_rate_or_an_error(before: Batch, after: Batch) -> None:
    sample = rates(before, after)
    if sample is not None:
        check_sums(sample)
