"""The activity tab beside the live sampler: what the kernel counts is on the screen, and no longer than it is."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.bus.agents import Agents
from tests.desktop.boxed import BoxedDesk, BoxedScene
from tests.desktop.conftest import ROOT

OPT_IN = {"syscalls", "file_activity", "run_queue", "unix_sockets"}
STATES = """
import asyncio, json
from smoothtask_gui.adapters.sampler_client import SamplerClient
facts = asyncio.run(SamplerClient().facts())
print(json.dumps([probe.name for probe in facts.probes if probe.state == "running"]))
"""
READER = """
import ctypes, socket, time
ends = socket.socketpair()
ctypes.CDLL(None).prctl(15, b"avid-reader")  # PR_SET_NAME
while True:
    open("/proc/self/exe", "rb").read(1 << 16)
    time.sleep(0.005)
"""


@pytest.fixture
def boxed() -> Iterator[BoxedScene]:
    with BoxedDesk("--accessible") as desk:
        yield BoxedScene(desk)


@pytest.fixture
def agents(boxed: BoxedScene) -> Iterator[Agents]:
    made = Agents(boxed.desk.box)
    yield made
    made.close()


def ask(scene: BoxedScene, *words: str) -> str:
    """What a Python of the person's prints."""
    return scene.desk.run(["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", *words]).stdout


def running(scene: BoxedScene) -> set[str]:
    """The opt-in probes that are in the kernel."""
    return set(json.loads(ask(scene, "-c", STATES))) & OPT_IN


def read_aloud(scene: BoxedScene) -> dict[str, list[str]]:
    """What a screen reader gets of the window."""
    return json.loads(ask(scene, "-m", "tests.desktop.screen_reader"))


def heard(scene: BoxedScene, table: str) -> list[str]:
    """The cells of a table; none while it isn't shown."""
    return read_aloud(scene).get(table, [])


def look_at_activity(scene: BoxedScene) -> None:
    """Start the app and go to its tab, once it knows of the helper."""
    scene.start_app()
    window = scene.until(scene.main_window, "the window opens")
    scene.until(scene.sampler_runs, "the app has started the helper")
    scene.desk.run(["xdotool", "windowfocus", "--sync", str(window)])
    scene.press_keys("alt+v")
    scene.until(lambda: "Nothing is counted now" in str(read_aloud(scene)), "the helper can be asked for it")


def test_the_activity_tab_shows_what_a_process_does_and_its_probes_go_when_it_is_left(boxed: BoxedScene) -> None:
    boxed.desk.spawn([sys.executable, "-I", "-c", READER], "reader.log")
    look_at_activity(boxed)
    assert not running(boxed)

    boxed.press_keys("alt+y", "alt+l", "alt+w", "alt+k")
    boxed.until(lambda: "avid-reader" in heard(boxed, "System calls of processes"), "its system calls are told")
    boxed.until(lambda: "avid-reader" in heard(boxed, "What processes do with files"), "its reading is told")
    boxed.until(lambda: "waits a second" in str(read_aloud(boxed)), "the waits for a CPU are told")
    boxed.until(lambda: "avid-reader" in heard(boxed, "Unix sockets of processes"), "its unix sockets are told")
    boxed.picture("activity-live")
    boxed.until(lambda: running(boxed) == OPT_IN, "all four run")

    boxed.press_keys("alt+o")
    boxed.until(lambda: not running(boxed), "the probes are gone")
    assert "avid-reader" not in str(read_aloud(boxed))


def test_what_all_users_do_is_shown_after_the_real_polkit_heard_an_administrators_password(
    boxed: BoxedScene, agents: Agents
) -> None:
    look_at_activity(boxed)
    boxed.press_keys("alt+y")
    boxed.until(lambda: "administrator's consent only" in str(read_aloud(boxed)), "what is withheld is named")
    assert not heard(boxed, "System calls of all processes")

    agents.answer("dismiss")
    boxed.press_keys("alt+h")
    boxed.until(lambda: "No administrator has agreed" in str(read_aloud(boxed)), "a dismissed prompt is told")
    boxed.picture("activity-refused")

    agents.answer("right")
    boxed.press_keys("alt+h")
    boxed.until(lambda: heard(boxed, "System calls of all processes"), "all users' calls are told")
    boxed.until(lambda: "administrator" not in str(read_aloud(boxed)), "nothing is withheld any more")
    boxed.picture("activity-all-users")
