from __future__ import annotations

import asyncio
import os
from pathlib import Path

from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.trees import plant


def test_a_driver_that_hangs_holds_up_neither_ticks_nor_other_threads(tmp_path: Path) -> None:
    chip = tmp_path / "class/hwmon/hwmon0"
    plant(chip, {"name": "coretemp", "temp1_input": 50000})

    async def story() -> None:
        surroundings = Surroundings(kind_of, Path("/proc"), tmp_path, sensor_limit_s=0.05)
        assert [sensor.temperature_c for sensor in await surroundings.read_sensors()] == [50.0]
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
        async with asyncio.timeout(10):
            while (await surroundings.read_sensors())[0].temperature_c != 60.0:
                assert len(await surroundings.read_sensors()) == 1

    asyncio.run(story())
