"""What ./dev run shows without a display: the app on a virtual desktop, live lines, alerts, and pictures of it.

Runs on the desk as its ordinary user. Ends after --seconds, on Ctrl-C, or with exit 1 when the app ends by itself.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIRST_PICTURE_S = 5
FOREVER = 10**9


def share(value: float | None) -> str:
    return "  - %" if value is None else f"{value * 100:3.0f} %"


def line_of(tick: dict[str, Any]) -> str:
    """One line a tick: source, system, and the three busiest processes."""
    system = tick["system"]
    used = system.get("memory_used_bytes")
    memory = "-" if used is None else f"{used / 2**30:.1f} GiB"
    busiest = sorted(tick["processes"], key=lambda row: row["cpu_ratio"] or 0, reverse=True)[:3]
    names = "  ".join(f"{row['comm']} {share(row['cpu_ratio']).strip()}" for row in busiest)
    temperatures = [sensor["celsius"] for sensor in tick["sensors"] if sensor.get("celsius") is not None]
    heat = f"  {max(temperatures):.0f} °C" if temperatures else ""
    return (
        f"{time.strftime('%H:%M:%S')}  {tick['source']:<7} cpu {share(system['cpu_busy_ratio'])}  memory {memory}{heat}"
        f"  {len(tick['processes'])} processes: {names}"
    )


def alert_of(incident: dict[str, Any]) -> str:
    """One line an incident."""
    return f"{time.strftime('%H:%M:%S')}  ALERT {incident['state']}: {incident['title']}. {incident['body']}"


def follow(words: list[str], show: Callable[[dict[str, Any]], str]) -> "subprocess.Popen[str]":
    """Start a smoothtask command that prints JSON lines, and print each as a line for people."""
    process = subprocess.Popen(["smoothtask", *words], stdout=subprocess.PIPE, text=True)

    def pass_on() -> None:
        assert process.stdout is not None
        for text in process.stdout:
            print(show(json.loads(text)), flush=True)

    threading.Thread(target=pass_on, daemon=True).start()
    return process


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=FOREVER)
    parser.add_argument("--every", type=float, default=10, help="seconds between pictures")
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("words", nargs="*", help="arguments of the app")
    chosen = parser.parse_args()
    end = time.monotonic() + chosen.seconds
    with (chosen.logs / "app.log").open("wb") as log:
        words = [Path(sys.executable).with_name("smoothtask"), *chosen.words]
        app = subprocess.Popen(words, stdout=log, stderr=log)
    started = [app, follow(["top", "--json", "--period-ms", "2000"], line_of), follow(["alerts", "--json"], alert_of)]
    next_picture = time.monotonic() + FIRST_PICTURE_S
    try:
        while time.monotonic() < end and app.poll() is None:
            try:
                app.wait(max(0, min(next_picture, end) - time.monotonic()))
            except subprocess.TimeoutExpired:
                path = chosen.pictures / time.strftime("run-%H%M%S.png")
                subprocess.run(["import", "-window", "root", path], check=False)
                print(f"{time.strftime('%H:%M:%S')}  picture: build/screenshots/{path.name}", flush=True)
                next_picture += chosen.every
    except KeyboardInterrupt:
        pass
    ended_by_itself = app.poll()
    for process in started:
        process.terminate()
        process.wait(10)
    if ended_by_itself is not None:
        print(f"the app ended by itself (exit {ended_by_itself}); the end of build/run/app.log:", file=sys.stderr)
        print((chosen.logs / "app.log").read_text(errors="replace")[-2000:], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
