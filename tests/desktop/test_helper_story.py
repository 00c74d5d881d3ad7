"""The whole chain: real eBPF in the real kernel, the sampler, an ordinary user's app, a notification, a button."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.desktop.boxed import BoxedDesk, BoxedScene
from tests.desktop.conftest import RUNAWAY_RULES

LIMIT_BYTES = 30 << 20
GREEDY = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, sys.argv[1].encode())  # PR_SET_NAME
sys.stdin.readline()
held = bytearray(200 << 20)
"""


@pytest.fixture
def boxed() -> Iterator[BoxedScene]:
    with BoxedDesk() as desk:
        scene = BoxedScene(desk)
        scene.rules.write_text(f"{RUNAWAY_RULES}ignore = {json.dumps(others())}\n")
        yield scene


def others() -> list[str]:
    """Names of what runs on this machine already: eBPF sees it all, and it may be busy without being this test's."""
    names = {"python", "python3", "sh", "bash"}
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            names.add(comm.read_text().strip())
    return sorted(name for name in names if "/" not in name and name != "spinner")[:256]  # kernel threads have slashes


@contextmanager
def small_cgroup() -> Iterator[Path]:
    """A memory cgroup of LIMIT_BYTES, of version 1 or 2; removed afterwards."""
    top = Path("/sys/fs/cgroup")
    first = top / "memory"
    parent, knob = (first, "memory.limit_in_bytes") if first.is_dir() else (top, "memory.max")
    if parent is top:
        (top / "cgroup.subtree_control").write_text("+memory")
    group = parent / f"smoothtask-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / knob).write_text(str(LIMIT_BYTES))
        yield group
    finally:
        for _ in range(100):  # the kernel lets go of dead processes a little later
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.02)


def test_an_ordinary_users_runaway_is_named_and_stopped_with_the_real_helper(boxed: BoxedScene) -> None:
    app = boxed.start_app("--hidden")
    boxed.wait_for_icon()
    boxed.until(boxed.sampler_runs, "the app has started the helper")
    runaway = boxed.start_runaway()
    boxed.until(lambda: boxed.notified(r'string "spinner [^"]*cores?'), "a notification names the process")
    boxed.press("Stop", "spinner")
    assert boxed.until(runaway.poll, "the process ends") == -signal.SIGTERM
    boxed.until(lambda: boxed.notified(r'string "spinner (ended|calmed)'), "it is over")
    assert "readings come from" not in boxed.said()
    app.terminate()
    assert app.wait(60) == 0


def test_a_killed_helper_is_told_and_comes_back(boxed: BoxedScene) -> None:
    boxed.start_app()
    boxed.until(boxed.main_window, "the window opens")
    boxed.until(boxed.sampler_runs, "the app has started the helper")
    killed = boxed.sampler_pid()
    time.sleep(1.5)  # several ticks: the helper is at work, not in its start
    os.kill(killed, signal.SIGKILL)
    boxed.until(lambda: "readings come from /proc: The helper closed the stream" in boxed.said(), "it is told")
    boxed.picture("helper-killed")
    boxed.until(lambda: "readings come from the helper: The helper answers now" in boxed.said(), "it came back")
    assert boxed.sampler_pid() != killed
    boxed.picture("helper-back")


def test_an_oom_kill_is_notified_with_its_victims_name(boxed: BoxedScene) -> None:
    boxed.start_app("--hidden")
    boxed.wait_for_icon()
    boxed.until(boxed.sampler_runs, "the app has started the helper")
    with small_cgroup() as group:
        victim = boxed.desk.spawn([sys.executable, "-I", "-c", GREEDY, "greedy-one"], "victim.log")
        name = Path(f"/proc/{victim.pid}/comm")
        boxed.until(lambda: name.read_text().strip() == "greedy-one", "the victim has its name")
        (group / "cgroup.procs").write_text(str(victim.pid))
        time.sleep(2.5)  # two ticks: before Linux 6.9 the event has only the pid, the snapshot the name
        assert victim.stdin is not None
        victim.stdin.write(b"go\n")
        victim.stdin.close()
        assert victim.wait(20) == -signal.SIGKILL
    boxed.until(lambda: boxed.notified(r'string "The kernel stopped greedy-one to free memory'), "the victim is named")
