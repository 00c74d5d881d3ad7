"""./dev test [LANE…] [-- PYTEST-ARGUMENT…]: run test lanes, one pytest process each, and count what they did.

Lanes that touch the kernel, the system bus or other users' processes run as root in the shared place (shared.py); the
others run as whoever asks. Where there is no way to be root, those lanes fail rather than vanish from the count.
"""

import os
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import places
import privilege
import ready
import shared
import steps

LANE_LIMIT_S = 1500
TRY_ONCE_MORE = ("--reruns=1", "--reruns-delay=5", "-rR")
"""In CI, where machines are shared: what fails is tried again, once, and named in the lane's summary as RERUN."""


SIDE_BY_SIDE = ("--numprocesses=3", "--dist=loadscope")
"""A worker for each guest: while the tests of one wait, the others' work (tests/vm/conftest.py)."""


@dataclass(frozen=True, slots=True)
class Lane:
    needs: frozenset[str]
    root: bool
    slow: bool = False
    """Not one of the quick lanes: minutes that a small change needn't wait for."""
    options: tuple[str, ...] = ()
    """Of pytest, before those that the person gives."""


LANES = {
    "unit": Lane(frozenset({"unit"}), root=False),
    "ui": Lane(frozenset(), root=False),
    "laboratory": Lane(frozenset(), root=False),
    "contract": Lane(frozenset({"cc", "bpf", "box"}), root=False),
    "bpf": Lane(frozenset({"bpf", "cc", "bcc", "kernel"}), root=True),
    "bus": Lane(frozenset({"bpf", "box", "examples"}), root=True),
    "desktop": Lane(frozenset({"bpf", "box", "desk"}), root=True),
    "packages": Lane(frozenset({"bpf", "box", "packages", "vm"}), root=True, slow=True),
    "vm": Lane(frozenset({"bpf", "cc", "packages", "vm"}), root=False, slow=True, options=SIDE_BY_SIDE),
}


@dataclass(frozen=True, slots=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(arguments: list[str]) -> int:
    """Run the lanes; 0 if every test of every lane passed."""
    names, extra = split(arguments)
    if "-h" in names or "--help" in names:
        slow = " and ".join(name for name, lane in LANES.items() if lane.slow)
        print(f"./dev test [LANE…] [-- PYTEST-ARGUMENT…]\nlanes: {' '.join(LANES)}; by default all of them, one by one")
        print(f"quick: all but {slow}, which take minutes")
        return 0
    if names == ["quick"]:
        names = [name for name, lane in LANES.items() if not lane.slow]
    if unknown := [name for name in names if name not in LANES]:
        print(f"./dev test: there is no lane {unknown[0]!r}; there are {', '.join(LANES)}.", file=sys.stderr)
        return 2
    chosen = names or list(LANES)
    if any(LANES[name].root for name in chosen):
        privilege.ask_once()
    ready.ensure(set().union(*(LANES[name].needs for name in chosen if not LANES[name].slow)))
    counts = {}
    for name in chosen:
        steps.say(f"lane {name}")
        counts[name] = run_lane(name, extra)
    print("\nlanes:")
    for name, count in counts.items():
        print(f"  {name:<10} {count}")
    total = sum(counts.values(), Count())
    print(f"\n{total}")
    (places.BUILD / "test-count").write_text(f"{total}\n")  # .ci/run closes with it
    return 1 if total.failed else 0


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """(lanes, what follows --)."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def run_lane(name: str, extra: list[str]) -> Count:
    """One lane's count; a lane that can't be set up or run, hangs or breaks off counts as one failure.

    A slow lane's set-up takes minutes, too, and asks more of a machine: it follows what the quick ones found.
    """
    lane = LANES[name]
    if lane.root and not privilege.can_be_root():
        print(f"lane {name} needs root or sudo, and there is neither: counted as failed.")
        return Count(failed=1)
    if lane.slow:
        try:
            ready.ensure(set(lane.needs))
        except steps.StepError as error:
            print(f"lane {name} can't be set up: counted as failed. {error}")
            return Count(failed=1)
    report = places.BUILD / "junit" / f"{name}.xml"
    report.unlink(missing_ok=True)
    report.parent.mkdir(exist_ok=True)
    pytest: list[str | Path] = [places.PYTHON, "-m", "pytest", places.TOP / "tests" / name, f"--junitxml={report}"]
    pytest += ["-p", "no:cacheprovider", "-o", "faulthandler_timeout=300", *lane.options, *extra]
    if os.environ.get("CI") == "true":
        pytest += TRY_ONCE_MORE
    with tempfile.TemporaryDirectory(prefix="smoothtask-home-") as home:
        Path(home).chmod(0o755)
        command = shared.command(pytest) if lane.root else list(map(str, pytest))
        code = steps.bounded(command, LANE_LIMIT_S, surroundings(Path(home)))
    return judge(name, code, report)


def surroundings(home: Path) -> dict[str, str]:
    """The environment of a lane: a home of its own, no display and no session bus of the person who tests."""
    runtime = home / "run"
    runtime.mkdir(mode=0o700)
    dropped = {"DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "XAUTHORITY"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("XDG_")}
    path = f"{places.VENV / 'bin'}:{os.environ['PATH']}"
    fixed = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
    return kept | fixed | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def judge(name: str, code: int, report: Path) -> Count:
    """What the lane's report counts; a bad exit code without a failed test is a failure of its own."""
    if code == steps.TOO_LONG:
        print(f"lane {name} took longer than {LANE_LIMIT_S} s and was ended.")
    if not report.exists():
        print(f"lane {name} broke off (exit {code}) before it could report.")
        return Count(failed=1)
    suites = ET.parse(report).getroot().iter("testsuite")
    total = Count()
    for suite in suites:
        tests, skipped = int(suite.get("tests", "0")), int(suite.get("skipped", "0"))
        failed = int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
        total += Count(max(tests - failed - skipped, 0), failed, skipped)
    if code and not total.failed:
        print(f"lane {name}: pytest ended with exit {code}{' (no tests)' if code == 5 else ''}: counted as failed.")
        return total + Count(failed=1)
    return total
