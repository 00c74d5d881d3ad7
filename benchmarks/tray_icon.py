"""python -m benchmarks.tray_icon ROUNDS: start the app on the present desktop; prints seconds to each icon."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "packaging" / "dev" / "demo"))
from session import Bystander

APP = [str(Path(sys.executable).with_name("smoothtask")), "--hidden"]
LIMIT_S = 30


async def until(bystander: Bystander, *, there: bool) -> None:
    async with asyncio.timeout(LIMIT_S):
        while bool(await bystander.tray_icons()) is not there:  # each look is a round trip on the bus
            pass


async def main() -> None:
    bystander = Bystander()
    await bystander.watch()
    took = []
    for _ in range(int(sys.argv[1])):
        started = time.monotonic()
        app = await create_subprocess_exec(*APP, stdout=DEVNULL, stderr=DEVNULL)
        await until(bystander, there=True)
        took.append(time.monotonic() - started)
        app.terminate()
        await app.wait()
        await until(bystander, there=False)
    print(json.dumps(took))


if __name__ == "__main__":
    asyncio.run(main())
