"""What hooks counted, per second; against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from smoothtask_gui.domain.activity import Activity
from smoothtask_gui.domain.activity_rates import ActivityRates, activity_rates
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.mounts import with_mounts
from tests.fakes.activity_rows import disk_row, full_activity
from tests.fakes.batches import SECOND, batch


def at(second: int, activity: Activity | None = None) -> Batch:
    """Two seconds lie between two with successive numbers."""
    made = batch(2 * second * SECOND)
    return replace(made, activity=activity or full_activity(second), block_io=disk_row(second))


def test_counters_become_rates_over_the_time_between() -> None:
    found = activity_rates(at(1), at(2))
    assert found.disks is not None
    [disk] = found.disks
    assert (disk.major, disk.minor, disk.operation) == (8, 0, "write")
    assert (disk.requests_per_s, disk.bytes_per_s, disk.errors_per_s) == (500.0, 500.0, 500.0)
    assert found.callers is not None
    [caller] = found.callers
    assert (caller.pid, caller.comm, caller.calls_per_s) == (10, "busy", 500.0)
    assert caller.time_ratio == pytest.approx(500e-9)
    assert found.reclaim is not None
    assert found.reclaim[0].searches_per_s == 1000.0, "the machine's and its memory cgroup's"
    assert found.file_systems is not None
    assert (found.file_systems[0].type, found.file_systems[0].write_bps) == ("ext4", 500.0)
    assert found.cpu_frequency is not None
    assert found.cpu_frequency[0].changes_per_s == 500.0


def test_a_file_system_is_named_by_where_it_is_mounted_and_one_that_is_not_by_nothing() -> None:
    found = activity_rates(at(1), at(2))
    assert found.file_systems is not None
    where = (found.file_systems[0].major, found.file_systems[0].minor)
    for mounts, path in (({where: "/home"}, "/home"), ({(99, 99): "/else"}, None)):
        named = with_mounts(found, mounts).file_systems
        assert named is not None
        assert [row.mount for row in named] == [path] * len(found.file_systems)
    assert with_mounts(ActivityRates(), {where: "/home"}) == ActivityRates()


def test_jobs_waits_and_memory_of_graphics_cards_are_each_processs() -> None:
    found = activity_rates(at(1), at(2))
    assert found.gpu_users is not None
    [user] = found.gpu_users
    assert (user.pid, user.jobs_per_s) == (10, 500.0)
    assert user.busy_ratio == pytest.approx(500e-9)
    assert found.gpu_waiters is not None
    assert (found.gpu_waiters[0].fences_per_s, found.gpu_waiters[0].waits_per_s) == (500.0, 500.0)
    assert found.gpu_memory is not None
    assert (found.gpu_memory[0].pid, found.gpu_memory[0].memory_bytes) == (10, 2000)


def test_a_latency_is_the_upper_end_of_its_slot_in_the_unit_of_its_histogram() -> None:
    found = activity_rates(at(1), at(2))
    assert found.disks is not None
    assert (found.disks[0].p50_us, found.disks[0].p99_us) == (2048.0, 2048.0), "slots of microseconds"
    assert found.run_queue is not None
    assert (found.run_queue.p50_us, found.run_queue.p99_us) == (2.048, 2.048), "slots of nanoseconds"
    assert found.run_queue.mean_us == pytest.approx(0.001)


def test_the_slowest_hundredth_shows_in_the_99th_percentile_and_not_in_the_median() -> None:
    now = full_activity(2)
    assert now.run_queue is not None
    now.run_queue["durations"][0, 20] = 50
    found = activity_rates(at(1), at(2, now)).run_queue
    assert found is not None
    assert (found.p50_us, found.p99_us) == (2.048, 2**21 / 1000)


def test_what_is_longer_than_the_last_slot_has_no_upper_end() -> None:
    now = full_activity(2)
    assert now.run_queue is not None
    now.run_queue["durations"][0, 31] = 10**6
    found = activity_rates(at(1), at(2, now)).run_queue
    assert found is not None
    assert found.p99_us is None


def test_a_row_without_an_event_is_left_out() -> None:
    found = activity_rates(at(1), at(2, full_activity(1)))
    assert (found.callers, found.reclaim, found.syscalls, found.file_users, found.file_systems) == ((), (), (), (), ())
    assert found.run_queue is not None
    assert (found.run_queue.waits_per_s, found.run_queue.p50_us) == (0.0, None)


def test_a_row_that_began_anew_counts_from_zero_and_an_old_one_that_was_not_seen_not_at_all() -> None:
    now = full_activity(2)
    assert now.callers is not None
    now.callers["first_ns"] = 3 * SECOND
    found = activity_rates(at(1), at(2, now)).callers
    assert found is not None
    assert found[0].calls_per_s == 1000.0
    before = replace(full_activity(1), callers=np.empty(0, now.callers.dtype))
    assert activity_rates(at(1, before), at(2)).callers == ()


def test_what_was_not_asked_for_is_unknown_and_not_empty() -> None:
    assert activity_rates(batch(SECOND), batch(2 * SECOND)) == ActivityRates()


def test_a_counter_that_ran_backwards_is_nothing_and_not_an_enormous_rate() -> None:
    found = activity_rates(at(1, full_activity(2)), at(2, full_activity(1)))
    assert found.run_queue is not None
    assert (found.run_queue.waits_per_s, found.run_queue.mean_us, found.run_queue.p99_us) == (0.0, None, None)
    assert found.callers == ()


def test_times_are_seconds_a_second_and_both_ways_to_search_for_memory_count() -> None:
    found = activity_rates(at(1), at(2))
    assert found.reclaim is not None
    assert found.reclaim[0].wait_ratio == pytest.approx(1000e-9)
    assert found.file_users is not None
    assert found.file_users[0].sync_ratio == pytest.approx(500e-9)
    assert found.run_queue is not None
    assert found.run_queue.slots_per_s[10] == 500.0
    assert sum(found.run_queue.slots_per_s) == 500.0


def test_the_median_of_events_of_which_half_were_quick_is_the_quick_ones() -> None:
    now = full_activity(2)
    assert now.run_queue is not None
    now.run_queue["durations"][0, 20] = 1000  # as many as came in slot 10
    found = activity_rates(at(1), at(2, now)).run_queue
    assert found is not None
    assert found.p50_us == 2.048


def test_calls_of_another_abi_have_no_number() -> None:
    before, now = full_activity(1), full_activity(2)
    for activity in (before, now):
        assert activity.syscalls is not None
        activity.syscalls["number"] = 0xFFFFFFFF
    found = activity_rates(at(1, before), at(2, now)).syscalls
    assert found is not None
    assert [call.number for call in found] == [None]


@pytest.mark.parametrize("what", ["opens", "read_bytes", "written_bytes", "syncs"])
def test_who_uses_files_in_one_way_only_is_shown(what: str) -> None:
    now = full_activity(1)
    assert now.file_users is not None
    assert now.file_systems is not None
    for table in (now.file_users, now.file_systems):
        table[what] += np.uint64(1)
    found = activity_rates(at(1), at(2, now))
    assert found.file_users is not None
    assert found.file_systems is not None
    assert (len(found.file_users), len(found.file_systems)) == (1, 1)
