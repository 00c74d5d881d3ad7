"""The program run in the kernel with arguments of our choice (BPF_PROG_TEST_RUN): build machines have no cpufreq."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from helper.probes.cpu_frequency import CpuFrequency
from smoothtask_gui.sources.activity import ActivitySection
from tests.bpf.activity import opened, table
from tests.bpf.machine import boottime_ns
from tests.bpf.running import run_program

if TYPE_CHECKING:
    from helper.loaders.libbpf import Libbpf
    from helper.probes.activity import ActivityProbe


def change(probe: ActivityProbe, door: Libbpf, cpu: int, frequency_khz: int) -> None:
    """Runs the program as trace_cpu_frequency(frequency_khz, cpu) would."""
    assert probe._object is not None
    [program], _ = probe._object.fds()
    arguments = (ctypes.c_uint64 * 2)(frequency_khz, cpu)
    assert run_program(door, program, arguments) == 0


def test_the_latest_frequency_of_each_cpu_is_kept_and_its_changes_are_counted(door: Libbpf) -> None:
    before_ns = boottime_ns()
    with opened(CpuFrequency(door)) as probe:
        for cpu, frequency_khz in ((0, 800_000), (0, 3_200_000), (1, 1_500_000)):
            change(probe, door, cpu, frequency_khz)
        rows = table(probe, ActivitySection.CPU_FREQUENCY)
    assert rows is not None
    found = {int(row["cpu"]): (int(row["frequency_khz"]), int(row["changes"])) for row in rows}
    assert found == {0: (3_200_000, 2), 1: (1_500_000, 1)}
    assert (before_ns < rows["changed_ns"]).all()
    assert (rows["changed_ns"] < boottime_ns()).all()


def test_cpus_beyond_the_map_are_counted_as_lost(door: Libbpf) -> None:
    beyond = door.machine.cpus + 300
    with opened(CpuFrequency(door)) as probe:
        for cpu in range(100_000, 100_000 + beyond):
            change(probe, door, cpu, 1)
        rows = table(probe, ActivitySection.CPU_FREQUENCY)
        assert rows is not None
        assert len(rows) + probe.lost() >= beyond
        assert probe.lost() > 0
