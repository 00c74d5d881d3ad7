"""The jobs of ./dev, and how one of them is started.

Everything here runs on the bare system Python: the virtual environment may not exist yet, so only the standard
library is imported. A job is a module with `run(arguments) -> exit code`; it is imported when it is asked for.
"""

import importlib
import signal
import sys
import textwrap

import steps

JOBS = {
    "run": ("job_run", "build and start everything: the tray app, or a virtual desktop if there is no display"),
    "demo": ("job_demo", "start a harmless runaway process; see the alert come, act, and go"),
    "test": (
        "job_test",
        "run all test lanes, some of unit ui laboratory contract bpf bus desktop packages vm, or the quick ones",
    ),
    "lint": ("job_lint", "ruff, mypy, import contracts and the house rules"),
    "bench": ("job_bench", "measure what the project promises; build/bench.json"),
    "scenarios": ("job_scenarios", "the marks of the rules for recorded situations; --record: make them anew"),
    "exec": ("job_exec", "run a command in the project's environment; --helper: beside a real sampler"),
    "screenshots": ("job_screenshots", "make the pictures in docs/screenshots from the running app"),
    "package": ("job_package", "build and check packages: deb, rpm, arch, flatpak, wheel"),
    "release": ("job_release", "all packages from a tag, with checksums, list of parts and changelog, in dist/"),
    "freeze": ("job_freeze", "keep this version's contract for the compatibility tests, before a tag"),
    "docs": ("job_docs", "make the pages of docs/api that come from the source (dbus, records, python)"),
    "lock": ("job_lock", "pin the Python packages anew (requirements/dev.txt)"),
    "clean": ("job_clean", "remove what was built"),
}


def usage() -> str:
    """The help text, one line a job."""
    rows = [f"  ./dev {name:<12} {textwrap.fill(says, 100)}" for name, (_, says) in JOBS.items()]
    tail = "Each job installs what it needs first. ./dev JOB --help says more."
    return "\n".join(["SmoothTask, for developers:", "", *rows, "", tail])


def main(arguments: list[str]) -> int:
    """Run one job; returns its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    if not arguments or arguments[0] in {"help", "-h", "--help"}:
        print(usage())
        return 0
    name, *rest = arguments
    if name not in JOBS:
        print(f"./dev: there is no job {name!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return importlib.import_module(JOBS[name][0]).run(rest)
    except steps.StepError as error:
        print(f"\n./dev {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
