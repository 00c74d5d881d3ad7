from __future__ import annotations

import os
from pathlib import Path

import pytest

from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.sensors import SensorReader
from tests.fakes.trees import plant

PCI = "devices/pci0000:00"


def read(root: Path) -> dict[str, SensorReading]:
    return {reading.key: reading for reading in SensorReader(kind_of, root).read()}


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    return plant(
        tmp_path,
        {
            "devices/platform/coretemp.0/x": 1,
            "class/hwmon/hwmon3/name": "coretemp",
            "class/hwmon/hwmon3/device": Path("devices/platform/coretemp.0"),
            "class/hwmon/hwmon3/temp1_input": 61000,
            "class/hwmon/hwmon3/temp1_label": "Package id 0",
            "class/hwmon/hwmon3/temp1_max": 85000,
            "class/hwmon/hwmon3/temp1_crit": 100000,
            f"{PCI}/0000:01:00.0/class": "0x030000",
            f"{PCI}/0000:01:00.0/power/runtime_status": "active",
            "class/hwmon/hwmon1/name": "amdgpu",
            "class/hwmon/hwmon1/device": Path(f"{PCI}/0000:01:00.0"),
            "class/hwmon/hwmon1/temp1_input": 45000,
            f"{PCI}/0000:02:00.0/class": "0x010802",
            f"{PCI}/0000:02:00.0/nvme/nvme0/x": 1,
            "class/hwmon/hwmon2/name": "nvme",
            "class/hwmon/hwmon2/device": Path(f"{PCI}/0000:02:00.0/nvme/nvme0"),
            "class/hwmon/hwmon2/temp1_input": 38850,
            "class/hwmon/hwmon2/temp1_label": "Composite",
            "class/hwmon/hwmon2/temp1_max": 65261850,
            "class/thermal/thermal_zone0/type": "acpitz",
            "class/thermal/thermal_zone0/temp": 50000,
            "class/thermal/thermal_zone0/trip_point_0_type": "critical",
            "class/thermal/thermal_zone0/trip_point_0_temp": 105000,
            "class/thermal/thermal_zone0/trip_point_1_type": "passive",
            "class/thermal/thermal_zone0/trip_point_1_temp": 95000,
            "class/thermal/cooling_device0/type": "Processor",
        },
    )


def test_each_sensor_has_its_own_limits_and_kind(laptop: Path) -> None:
    readings = read(laptop)
    assert readings["coretemp/coretemp.0/Package id 0"] == SensorReading(
        "coretemp/coretemp.0/Package id 0", "coretemp", "Package id 0", "cpu", 61.0, 85.0, 100.0
    )
    zone = readings["acpitz//zone"]
    assert (zone.temperature_c, zone.max_c, zone.critical_c) == (50.0, 95.0, 105.0)
    assert readings["amdgpu/0000:01:00.0/temp1"].kind == "gpu"


def test_a_limit_that_no_silicon_could_mean_is_none(laptop: Path) -> None:
    composite = read(laptop)["nvme/0000:02:00.0/Composite"]
    assert (composite.temperature_c, composite.max_c, composite.critical_c) == (38.85, None, None)


def test_keys_do_not_depend_on_the_order_of_driver_loading(laptop: Path) -> None:
    before = set(read(laptop))
    classes = laptop / "class/hwmon"
    (classes / "hwmon3").rename(classes / "hwmon9")
    (classes / "hwmon1").rename(classes / "hwmon3")
    nvme = laptop / PCI / "0000:02:00.0/nvme"
    (nvme / "nvme0").rename(nvme / "nvme1")
    (classes / "hwmon2/device").unlink()
    (classes / "hwmon2/device").symlink_to(nvme / "nvme1")
    assert set(read(laptop)) == before


def test_a_sleeping_graphics_card_is_not_read(laptop: Path) -> None:
    (laptop / PCI / "0000:01:00.0/power/runtime_status").write_text("suspended\n")
    (laptop / "class/hwmon/hwmon1/temp1_input").unlink()
    os.mkfifo(laptop / "class/hwmon/hwmon1/temp1_input")  # reading it would hang
    reading = read(laptop)["amdgpu/0000:01:00.0/temp1"]
    assert reading.temperature_c is None
    assert "wake" in reading.reason


