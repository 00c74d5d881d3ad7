from __future__ import annotations

import asyncio
import os
from pathlib import Path

from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.graphics import card
from tests.fakes.trees import plant


def test_cards_are_asked_each_time_only_while_someone_looks(tmp_path: Path) -> None:
    device = card(tmp_path, 0, "0000:0a:00.0", "amdgpu", gpu_busy_percent=37)
    looks = False
    surroundings = Surroundings(kind_of, Path("/proc"), tmp_path, gpu_limit_s=60, wants_gpus=lambda: looks)

    async def busy() -> float | None:
        (reading,) = await surroundings.read_gpus()
        return reading.busy_ratio

    async def story() -> None:
        nonlocal looks
        assert await busy() == 0.37, "what it does is known from the start"
        (device / "gpu_busy_percent").write_text("50\n")
        assert await busy() == 0.37, "asked a moment ago, and nobody looks"
        looks = True
        assert await busy() == 0.5
        surroundings.close()

    asyncio.run(story())


def test_a_card_that_hangs_stays_in_the_list_without_values(tmp_path: Path) -> None:
    device = card(tmp_path, 0, "0000:0a:00.0", "amdgpu", gpu_busy_percent=37)

    async def story() -> None:
        surroundings = Surroundings(kind_of, Path("/proc"), tmp_path, gpu_limit_s=0.05)
        async with asyncio.timeout(60):
            while [found.busy_ratio for found in await surroundings.read_gpus()] != [0.37]:
                pass  # the card answers at once, its thread may have to wait for a processor
        (device / "gpu_busy_percent").unlink()
        os.mkfifo(device / "gpu_busy_percent")
        (late,) = await surroundings.read_gpus()
        assert late.busy_ratio is None
        assert "has not answered" in late.reason
        with (device / "gpu_busy_percent").open("w") as writer:
            writer.write("50\n")

    asyncio.run(story())


def test_a_driver_that_hangs_holds_up_neither_ticks_nor_other_threads(tmp_path: Path) -> None:
    chip = tmp_path / "class/hwmon/hwmon0"
    plant(chip, {"name": "nvme", "temp1_input": 50000})

    async def story() -> None:
        surroundings = Surroundings(kind_of, Path("/proc"), tmp_path, sensor_limit_s=0.05)
        async with asyncio.timeout(60):
            while [sensor.temperature_c for sensor in await surroundings.read_sensors()] != [50.0]:
                pass  # the chip answers at once, its thread may have to wait for a processor
        (chip / "temp1_input").unlink()
        os.mkfifo(chip / "temp1_input")  # whoever opens it waits for a writer
        for _ in range(3):
            (late,) = await surroundings.read_sensors()
            assert late.temperature_c is None
            assert "has not answered" in late.reason
        with (chip / "temp1_input").open("w") as writer:  # the one thread that waits reads it
            writer.write("60000\n")
        (chip / "temp1_input").unlink()
        plant(chip, {"temp1_input": 60000})
        async with asyncio.timeout(60):
            while (await surroundings.read_sensors())[0].temperature_c != 60.0:
                assert len(await surroundings.read_sensors()) == 1

    asyncio.run(story())
