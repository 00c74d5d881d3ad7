from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.domain.batch import Batch, CoolingEvent, Lost
from smoothtask_gui.sources.cooling import KEEP_NS, CoolingStates
from tests.fakes.batches import SECOND, batch, throttle
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

CLASS = "class/thermal"


def device(root: Path, number: int, device_type: str, state: object, most: object = 10) -> Path:
    """A cooling device as sysfs shows it; writing it again changes its state."""
    folder = f"{CLASS}/cooling_device{number}"
    plant(root, {f"{folder}/type": device_type, f"{folder}/cur_state": f"{state}", f"{folder}/max_state": f"{most}"})
    return root / folder


def tick(second: int, lost_events: int = 0) -> Batch:
    return batch(second * SECOND, lost=Lost(events=lost_events))


def told(events: tuple[CoolingEvent, ...]) -> list[tuple[int, str, int, int]]:
    return [(event.device_id, event.device_type, event.target_state, event.max_state) for event in events]


def clock_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    device(tmp_path, 0, "Processor", 0)
    device(tmp_path, 1, "Processor", 3)
    device(tmp_path, 10, "cpufreq-cpu4", 2, 7)
    plant(tmp_path, {f"{CLASS}/thermal_zone0/type": "acpitz"})
    return tmp_path


def test_what_throttles_when_watching_starts_is_told_once(machine: Path) -> None:
    states = CoolingStates(machine)
    before_ns = clock_ns()
    events = states.unheard(tick(1))
    assert told(events) == [(1, "Processor", 3, 10), (10, "cpufreq-cpu4", 2, 7)]
    assert all(before_ns <= event.boottime_ns <= clock_ns() for event in events)
    assert states.unheard(tick(2)) == ()
    assert states.unheard(tick(1 + KEEP_NS // SECOND)) == ()


def test_an_event_that_overtook_the_first_tick_is_told_again_after_it(machine: Path) -> None:
    states = CoolingStates(machine)
    early = throttle(5, 3, device_id=1)
    assert states.identify(early) == (early,)
    assert [event.device_id for event in states.unheard(tick(1))] == [1, 10]


def test_a_change_without_an_event_is_told_within_the_time_that_events_are_believed(machine: Path) -> None:
    states = CoolingStates(machine)
    states.unheard(tick(1))
    device(machine, 0, "Processor", 4)
    device(machine, 1, "Processor", 0)
    device(machine, 10, "cpufreq-cpu4", 5, 7)
    assert states.unheard(tick(KEEP_NS // SECOND)) == ()
    assert told(states.unheard(tick(1 + KEEP_NS // SECOND))) == [(0, "Processor", 4, 10), (1, "Processor", 0, 10)]


def test_after_lost_events_all_that_throttles_is_told_again_and_so_is_its_end(machine: Path) -> None:
    states = CoolingStates(machine)
    states.unheard(tick(1))
    device(machine, 10, "cpufreq-cpu4", 0, 7)
    assert states.unheard(tick(2)) == ()
    assert told(states.unheard(tick(3, lost_events=2))) == [(1, "Processor", 3, 10), (10, "cpufreq-cpu4", 0, 7)]
    assert states.unheard(tick(4, lost_events=2)) == ()


def test_what_an_event_told_is_not_told_again(machine: Path) -> None:
    states = CoolingStates(machine)
    states.unheard(tick(1))
    device(machine, 0, "Processor", 1)
    states.identify(throttle(5, 1, device_id=0))
    device(machine, 1, "Processor", 0)
    states.identify(throttle(5, 0, device_id=1))
    assert states.unheard(tick(60)) == ()


def test_a_device_that_is_gone_throttles_nobody(machine: Path) -> None:
    states = CoolingStates(machine)
    states.unheard(tick(1))
    shutil.rmtree(machine / CLASS / "cooling_device10")
    assert told(states.unheard(tick(60))) == [(10, "cpufreq-cpu4", 0, 0)]


def test_without_sysfs_all_is_as_the_events_say(tmp_path: Path) -> None:
    states = CoolingStates(tmp_path)
    nameless = throttle(5, 2, device_id=-1)
    assert states.identify(nameless) == (nameless,)
    states.identify(throttle(5, 2))
    assert states.unheard(tick(1)) == ()
    assert states.unheard(tick(60, lost_events=1)) == ()


@pytest.mark.parametrize("device_type", ["Fan", "LCD", "amdgpu", "thermal-devfreq-0", "iwlwifi", ""])
def test_a_device_that_is_not_the_processor_s_is_never_asked(tmp_path: Path, device_type: str) -> None:
    folder = device(tmp_path, 0, device_type, 1)
    (folder / "cur_state").unlink()
    os.mkfifo(folder / "cur_state")  # whoever opens it waits for ever
    states = CoolingStates(tmp_path)
    assert states.unheard(tick(1)) == ()
    nameless = throttle(5, 1, device_id=-1, device_type=device_type)
    assert states.identify(nameless) == (nameless,)


@pytest.mark.parametrize("nonsense", ["", "on", "0x3", "3 4", "\N{SNOWMAN}"])
def test_a_device_that_tells_nonsense_stays_as_it_was_told(machine: Path, nonsense: str) -> None:
    states = CoolingStates(machine)
    device(machine, 0, "Processor", nonsense)
    assert [event.device_id for event in states.unheard(tick(1))] == [1, 10]
    device(machine, 1, "Processor", nonsense)
    assert states.unheard(tick(60)) == ()


def test_a_device_that_can_not_be_read_is_left_out(machine: Path) -> None:
    (machine / CLASS / "cooling_device1/cur_state").unlink()
    (machine / CLASS / "cooling_device1/cur_state").mkdir()
    (machine / CLASS / "cooling_device0/type").unlink()
    assert [event.device_id for event in CoolingStates(machine).unheard(tick(1))] == [10]


def test_a_highest_state_that_is_no_number_is_unknown(machine: Path) -> None:
    device(machine, 10, "cpufreq-cpu4", 2, "many")
    assert told(CoolingStates(machine).unheard(tick(1)))[1] == (10, "cpufreq-cpu4", 2, 0)


def test_powerclamp_that_is_not_at_work_says_minus_one(tmp_path: Path) -> None:
    device(tmp_path, 0, "intel_powerclamp", -1, 100)
    states = CoolingStates(tmp_path)
    assert states.unheard(tick(1)) == ()
    device(tmp_path, 0, "intel_powerclamp", 25, 100)
    assert told(states.unheard(tick(60))) == [(0, "intel_powerclamp", 25, 100)]
    device(tmp_path, 0, "intel_powerclamp", -1, 100)
    assert told(states.unheard(tick(120))) == [(0, "intel_powerclamp", 0, 100)]


def test_an_event_without_a_device_becomes_what_has_changed(machine: Path) -> None:
    """As the BCC loader's programs tell them."""
    states = CoolingStates(machine)
    states.unheard(tick(1))
    device(machine, 0, "Processor", 2)
    assert told(states.identify(throttle(5, 2, device_id=-1))) == [(0, "Processor", 2, 10)]
    device(machine, 0, "Processor", 4)
    assert told(states.identify(throttle(5, 4, device_id=-1))) == [(0, "Processor", 4, 10)]
    device(machine, 1, "Processor", 0)
    assert told(states.identify(throttle(5, 0, device_id=-1))) == [(1, "Processor", 0, 10)]
    assert states.identify(throttle(5, 0, device_id=-1)) == ()
    unknown = throttle(5, 1, device_id=-1, device_type="intel_powerclamp")
    assert states.identify(unknown) == (unknown,), "no such device can be read here"
