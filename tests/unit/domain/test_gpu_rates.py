from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smoothtask_gui.domain.activity_rates import GpuUserRates
from smoothtask_gui.domain.gpu_rates import BY_DRIVER, BY_PROCESSES, GpuRates, gpu_rates, with_jobs
from smoothtask_gui.domain.gpu_reading import EngineUse, GpuReading, GpuState, GpuUse
from smoothtask_gui.domain.rates import rates
from tests.fakes.batches import SECOND, batch, process, system

KEY = "0000:00:02.0"


def reading(second: float, *uses: GpuUse, **values: Any) -> GpuReading:
    return GpuReading(KEY, "i915", "Intel 1", GpuState.ACTIVE.value, round(second * SECOND), processes=uses, **values)


def use(pid: int, *engines: EngineUse, **values: Any) -> GpuUse:
    return GpuUse(pid, pid * SECOND, engines=engines, **values)


def between(before: GpuReading, now: GpuReading) -> GpuRates:
    (row,) = gpu_rates((before,), (now,))
    return row


def test_a_process_is_as_busy_as_its_busiest_engine_and_the_card_as_its_busiest_engines_sum() -> None:
    row = between(
        reading(1, use(1, EngineUse("render", 0), EngineUse("video", 0)), use(2, EngineUse("render", 0))),
        reading(
            3,
            use(1, EngineUse("render", SECOND), EngineUse("video", SECOND // 5)),
            use(2, EngineUse("render", SECOND // 2)),
        ),
    )
    assert [entry.ratio for entry in row.processes] == [0.5, 0.25]
    assert row.engines == {"render": 0.75, "video": 0.1}
    assert (row.busy_ratio, row.method) == (0.75, BY_PROCESSES)


def test_what_the_scheduler_of_cards_saw_stands_where_no_card_tells() -> None:
    rows = np.array([(1, 10), (2, 20), (3, 30), (4, 40)], [("pid", "u4"), ("start_ns", "u8")])
    told = np.array([0.4, np.nan, np.nan, np.nan])
    seen = [
        GpuUserRates(pid, start, "", 9.0, ratio) for pid, start, ratio in ((1, 10, 0.9), (2, 20, 1.7), (3, 31, 0.5))
    ]
    assert with_jobs(told, rows, seen)[:2].tolist() == [0.4, 1.0]
    assert np.isnan(with_jobs(told, rows, seen)[2:]).all(), "3 is another process by now, of 4 nothing is known"


def test_cycles_are_of_the_engines_own_clock_and_several_engines_share_a_count() -> None:
    row = between(
        reading(1, use(1, EngineUse("rcs", 10, 1000), EngineUse("vcs", 0, None, 2))),
        reading(2, use(1, EngineUse("rcs", 60, 1100), EngineUse("vcs", SECOND, None, 2))),
    )
    assert row.processes[0].engines == {"rcs": 0.5, "vcs": 0.5}


def test_what_the_driver_says_itself_goes_first() -> None:
    row = between(reading(1, use(1, EngineUse("gfx", 0))), reading(2, use(1, EngineUse("gfx", 5)), busy_ratio=0.9))
    assert (row.busy_ratio, row.method) == (0.9, BY_DRIVER)
    assert between(reading(1), reading(2, use(1, ratio=0.3))).processes[0].ratio == 0.3


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (reading(1, use(1, EngineUse("gfx", 50))), reading(2, use(1, EngineUse("gfx", 49)))),
        (reading(1), reading(2, use(1, EngineUse("gfx", 49)))),
        (reading(1, use(1, EngineUse("gfx", 1))), reading(1, use(1, EngineUse("gfx", 49)))),
        (reading(1, use(1, EngineUse("gfx", 1, 9))), reading(2, use(1, EngineUse("gfx", 49, 9)))),
        (reading(1, use(1, EngineUse("gfx", 1, 9))), reading(2, use(1, EngineUse("gfx", 49)))),
        (reading(1, use(1)), reading(2, use(1))),
    ],
)
def test_what_cannot_be_compared_has_no_rate(before: GpuReading, now: GpuReading) -> None:
    row = between(before, now)
    assert row.busy_ratio is row.processes[0].ratio is None
    assert row.method == ""


def test_a_ratio_never_exceeds_the_whole() -> None:
    row = between(reading(1, use(1, EngineUse("gfx", 0))), reading(2, use(1, EngineUse("gfx", 5 * SECOND))))
    assert row.processes[0].ratio == row.busy_ratio == 1.0


def test_power_is_the_drivers_own_or_the_energy_in_between() -> None:
    assert between(reading(1, energy_uj=0), reading(3, energy_uj=30_000_000)).power_w == 15.0
    assert between(reading(1, energy_uj=9), reading(3, energy_uj=1)).power_w is None
    assert between(reading(1), reading(3, energy_uj=1, power_w=7.0)).power_w == 7.0


def test_processes_of_a_sample_have_the_use_of_the_card_they_use_most() -> None:
    late = 3_000_000  # the helper knows a start to the ns, /proc to the tick
    rows = [process(1), process(2, start_ns=2 * SECOND + late), process(3), process(4, start_ns=5 * SECOND)]
    uses = (use(1, ratio=0.2), use(2, ratio=0.4), use(4, ratio=0.9))
    other = GpuReading("0000:01:00.0", "nvidia", "n", "active", SECOND, processes=(use(1, ratio=0.7),))
    sample = rates(
        batch(100 * SECOND, *rows),
        batch(101 * SECOND, *rows, gpus=(reading(1, *uses), other)),
    )
    assert sample is not None
    assert sample.processes["gpu_ratio"][:2].tolist() == [0.7, 0.4]
    assert np.isnan(sample.processes["gpu_ratio"][2:]).all()  # no card tells; another process with the same pid
    assert [card.key for card in sample.gpus] == [KEY, "0000:01:00.0"]


def test_package_power_is_energy_over_time_and_missing_without_both_readings() -> None:
    def watts(before: int | None, now: int | None) -> float | None:
        sample = rates(
            batch(SECOND, system=system(SECOND, package_energy_uj=before)),
            batch(3 * SECOND, system=system(3 * SECOND, package_energy_uj=now)),
        )
        assert sample is not None
        return sample.system.package_watts

    assert watts(5, 30_000_005) == 15.0
    assert watts(None, 5) is watts(5, None) is watts(5, 4) is None


def test_package_power_is_over_the_time_between_two_readings_which_may_be_older_than_the_ticks() -> None:
    def watts(before: tuple[int | None, int], now: tuple[int | None, int]) -> float | None:
        (before_ns, before_uj), (now_ns, now_uj) = before, now
        sample = rates(
            batch(SECOND, system=system(SECOND, package_energy_uj=before_uj, package_energy_ns=before_ns)),
            batch(2 * SECOND, system=system(2 * SECOND, package_energy_uj=now_uj, package_energy_ns=now_ns)),
        )
        assert sample is not None
        return sample.system.package_watts

    assert watts((SECOND, 0), (SECOND + SECOND // 2, 5_000_000)) == 10.0
    assert watts((SECOND, 5), (SECOND, 5)) is None, "the same reading again"
    assert watts((None, 0), (2 * SECOND, 5_000_000)) is None, "one by the helper, one by the app itself"
