"""The notification on the screen, as a person sees and clicks it: found by its window, its buttons by their outline."""

import subprocess
import time
from itertools import groupby

DAEMON = "notifyd"  # the window class of xfce4-notifyd, which shows real buttons
ABOVE_BOTTOM_PX = 31  # the middle of the row of buttons
LEAST_BUTTON_PX = 30


def output(*command: str) -> bytes:
    """What a tool prints, empty if it finds nothing."""
    return subprocess.run(command, capture_output=True, check=False).stdout


def place() -> tuple[int, int, int, int] | None:
    """(left, top, width, height) of the newest notification on the screen."""
    for window in reversed(output("xdotool", "search", "--onlyvisible", "--class", DAEMON).split()):
        shell = output("xdotool", "getwindowgeometry", "--shell", window.decode()).decode()
        values = dict(line.split("=", 1) for line in shell.splitlines())
        if int(values.get("WIDTH", 0)) > 100:
            return int(values["X"]), int(values["Y"]), int(values["WIDTH"]), int(values["HEIGHT"])
    return None


def buttons() -> list[tuple[int, int]]:
    """The middles of the buttons of the newest notification, left to right."""
    if (found := place()) is None:
        return []
    left, top, width, height = found
    row = top + height - ABOVE_BOTTOM_PX
    crop = f"{width - 4}x1+{left + 2}+{row}"
    grey = output("import", "-window", "root", "-crop", crop, "-depth", "8", "gray:-")
    middles, at = [], left + 2
    for is_paper, run in groupby(pixel >= 254 for pixel in grey):
        length = len(list(run))
        if not is_paper and length >= LEAST_BUTTON_PX:
            middles.append((at + length // 2, row))
        at += length
    return middles


def drawn(count: int, patience_s: float = 5.0) -> list[tuple[int, int]]:
    """The middles of the buttons once all `count` of them are drawn and stand still; empty if they don't come."""
    deadline = time.monotonic() + patience_s
    before: list[tuple[int, int]] = []
    while time.monotonic() < deadline:
        seen = buttons()
        if len(seen) == count and seen == before:
            return seen
        before = seen
        time.sleep(0.15)
    return []


def click(place_px: tuple[int, int]) -> None:
    """One click with the left button."""
    subprocess.run(["xdotool", "mousemove", *map(str, place_px), "click", "1"], check=True)