def test_a_sensor_that_can_not_be_read_stays_with_its_reason(laptop: Path) -> None:
    chip = laptop / "class/hwmon/hwmon3"
    (chip / "temp1_input").write_text("\n")
    assert "no number" in read(laptop)["coretemp/coretemp.0/Package id 0"].reason
    (chip / "temp1_input").unlink()
    (chip / "temp1_input").mkdir()
    assert "EISDIR" in read(laptop)["coretemp/coretemp.0/Package id 0"].reason
    (chip / "temp1_input").rmdir()
    plant(chip, {"temp1_input": -273150})
    assert "no sensor can mean" in read(laptop)["coretemp/coretemp.0/Package id 0"].reason
    plant(chip, {"temp1_input": 50000, "temp1_fault": 1})
    assert "faulty" in read(laptop)["coretemp/coretemp.0/Package id 0"].reason


def test_a_device_that_is_plugged_in_appears_and_one_that_goes_disappears(laptop: Path) -> None:
    reader = SensorReader(kind_of, laptop)
    assert len(reader.read()) == 4
    plant(laptop, {"class/hwmon/hwmon7/name": "drivetemp", "class/hwmon/hwmon7/temp1_input": 30000})
    assert {reading.driver for reading in reader.read()} >= {"drivetemp"}
    (laptop / "class/hwmon/hwmon7").rename(laptop / "gone")
    assert len(reader.read()) == 4


def test_twins_have_keys_of_their_own(tmp_path: Path) -> None:
    plant(tmp_path, {f"class/thermal/thermal_zone{n}/type": "acpitz" for n in (0, 1)})
    plant(tmp_path, {f"class/thermal/thermal_zone{n}/temp": 40000 for n in (0, 1)})
    assert set(read(tmp_path)) == {"acpitz//zone", "acpitz//zone#2"}


def test_a_zone_s_mirror_in_hwmon_is_not_a_second_sensor(laptop: Path) -> None:
    plant(
        laptop,
        {
            "class/hwmon/hwmon5/name": "acpitz",
            "class/hwmon/hwmon5/temp1_input": 50000,
            "class/hwmon/hwmon5/device": Path("class/thermal/thermal_zone0"),
        },
    )
    assert [key for key in read(laptop) if key.startswith("acpitz")] == ["acpitz//zone"]


def test_old_drivers_keep_their_files_one_level_below(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "devices/platform/applesmc.768/temp1_input": 33000,
            "class/hwmon/hwmon0/name": "applesmc",
            "class/hwmon/hwmon0/device": Path("devices/platform/applesmc.768"),
        },
    )
    assert read(tmp_path)["applesmc/applesmc.768/temp1"].temperature_c == 33.0


def test_a_machine_without_sensors_has_none(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


def test_only_the_processor_s_own_sensors_are_prompt(tmp_path: Path) -> None:
    reader = SensorReader(kind_of, tmp_path)
    assert reader.is_prompt()
    assert reader.read() == ()
    plant(tmp_path, {"class/hwmon/hwmon0/name": "k10temp", "class/hwmon/hwmon0/temp1_input": 61000})
    assert reader.is_prompt()
    assert [sensor.temperature_c for sensor in reader.read()] == [61.0]
    plant(tmp_path, {"class/hwmon/hwmon1/name": "nvme", "class/hwmon/hwmon1/temp1_input": 38000})
    assert not reader.is_prompt()
    assert [sensor.temperature_c for sensor in reader.read()] == [61.0, 38.0]
    (tmp_path / "class/hwmon/hwmon1/name").unlink()
    (tmp_path / "class/hwmon/hwmon1/temp1_input").unlink()
    (tmp_path / "class/hwmon/hwmon1").rmdir()
    assert [sensor.temperature_c for sensor in reader.read()] == [61.0]
