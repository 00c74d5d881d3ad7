"""`smoothtask act` on others' processes: through Control, by the real polkit, with its prompt."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.acting import SLEEPING, is_untouched, until_running, until_stopped
from tests.bus.boxes import Box, wait_until
from tests.bus.test_command_line import smoothtask, started
from tests.bus.test_control_authorization import Prompts
from tests.fakes.processes import USUAL_NICE, nice_of

OpenBox = Callable[..., Box]


@pytest.fixture
def prompts(open_box: OpenBox) -> Iterator[Prompts]:
    made = Prompts(open_box())
    yield made
    made.close()


def test_without_an_administrators_password_nothing_is_done_and_the_reason_is_said(control_box: Box) -> None:
    victim = control_box.caller("bob").start(words=SLEEPING)
    for verb in (["kill"], ["stop"], ["pause"], ["resume"]):
        done = smoothtask(control_box, "act", *verb, str(victim["pid"]))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert "administrator" in done.stderr
    assert is_untouched(victim)


def test_with_it_the_process_ends(prompts: Prompts) -> None:
    bob = prompts.box.caller("bob")
    prompts.answer("right")
    victim = bob.start(words=SLEEPING)
    done = smoothtask(prompts.box, "act", "stop", str(victim["pid"]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "sleep was asked to end.\n", "")
    assert bob.ended(pid=victim["pid"]) == -signal.SIGTERM


def test_nobody_is_asked_if_that_isnt_wanted(prompts: Prompts) -> None:
    victim = prompts.box.caller("bob").start(words=SLEEPING)
    prompts.answer("right")
    done = smoothtask(prompts.box, "act", "kill", str(victim["pid"]), "--no-prompt")
    assert done.returncode == 1
    assert is_untouched(victim)


def test_a_pause_of_anothers_process_ends_with_the_command(prompts: Prompts) -> None:
    victim = prompts.box.caller("bob").start(words=SLEEPING)
    prompts.answer("right")
    with started(prompts.box, "act", "pause", str(victim["pid"])) as pausing:
        assert pausing.stdout is not None
        assert "is paused" in pausing.stdout.readline()
        until_stopped(victim)
        pausing.terminate()
    until_running(victim)


def test_ones_own_process_gets_its_priority_back_without_being_asked(control_box: Box) -> None:
    """Only root may raise a priority: Control does, as far as the user has it elsewhere."""
    victim = control_box.caller().start(words=SLEEPING)
    for nice in (19, USUAL_NICE):
        done = smoothtask(control_box, "act", "priority", str(victim["pid"]), str(nice))
        assert (done.returncode, done.stderr) == (0, "")
        assert nice_of(victim["pid"]) == nice
    done = smoothtask(control_box, "act", "priority", str(victim["pid"]), "-5")
    assert done.returncode == 1
    assert nice_of(victim["pid"]) == USUAL_NICE


def test_without_the_helper_its_package_is_named(open_box: OpenBox) -> None:
    box = open_box("--no-helper")
    with subprocess.Popen(box.held.command(*SLEEPING, user="bob")) as victim:
        wait_until(lambda: Path(f"/proc/{victim.pid}/comm").read_text() == "sleep\n", seconds=30)
        done = smoothtask(box, "act", "kill", str(victim.pid))
        assert done.returncode == 1
        assert "smoothtask-helper" in done.stderr
        assert victim.poll() is None
        victim.kill()
