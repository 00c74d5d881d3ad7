"""The picture of the README: the real app's window beside its notification about a real runaway process.

Runs on a virtual desktop as its ordinary user; the first minute fills the graphs. Exits 1 if the alert doesn't come.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import story

GRAPHS_S = 50


async def sit(teller: story.Story, picture: Path) -> int:
    """Start the app and the runaway, take the picture."""
    await teller.bystander.watch()
    app = teller.start_app("--rules", str(story.HERE / "rules.toml"))
    runaway = None
    try:
        teller.tell(f"the app runs; {GRAPHS_S} s until its graphs have something to show")
        await asyncio.sleep(GRAPHS_S)
        runaway = story.start_runaway()
        shown = await teller.alert(app)
        await asyncio.to_thread(story.popup.drawn, len(shown.buttons))
        await asyncio.to_thread(subprocess.run, ["import", "-window", "root", picture], check=True)
    except story.StoryError as error:
        teller.tell(str(error))
        return 1
    finally:
        for process in filter(None, (runaway, app)):
            process.terminate()
            process.wait(10)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(sit(story.Story(Path(sys.argv[1]), None, clicks_itself=True), Path(sys.argv[2]))))
