import math

import pytest

from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.domain.sensors import checked, cpu_sensor, hottest_c, kind_of, limit_of, may_float, no_limit_reason


def sensor(
    driver: str,
    label: str = "",
    value: float | None = 50.0,
    max_c: float | None = None,
    critical_c: float | None = None,
) -> SensorReading:
    return SensorReading(f"{driver}/{label}", driver, label, kind_of(driver), value, max_c, critical_c)


@pytest.mark.parametrize(
    ("driver", "kind"),
    [
        ("coretemp", "cpu"),
        ("k10temp", "cpu"),
        ("zenpower", "cpu"),
        ("cpu_thermal", "cpu"),
        ("cpu-thermal", "cpu"),
        ("x86_pkg_temp", "cpu"),
        ("acpitz", "board"),
        ("nct6798", "board"),
        ("amdgpu", "gpu"),
        ("nouveau", "gpu"),
        ("nvme", "disk"),
        ("drivetemp", "disk"),
        ("iwlwifi_1", "other"),
        ("jc42", "memory"),
        ("something new", "other"),
    ],
)
def test_a_driver_tells_the_kind(driver: str, kind: str) -> None:
    assert kind_of(driver) == kind


def test_the_processor_is_found_by_rank_and_not_by_order() -> None:
    package = sensor("coretemp", "Package id 0", 60)
    others = [sensor("acpitz", "", 28), sensor("nvme", "Composite", 70), sensor("coretemp", "Core 0", 66)]
    assert cpu_sensor([*others, package]) is package
    assert cpu_sensor([package, *others]) is package


def test_tdie_comes_before_tctl_whose_value_may_have_an_offset() -> None:
    tctl, tdie = sensor("k10temp", "Tctl", 90), sensor("k10temp", "Tdie", 63)
    assert cpu_sensor([tctl, tdie]) is tdie
    assert cpu_sensor([tctl]) is tctl


def test_the_hotter_of_two_packages_speaks() -> None:
    cool, hot = sensor("coretemp", "Package id 0", 50), sensor("coretemp", "Package id 1", 80)
    assert cpu_sensor([cool, hot]) is hot


def test_a_lesser_sensor_stands_in_while_the_best_has_no_reading() -> None:
    package, core = sensor("coretemp", "Package id 0", None), sensor("coretemp", "Core 0", 66)
    assert cpu_sensor([package, core]) is core
    assert cpu_sensor([package]) is package
    assert cpu_sensor([sensor("nvme")]) is None


@pytest.mark.parametrize("value", [0.0, -128.0, -55.0, 255.0, 65261.8, math.inf, math.nan])
def test_what_cannot_be_true_is_missing_with_a_reason(value: float) -> None:
    found = checked(sensor("nct6775", "AUXTIN0", value))
    assert found.temperature_c is None
    assert "can't be true" in found.reason


def test_a_plausible_reading_and_a_missing_one_stay_as_they_are() -> None:
    for value in (21.0, -10.0, 149.0, None):
        reading = sensor("coretemp", "Core 0", value)
        assert checked(reading) is reading


def test_the_critical_limit_comes_before_max() -> None:
    limit = limit_of(sensor("coretemp", max_c=80.0, critical_c=100.0))
    assert (limit.temperature_c, limit.is_critical) == (100.0, True)
    limit = limit_of(sensor("drivetemp", max_c=60.0))
    assert (limit.temperature_c, limit.is_critical) == (60.0, False)


@pytest.mark.parametrize("nonsense", [0.0, -273.1, 255.0, 65261.8, math.nan, None])
def test_a_limit_that_makes_no_sense_is_no_limit(nonsense: float | None) -> None:
    reading = sensor("k10temp", max_c=nonsense, critical_c=nonsense)
    assert limit_of(reading) is None
    assert "k10temp" in no_limit_reason(reading)


def test_only_super_io_inputs_may_be_unconnected() -> None:
    assert may_float("nct6798")
    assert not may_float("coretemp")
    assert not may_float("acpitz")


def test_the_hottest_ignores_what_is_missing() -> None:
    assert hottest_c([sensor("a", value=None), sensor("b", value=40), sensor("c", value=44)]) == 44
    assert hottest_c([]) is None
