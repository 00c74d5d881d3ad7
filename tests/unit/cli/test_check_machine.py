from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from smoothtask_gui.cli.check_machine import hardware
from smoothtask_gui.cli.checks import State
from tests.fakes.graphics import card
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path


def test_the_doctor_names_each_card_and_what_it_lacks(tmp_path: Path) -> None:
    card(tmp_path, 0, "0000:0a:00.0", "amdgpu", gpu_busy_percent=3)
    card(tmp_path, 1, "0000:0b:00.0", "bochs-drm")
    card(tmp_path, 2, "0000:0c:00.0", "amdgpu", power__runtime_status="suspended")
    plant(tmp_path, {"class/powercap/intel-rapl:0/name": "package-0", "class/powercap/intel-rapl:0/energy_uj": 5})
    rows = asyncio.run(hardware(tmp_path / "proc", tmp_path))
    assert [(row.check, row.state) for row in rows] == [
        ("graphics", State.OK),
        ("graphics", State.WARNING),
        ("graphics", State.OK),
        ("energy", State.OK),
    ]
    assert "0000:0b:00.0" in rows[1].detail
    assert "sleeps" in rows[2].detail
    assert "can be read" in rows[3].detail


def test_without_card_and_counter_the_doctor_has_nothing_to_complain_about(tmp_path: Path) -> None:
    rows = asyncio.run(hardware(tmp_path, tmp_path))
    assert {row.state for row in rows} == {State.OK}
    assert "RAPL" in rows[1].detail
