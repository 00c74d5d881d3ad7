"""./dev screenshots: make the README's picture from the running app; draw every window for people to look at.

docs/screenshots/window.png shows the real app on a virtual desktop beside the real sampler. build/screenshots gets each
window with demanding, made-up content (shots.py).
"""

import os
import shutil

import job_run
import places
import stage
import steps

KEPT = places.TOP / "docs" / "screenshots"


def run(arguments: list[str]) -> int:
    """Make them; 1 if the app didn't come to the point."""
    if arguments:
        print("usage: ./dev screenshots\n" + (__doc__ or "").partition("\n")[2].rstrip())
        return 0 if arguments in (["-h"], ["--help"]) else 2
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        os.environ.pop(name, None)  # the same picture everywhere
    where = stage.set_up()
    new = stage.PICTURES / "window.png"
    new.unlink(missing_ok=True)  # another user's, left by the desktop lane
    portrait = [places.PYTHON, "-B", places.TOOLS / "demo" / "portrait.py", stage.RUN, new]
    if job_run.attended(where.command(list(portrait))):
        return 1
    KEPT.mkdir(exist_ok=True)
    shutil.copyfile(new, KEPT / "window.png")
    env = os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(places.TOP)}
    steps.logged("shots", [places.PYTHON, places.TOOLS / "shots.py"], "drawing every window", env=env)
    return 0
