from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from smoothtask_gui.domain.gpu_reading import GpuReading, GpuState
from smoothtask_gui.sources.gpu.amd import AmdDriver
from smoothtask_gui.sources.gpu.intel import IntelDriver
from smoothtask_gui.sources.gpu.nvidia import LOOK_BACK_US, NvidiaDriver
from smoothtask_gui.sources.gpu.other import OtherDriver
from smoothtask_gui.sources.gpu.reader import LOOK_NS, GpuReader
from tests.fakes.graphics import card, drm_file, process, set_files
from tests.fakes.nvml import DRIVER_NOT_LOADED, FakeNvml, NvmlCard
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECOND = 10**9
AMD, IGPU, NV = "0000:0a:00.0", "0000:00:02.0", "0000:01:00.0"
NOW_US = 10 * LOOK_BACK_US


class Machine:
    """A machine in a folder, with a clock that the test moves."""

    def __init__(self, root: Path, nvml: FakeNvml | None = None) -> None:
        self.sys, self.proc = root / "sys", root / "proc"
        self.sys.mkdir()
        self.proc.mkdir()
        self.now_ns = 1000 * SECOND
        self.nvml = nvml or FakeNvml()
        drivers = (
            (r"amdgpu", AmdDriver()),
            (r"i915|xe", IntelDriver()),
            (r"nvidia", NvidiaDriver(lambda: self.nvml, lambda: NOW_US)),
            (r".*", OtherDriver()),
        )
        self.reader = GpuReader(self.sys, self.proc, drivers, boottime_ns=lambda: self.now_ns)

    def read(self, seconds: float = 1.0) -> dict[str, GpuReading]:
        self.now_ns += round(seconds * SECOND)
        return {reading.key: reading for reading in self.reader.read()}


