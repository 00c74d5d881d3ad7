"""Promises of `domain/history/buckets.py`: every reading counts once, in the bucket of its time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.history.apps import CPU_CORES, MEMORY_BYTES
from smoothtask_gui.domain.history.buckets import LONGEST_NS, MOST_APPS, MOST_WAITING, Bucket, Bucketer
from smoothtask_gui.domain.history.series import CPU, LEVELS, SERIES, TEMPERATURE
from tests.fakes.batches import SECOND, Machine
from tests.fakes.history import samples


def of_level(buckets: tuple[Bucket, ...], level: int) -> list[Bucket]:
    return [bucket for bucket in buckets if bucket.level == level]


def measured_s(buckets: list[Bucket]) -> float:
    return sum(bucket.measured_ms for bucket in buckets) / 1000


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 10.0]), min_size=1, max_size=60))
def test_every_level_holds_all_of_the_time_that_was_measured(intervals: list[float]) -> None:
    machine, bucketer = Machine(), Bucketer()
    for seconds in intervals:
        for sample in samples(machine, 1, seconds):
            bucketer.add(sample)
    found = bucketer.waiting()
    for level in range(len(LEVELS)):
        assert measured_s(of_level(found, level)) == pytest.approx(sum(intervals), abs=0.01)


@settings(deadline=None)
@given(st.lists(st.floats(0, 4), min_size=1, max_size=90))
def test_a_minutes_mean_is_that_of_its_seconds_and_its_peak_the_highest(loads: list[float]) -> None:
    machine, bucketer = Machine(), Bucketer()
    app = machine.start("work")
    for sample in _with_loads(machine, app, loads):
        bucketer.add(sample)
    found = bucketer.waiting()
    seconds, minutes = of_level(found, 0), of_level(found, 2)
    for minute in minutes:
        inner = [each for each in seconds if 0 <= each.start_s - minute.start_s < 60]
        assert minute.means[CPU] == pytest.approx(np.mean([each.means[CPU] for each in inner]), abs=1e-6)
        assert minute.peaks[CPU] == pytest.approx(max(each.peaks[CPU] for each in inner), abs=1e-9)


def _with_loads(machine: Machine, app: object, loads: list[float]) -> list[object]:
    found = []
    for load in loads:
        app.cores = load  # type: ignore[attr-defined]
        found += list(samples(machine, 1))
    return found


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
def test_a_clock_that_jumps_begins_new_buckets_and_loses_nothing(jumps_s: list[int]) -> None:
    machine, bucketer, count = Machine(), Bucketer(), 0
    for jump_s in jumps_s:
        for sample in samples(machine, 2):
            bucketer.add(replace(sample, realtime_ns=max(SECOND, sample.realtime_ns + jump_s * SECOND)))
            count += 1
    found = bucketer.waiting()
    for number, level in enumerate(LEVELS):
        inside = of_level(found, number)
        assert measured_s(inside) == pytest.approx(count, abs=0.1)
        assert all(bucket.start_s % level.length_s == 0 for bucket in inside)
        serials = [bucket.serial for bucket in inside]
        assert serials == sorted(set(serials))


def test_a_bucket_belongs_to_the_time_that_was_measured_not_to_the_moment_of_reading() -> None:
    machine, bucketer = Machine(now_ns=100 * SECOND), Bucketer()
    (sample,) = samples(machine, 1)
    bucketer.add(sample)
    assert of_level(bucketer.waiting(), 0)[0].start_s == sample.realtime_ns // SECOND - 1


def test_what_nobody_measured_is_missing_and_not_zero() -> None:
    bucketer = Bucketer()
    for sample in samples(Machine(), 3):
        bucketer.add(sample)
    for bucket in bucketer.waiting():
        assert np.isnan(bucket.means[TEMPERATURE])
        assert np.isnan(bucket.peaks[TEMPERATURE])


def test_a_long_sleep_is_a_gap_and_not_a_mean() -> None:
    machine, bucketer = Machine(), Bucketer()
    app = machine.start("sleeper", 1.0)
    for sample in samples(machine, 1, LONGEST_NS / SECOND + 1):
        bucketer.add(sample)
    assert bucketer.waiting() == ()
    assert app.run_ns > 0


def test_processes_that_ended_count_for_their_app() -> None:
    bucketer = Bucketer()
    machine = Machine()
    source = samples(machine, 2)
    app = machine.start("burst", 2.0)
    next(source)
    machine.end(app)
    bucketer.add(next(source))
    found = of_level(bucketer.waiting(), 0)[0]
    assert [name.name for name in found.apps.names] == ["burst"]
    assert found.apps.ended.tolist() == [1]


def test_the_largest_apps_are_kept_and_memory_counts_too() -> None:
    machine, bucketer = Machine(cpus=64), Bucketer()
    for number in range(MOST_APPS + 20):
        machine.start(f"app{number}", 0.1 + number / 100, rss_bytes=1_000_000)
    machine.start("hoarder", 0.0, rss_bytes=30_000_000_000)
    for sample in samples(machine, 2):
        bucketer.add(sample)
    table = of_level(bucketer.waiting(), 2)[0].apps
    names = [name.name for name in table.names]
    assert len(names) == MOST_APPS
    assert "hoarder" in names
    assert names[0] == f"app{MOST_APPS + 19}"
    assert table.values[names.index("hoarder"), MEMORY_BYTES] == 30_000_000_000
    assert (np.diff(table.values[:, CPU_CORES]) <= 0).all()


def test_what_waits_is_bounded_and_what_is_lost_is_counted() -> None:
    bucketer = Bucketer()
    for sample in samples(Machine(), MOST_WAITING + 51):
        bucketer.add(sample)
    assert len(of_level(bucketer.waiting(), 0)) == MOST_WAITING + 1
    assert bucketer.lost == 50


def test_written_buckets_do_not_come_again_and_open_ones_do() -> None:
    bucketer = Bucketer()
    source = samples(Machine(), 5)
    for _ in range(4):
        bucketer.add(next(source))
    bucketer.written()
    bucketer.add(next(source))
    found = bucketer.waiting()
    assert [len(of_level(found, level)) for level in range(3)] == [2, 1, 1]
    assert measured_s(of_level(found, 2)) == pytest.approx(5.0, abs=0.01)


def test_every_series_has_a_unit_that_the_file_knows() -> None:
    assert {name.rpartition("_")[2] for name in SERIES} <= {"ratio", "cores", "bytes", "bps", "c", "w"}
