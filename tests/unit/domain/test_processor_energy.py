"""A process's part of the processor's work, on machines whose clocks are known by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from smoothtask_gui.domain.processor_energy import energy_ratios
from tests.fakes.batches import Machine

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample


@pytest.fixture
def machine() -> Machine:
    return Machine(cpus=4)


def sampled(machine: Machine) -> Sample:
    before = machine.tick()
    return machine.sample(before, machine.tick())


def by_pid(sample: Sample) -> dict[int, float]:
    return dict(zip(sample.processes["pid"].tolist(), energy_ratios(sample).round(3).tolist(), strict=True))


def test_a_second_at_full_clock_weighs_more_than_one_at_half(machine: Machine) -> None:
    fast, slow = machine.start("fast", 1.0), machine.start("slow", 1.0)
    unseen = machine.start("unseen", 1.0)
    machine.clocks_khz = {fast.pid: 3_000_000, slow.pid: 1_000_000}
    found = by_pid(sampled(machine))
    assert (found[fast.pid], found[slow.pid], found[unseen.pid]) == (0.5, 0.167, 0.333)


def test_without_clocks_cpu_time_alone_decides_and_what_nobody_accounts_for_is_nobodys(machine: Machine) -> None:
    busy, idle = machine.start("busy", 1.0), machine.start("idle", 0.0)
    sample = sampled(machine)
    assert by_pid(sample)[busy.pid] == 1.0
    twice = replace(sample, system=replace(sample.system, cpu_busy_ratio=0.5))  # two cores of four
    assert (by_pid(twice)[busy.pid], by_pid(twice)[idle.pid]) == (0.5, 0.0)


def test_where_nothing_was_spent_nobody_has_a_part(machine: Machine) -> None:
    machine.start("idle", 0.0)
    sample = sampled(machine)
    assert np.isnan(energy_ratios(replace(sample, system=replace(sample.system, cpu_busy_ratio=0.0)))).all()