def hang(path: Path) -> None:
    """Whoever opens it for reading waits for ever."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def test_amds_own_numbers_are_read_with_their_units(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    card(
        machine.sys, 0, AMD, "amdgpu", gpu_busy_percent=37, mem_info_vram_used=2**30, mem_info_vram_total=2**33,
        hwmon__hwmon4__power1_average=151_000_000, hwmon__hwmon4__freq1_input=2_100_000_000,
        hwmon__hwmon4__temp1_input=61_000,
    )  # fmt: skip
    reading = machine.read()[AMD]
    assert (reading.driver, reading.name, reading.state) == ("amdgpu", "AMD 744c", GpuState.ACTIVE)
    assert (reading.busy_ratio, reading.memory_used_bytes, reading.memory_total_bytes) == (0.37, 2**30, 2**33)
    assert (reading.power_w, reading.frequency_mhz, reading.temperature_c) == (151.0, 2100.0, 61.0)


def test_what_an_older_card_does_not_tell_is_none_and_not_zero(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    card(machine.sys, 0, AMD, "amdgpu", gpu_busy_percent="nonsense")
    reading = machine.read()[AMD]
    assert reading.busy_ratio is reading.memory_used_bytes is reading.power_w is reading.frequency_mhz is None
    assert "Only your own" in reading.reason


@pytest.mark.parametrize(
    ("driver", "path"),
    [("i915", "../../../class/drm/card0/gt/gt0/rps_act_freq_mhz"), ("xe", "tile0/gt0/freq0/act_freq")],
)
def test_intels_clock_is_where_each_driver_has_it(driver: str, path: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    device = card(machine.sys, 0, IGPU, driver, hwmon__hwmon1__energy1_input=77)
    plant(device, {path: 1300})
    reading = machine.read()[IGPU]
    assert (reading.frequency_mhz, reading.energy_uj) == (1300.0, 77)


def test_ones_own_processes_are_known_by_fdinfo(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    card(machine.sys, 0, IGPU, "i915")
    drm_file(process(machine.proc, 10), 4, driver="i915", pdev=IGPU, client_id=1, engine_render="5 ns")
    reading = machine.read()[IGPU]
    assert [use.pid for use in reading.processes] == [10]
    assert reading.reason == ""


def test_a_sleeping_card_is_asked_nothing_and_shown_as_asleep(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    device = card(machine.sys, 0, AMD, "amdgpu", power__runtime_status="suspended")
    for name in ("gpu_busy_percent", "mem_info_vram_used"):
        hang(device / name)
    reading = machine.read()[AMD]
    assert (reading.state, reading.busy_ratio) == (GpuState.ASLEEP, None)
    assert "wake" in reading.reason


def test_an_idle_card_is_left_alone_until_it_had_time_to_fall_asleep(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    device = card(machine.sys, 0, AMD, "amdgpu", gpu_busy_percent=0, power__control="auto")
    states = [machine.read()[AMD].state for _ in range(12)]
    assert states == [GpuState.ACTIVE, *[GpuState.RESTING] * 9, GpuState.ACTIVE, GpuState.RESTING]
    set_files(device, gpu_busy_percent=50)
    machine.read(10)
    assert [machine.read()[AMD].state for _ in range(3)] == [GpuState.ACTIVE] * 3


def test_a_card_that_found_something_to_do_is_asked_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    card(machine.sys, 0, AMD, "amdgpu", gpu_busy_percent=0, power__control="auto")
    user = process(machine.proc, 10)
    drm_file(user, 4, driver="amdgpu", pdev=AMD, client_id=1, engine_gfx="5 ns")
    machine.read()
    assert machine.read()[AMD].state == GpuState.RESTING
    drm_file(user, 4, driver="amdgpu", pdev=AMD, client_id=1, engine_gfx="500 ns")
    assert machine.read()[AMD].state == GpuState.ACTIVE


def test_a_driver_without_autosuspend_is_left_alone_too(tmp_path: Path) -> None:
    machine, gpu, device = nvidia(tmp_path, power__control="auto")
    (device / "power/autosuspend_delay_ms").unlink()
    gpu.busy_percent = 0
    assert [machine.read(5)[NV].state for _ in range(5)] == [
        GpuState.ACTIVE, *[GpuState.RESTING] * 3, GpuState.ACTIVE,
    ]  # fmt: skip


@pytest.mark.parametrize("setting", ["screen", "always on", "negative delay"])
def test_a_card_that_cannot_sleep_is_asked_every_time(setting: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    device = card(machine.sys, 0, AMD, "amdgpu", gpu_busy_percent=0)
    set_files(device, power__control="on" if setting == "always on" else "auto")
    if setting == "negative delay":
        set_files(device, power__autosuspend_delay_ms=-1)
    plant(machine.sys, {"class/drm/card0/card0-HDMI-A-1/enabled": "enabled"} if setting == "screen" else {})
    assert {machine.read()[AMD].state for _ in range(5)} == {GpuState.ACTIVE}


def test_keys_and_order_do_not_depend_on_card_numbers(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    card(machine.sys, 0, AMD, "amdgpu")
    card(machine.sys, 1, IGPU, "i915")
    assert list(machine.read()) == [IGPU, AMD]
    (machine.sys / "class/drm/card0").rename(machine.sys / "class/drm/card7")
    assert list(machine.read(LOOK_NS / SECOND)) == [IGPU, AMD]


def test_a_card_without_drm_or_driver_is_listed_with_the_reason(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    device = "devices/pci0000:00/0000:05:00.0"
    plant(machine.sys, {f"{device}/class": "0x030200", f"{device}/vendor": "0x10de", f"{device}/device": "0x2684"})
    plant(machine.sys, {"devices/pci0000:00/0000:06:00.0/class": "0x010802"})
    for slot in ("0000:05:00.0", "0000:06:00.0"):
        (machine.sys / "bus/pci/devices").mkdir(parents=True, exist_ok=True)
        (machine.sys / f"bus/pci/devices/{slot}").symlink_to(machine.sys / f"devices/pci0000:00/{slot}")
    (reading,) = machine.read().values()
    assert (reading.name, reading.reason) == ("NVIDIA 2684", "No driver is loaded for it.")


def test_a_driver_that_reports_nothing_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    card(machine.sys, 0, AMD, "bochs-drm")
    assert machine.read()[AMD].reason == "The driver bochs-drm doesn't report how busy the card is."


def test_a_machine_without_cards_has_none_and_looks_at_no_process(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    hang(plant(machine.proc, {"10/stat": "x"}) / "10/stat")
    assert machine.read() == {}


def nvidia(tmp_path: Path, **power: str) -> tuple[Machine, NvmlCard, Path]:
    gpu = NvmlCard(
        busy_percent=64, memory=(3 << 30, 8 << 30), power_mw=120_500, temperature_c=66, clock_mhz=1900,
        graphics={10: 5 << 20, 11: None, 99: 1}, compute={12: 7 << 20},
        samples=[(10, NOW_US - 5, 10, 0, 0), (10, NOW_US - 1, 30, 80, 0), (12, NOW_US - 3 * LOOK_BACK_US, 99, 0, 0)],
    )  # fmt: skip
    machine = Machine(tmp_path, FakeNvml(**{NV.replace(":", "_").replace(".", "x"): gpu}))
    for pid in (10, 11, 12):
        process(machine.proc, pid)
    return machine, gpu, card(machine.sys, 0, NV, "nvidia", **power)


def test_nvidias_numbers_and_processes_come_from_its_library(tmp_path: Path) -> None:
    machine, _, _ = nvidia(tmp_path)
    reading = machine.read()[NV]
    assert (reading.name, reading.busy_ratio, reading.power_w) == ("NVIDIA Test 1", 0.64, 120.5)
    assert (reading.memory_used_bytes, reading.temperature_c, reading.frequency_mhz) == (3 << 30, 66.0, 1900.0)
    assert [(use.pid, use.ratio, use.memory_bytes) for use in reading.processes] == [
        (10, 0.8, 5 << 20),
        (11, 0.0, None),
        (12, 0.0, 7 << 20),
    ]


def test_what_an_nvidia_card_does_not_support_is_none(tmp_path: Path) -> None:
    machine, gpu, _ = nvidia(tmp_path)
    gpu.busy_percent = gpu.memory = gpu.power_mw = gpu.temperature_c = gpu.clock_mhz = gpu.samples = None
    reading = machine.read()[NV]
    assert reading.busy_ratio is reading.memory_used_bytes is reading.power_w is None
    assert {use.ratio for use in reading.processes} == {None}


def test_no_handle_is_kept_while_the_nvidia_card_sleeps(tmp_path: Path) -> None:
    machine, _, device = nvidia(tmp_path)
    machine.read()
    assert machine.nvml.is_open
    set_files(device, power__runtime_status="suspended")
    assert machine.read()[NV].state == GpuState.ASLEEP
    assert not machine.nvml.is_open
    machine.read()
    assert machine.nvml.opened == 1
    set_files(device, power__runtime_status="active")
    assert machine.read()[NV].busy_ratio == 0.64


def test_the_handle_is_released_while_an_idle_card_rests_and_when_nobody_reads_on(tmp_path: Path) -> None:
    machine, gpu, _ = nvidia(tmp_path, power__control="auto")
    machine.read()
    machine.reader.close()
    assert not machine.nvml.is_open
    gpu.busy_percent = 0
    machine.read()
    assert machine.read()[NV].state == GpuState.RESTING
    assert not machine.nvml.is_open


def unloadable(error: Exception) -> Callable[[], FakeNvml]:
    def load() -> FakeNvml:
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "words"), [(ImportError("no pynvml"), "nvidia-ml-py"), (OSError("libnvidia-ml.so.1"), "libnvidia-ml")]
)
def test_without_binding_or_library_the_card_is_listed_with_what_to_do(
    error: Exception, words: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path)
    device = card(machine.sys, 0, NV, "nvidia")
    reader = GpuReader(machine.sys, machine.proc, ((r".*", NvidiaDriver(unloadable(error))),))
    (reading,) = reader.read()
    assert words in reading.reason
    assert device.exists()


def test_a_library_that_does_not_fit_the_driver_says_so_and_is_tried_again(tmp_path: Path) -> None:
    machine, _, _ = nvidia(tmp_path)
    machine.nvml.init_error = DRIVER_NOT_LOADED
    assert "Driver Not Loaded" in machine.read()[NV].reason
    machine.nvml.init_error = None
    assert machine.read()[NV].busy_ratio == 0.64


def test_a_card_the_library_does_not_know_says_so(tmp_path: Path) -> None:
    machine, _, _ = nvidia(tmp_path)
    machine.nvml.cards.clear()
    assert "doesn't know this card" in machine.read()[NV].reason


def test_the_real_binding_has_every_function_that_is_used() -> None:
    pynvml: Any = importlib.import_module("pynvml")
    used = [name for name in dir(FakeNvml) if name.startswith(("nvml", "NVML"))]
    assert [name for name in used if not hasattr(pynvml, name)] == []
    with pytest.raises(pynvml.NVMLError):
        pynvml.nvmlDeviceGetHandleByPciBusId(b"0000:01:00.0")
