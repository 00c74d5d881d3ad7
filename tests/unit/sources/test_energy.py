from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.energy import MOST_W, EnergyReader
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.graphics import set_files
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

RANGE_UJ = 262_143_328_850


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    folder = "class/powercap"
    plant(tmp_path, {f"{folder}/intel-rapl/enabled": 1})
    for entry, name in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:1", "psys"),
        ("intel-rapl-mmio:0", "package-0"),
        ("intel-rapl:2", "package-1"),
    ):
        zone = f"{folder}/{entry}"
        plant(tmp_path, {f"{zone}/name": name, f"{zone}/energy_uj": 1000, f"{zone}/max_energy_range_uj": RANGE_UJ})
    return tmp_path / folder


def used(reader: EnergyReader, clock: Clock, seconds: float = 1.0) -> int | None:
    clock.now_s += seconds
    return reader.read()


def test_packages_are_summed_once_each_without_their_parts(zones: Path) -> None:
    clock = Clock()
    reader = EnergyReader(zones.parent.parent, clock)
    assert reader.read() == 0
    for entry in ("intel-rapl:0", "intel-rapl-mmio:0", "intel-rapl:0:0", "intel-rapl:1"):
        set_files(zones / entry, energy_uj=31_000)
    set_files(zones / "intel-rapl:2", energy_uj=6_000)
    assert used(reader, clock) == 35_000
    assert reader.reason == ""


def test_a_counter_that_wraps_goes_on(zones: Path) -> None:
    clock = Clock()
    set_files(zones / "intel-rapl:0", energy_uj=RANGE_UJ - 10)
    reader = EnergyReader(zones.parent.parent, clock)
    reader.read()
    set_files(zones / "intel-rapl:0", energy_uj=30)
    assert used(reader, clock) == 40


def test_after_a_reset_or_a_long_sleep_there_is_no_reading_once_and_no_absurd_power(zones: Path) -> None:
    clock = Clock()
    set_files(zones / "intel-rapl:0", energy_uj=10**9)
    reader = EnergyReader(zones.parent.parent, clock)
    reader.read()
    set_files(zones / "intel-rapl:0", energy_uj=5)
    assert used(reader, clock) is None
    assert "reset" in reader.reason
    assert used(reader, clock) == 0
    assert used(reader, clock, RANGE_UJ / 1e6 / MOST_W + 1) is None
    assert used(reader, clock) == 0


def test_without_a_counter_and_without_leave_the_reason_is_said(zones: Path, tmp_path: Path) -> None:
    assert EnergyReader(tmp_path / "nowhere").read() is None
    reader = EnergyReader(zones.parent.parent)
    (zones / "intel-rapl:2/energy_uj").unlink()
    assert reader.read() is None
    assert "could not be read" in reader.reason
    surroundings = Surroundings(kind_of, sysfs_root=tmp_path / "nowhere")
    assert surroundings.read_system().package_energy_uj is None
    assert "RAPL" in surroundings.unavailable["energy"]
