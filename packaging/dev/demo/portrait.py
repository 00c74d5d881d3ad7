"""The picture of the README: the real app's window beside its notification about a real runaway process.

Runs on a virtual desktop as its ordinary user; the first minute fills the graphs. Exits 1 if the alert doesn't come.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import story

GRAPHS_S = 50
PLACE_PX = ("812", "640", "16", "84")  # width, height, left, top: beside the notification, not below it
RULES = "[runaway]\ncores = 0.3\nclear_cores = 0.1\nfor_s = 6.0\nignore = {}\n[oom]\nenabled = false\n"


def others() -> list[str]:
    """Names of what runs on this machine already: the picture is about the demo's runaway alone."""
    names = {"python", "python3"}
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            names.add(comm.read_text().strip())
    return sorted(name for name in names if "/" not in name and name != story.RUNAWAY)[:256]


def place_window() -> None:
    """Move the main window to where the notification won't cover it."""
    search = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "^SmoothTask$"]
    width, height, left, top = PLACE_PX
    subprocess.run([*search, "windowsize", width, height, "windowmove", left, top], check=True, timeout=30)


async def sit(teller: story.Story, picture: Path) -> int:
    """Start the app and the runaway, take the picture."""
    await teller.bystander.watch()
    rules = teller.logs / "portrait-rules.toml"
    rules.write_text(RULES.format(json.dumps(others())))
    app = teller.start_app("--rules", str(rules))
    runaway = None
    try:
        teller.tell(f"the app runs; {GRAPHS_S} s until its graphs have something to show")
        await asyncio.to_thread(place_window)
        await asyncio.sleep(GRAPHS_S)
        runaway = story.Runaway()
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
