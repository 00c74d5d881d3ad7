"""./dev bench [NAME…]: measure the promises. Prints a table; build/bench.json holds the rows for machines.

Each benchmark is benchmarks/NAME.py with `measure() -> list[Row]`, run as root in a process of its own, one after
another: they would disturb each other. A benchmark that fails is a promise not kept.
"""

import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import places
import privilege
import ready
import shared
import steps

NAMES = (
    "snapshot",
    "network",
    "start_up",
    "loaders",
    "sampler",
    "app",
    "hardware",
    "events",
    "storm",
    "exec_storm",
    "others",
    "activity",
    "apps",
    "rules",
    "quiet_tick",
    "bus_flood",
    "history",
    "guest_messages",
)
NEEDS = {"guest_messages": {"vm"}}
"""What is made ready when it is a benchmark's turn, as it takes minutes or can't be had on every machine."""
LIMIT_S = 900


def run(arguments: list[str]) -> int:
    """Measure; 0 if every promise measured is kept."""
    if unknown := [name for name in arguments if name not in NAMES]:
        print(f"./dev bench [NAME…]: {', '.join(NAMES)}")
        return 0 if unknown[0] in {"-h", "--help"} else 2
    privilege.ask_once()
    ready.ensure({"bpf", "box", "desk", "cc", "bcc"})
    sys.path.insert(0, str(places.TOP))
    from benchmarks import load, row

    load.build()
    rows: list[row.Row] = []
    for name in arguments or NAMES:
        steps.say(f"measuring {name}")
        rows += row.from_json(one(name))
        print(row.table(rows), flush=True)
    machine = {"kernel": platform.release(), "cores": os.cpu_count(), "python": platform.python_version()}
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}
    as_rows = [json.loads(line) for line in row.as_json(rows).splitlines()]
    (places.BUILD / "bench.json").write_text(json.dumps(report | {"rows": as_rows}, indent=2) + "\n")
    broken = [found.name for found in rows if found.met is False]
    print(f"\n{len(broken)} promises not kept: {'; '.join(broken)}" if broken else "\nevery promise kept")
    return 1 if broken else 0


def one(name: str) -> str:
    """A benchmark's rows as JSON Lines; one row that says so if it broke."""
    try:
        ready.ensure(NEEDS.get(name, set()))
    except steps.StepError as error:
        return unmeasured(name, str(error))
    with tempfile.TemporaryDirectory(prefix="smoothtask-bench-") as folder:
        out = Path(folder) / "rows"
        command = shared.command([places.PYTHON, "-m", "benchmarks", name, out])
        code = steps.bounded(command, LIMIT_S)
        if code == 0:
            return out.read_text()
    why = f"took longer than {LIMIT_S} s" if code == steps.TOO_LONG else f"broke off (exit {code})"
    return unmeasured(name, why)


def unmeasured(name: str, why: str) -> str:
    """The row of a promise that could not be measured."""
    row = {"name": name, "measured": None, "unit": "", "sense": "at most", "reach": 0, "note": why}
    return json.dumps(row | {"met": False})
