from dataclasses import replace

import pytest

from smoothtask_gui.domain.own_cost import HelperCost, MapBytes, OwnReading, ProbeCost, map_bytes, own_use

SECOND = 1_000_000_000
PROBE = ProbeCost("task_snapshot", "running", "", 100, 1_000_000, 4096)
HELPER = HelperCost(4 * SECOND, 1_000_000, 30_000_000, 65536, 60 * SECOND, 1, (PROBE,))
FIRST = OwnReading(100 * SECOND, 2 * SECOND, 90_000_000, 500, (), 1000, HELPER)


def later(**changes: object) -> OwnReading:
    helper = replace(HELPER, cpu_ns=HELPER.cpu_ns + 20_000_000, programs_ns=3_000_000, uptime_ns=62 * SECOND)
    helper = replace(helper, probes=(replace(PROBE, runs=104, run_ns=1_400_000),))
    reading = replace(FIRST, boottime_ns=102 * SECOND, app_cpu_ns=FIRST.app_cpu_ns + 10_000_000, app_wakeups=520)
    return replace(reading, **{"helper": helper, **changes})


def test_a_reason_with_the_last_lines_of_a_log_is_one_line_without_the_name_before_it() -> None:
    failed = replace(PROBE, reason="task_snapshot: damaged (step: open)\nlibbpf: elf: bad\n  offset 3\n")
    assert failed.why == "damaged (step: open); libbpf: elf: bad; offset 3"


def test_between_two_readings_everything_is_a_rate() -> None:
    use = own_use(FIRST, later())
    assert use.app_busy_ratio == pytest.approx(0.005)
    assert use.app_wakeups_per_s == pytest.approx(10)
    assert use.helper_busy_ratio == pytest.approx(0.01)
    assert use.programs_busy_ratio == pytest.approx(0.001)
    (probe,) = use.probes
    assert probe.events_per_s == pytest.approx(2)
    assert probe.busy_ratio == pytest.approx(0.0002)
    assert probe.probe.ns_per_event == pytest.approx(1_400_000 / 104)


def test_a_first_reading_and_a_missing_helper_give_no_rates() -> None:
    use = own_use(None, FIRST)
    assert (use.app_busy_ratio, use.helper_busy_ratio, use.app_wakeups_per_s) == (None, None, None)
    assert [probe.probe for probe in use.probes] == [PROBE]
    use = own_use(FIRST, later(helper=None))
    assert use.app_busy_ratio is not None
    assert (use.helper_busy_ratio, use.programs_busy_ratio, use.probes) == (None, None, ())


def test_a_helper_that_was_restarted_has_no_rate_once() -> None:
    use = own_use(FIRST, later(helper=replace(HELPER, uptime_ns=SECOND, cpu_ns=5 * SECOND)))
    assert use.helper_busy_ratio is None


def test_what_the_kernel_does_not_count_is_unknown() -> None:
    quiet = replace(PROBE, runs=None, run_ns=None)
    before = replace(FIRST, helper=replace(HELPER, programs_ns=None, probes=(quiet,)))
    use = own_use(before, later(helper=replace(HELPER, programs_ns=None, uptime_ns=62 * SECOND, probes=(quiet,))))
    assert use.programs_busy_ratio is None
    assert (use.probes[0].events_per_s, use.probes[0].busy_ratio, quiet.ns_per_event) == (None, None, None)


def test_maps_of_running_probes_are_added_up_beside_what_was_reckoned() -> None:
    first = replace(PROBE, estimated_map_bytes=1000, map_bytes=1010, full_map_bytes=5000)
    second = replace(PROBE, name="sockets", estimated_map_bytes=20, map_bytes=20, full_map_bytes=20)
    off = replace(second, state="off", map_bytes=0)
    assert map_bytes((first, second, off)) == MapBytes(1030, 1020, 5020)
    assert map_bytes((first, replace(PROBE, name="energy", map_bytes=0))) == MapBytes(1010, 1000, 5000)
    assert map_bytes((first, replace(PROBE, map_bytes=300))) is None, "one that isn't reckoned"
    assert map_bytes((PROBE,)) is None, "an older helper"
    assert map_bytes((off,)) is None


def test_a_reason_is_said_without_the_name_it_begins_with() -> None:
    assert replace(PROBE, reason="task_snapshot: the kernel refused").why == "the kernel refused"
    assert replace(PROBE, reason="sockets: no").why == "sockets: no"
