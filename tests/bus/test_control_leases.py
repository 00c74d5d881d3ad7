"""A pause is a lease: what ends it, and that Control stays for it and no longer."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bus.acting import (
    NAME,
    SLEEPING,
    act,
    control_pid,
    refusal,
    until_running,
    until_stopped,
)  # fmt: skip
from tests.bus.boxes import Box, wait_until
from tests.fakes.processes import state_of

OpenBox = Callable[..., Box]
QUICK = ("--control-argument=--idle-seconds", "--control-argument=0.3")


@pytest.fixture
def box(control_box: Box) -> Box:
    return control_box


def test_a_pause_ends_with_its_time(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    assert act(alice, "Pause", victim, 1)["error"] is None
    until_stopped(victim)
    until_running(victim)


def test_a_pause_ends_with_its_callers_connection(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    alice.connect(connection="second")
    assert act(alice, "Pause", victim, 3600, connection="second")["error"] is None
    until_stopped(victim)
    alice.disconnect(connection="second")
    until_running(victim)


def test_a_pause_ends_with_its_callers_process_even_if_that_is_killed(box: Box) -> None:
    alice, other = box.caller(), box.caller()
    victim = other.start(words=SLEEPING)
    act(alice, "Pause", victim, 3600)
    until_stopped(victim)
    app = box.owner_pid(other, alice.name)
    os.kill(app, signal.SIGKILL)
    until_running(victim)
    box.callers.remove(alice)
    alice.process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_pause_ends_with_control_however_it_ends(open_box: OpenBox, how: signal.Signals) -> None:
    box = open_box()
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    act(alice, "Pause", victim, 3600)
    until_stopped(victim)
    os.kill(control_pid(box, alice), how)
    until_running(victim)


def test_if_the_keeper_dies_control_ends_and_what_it_paused_goes_on(open_box: OpenBox) -> None:
    box = open_box()
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    act(alice, "Pause", victim, 3600)
    until_stopped(victim)
    pid = control_pid(box, alice)
    os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text()), signal.SIGKILL)
    until_running(victim)
    wait_until(lambda: state_of(pid) == "", seconds=30)


def test_control_stays_while_something_is_paused_and_ends_when_idle(open_box: OpenBox) -> None:
    box = open_box(*QUICK)
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    act(alice, "Pause", victim, 2)
    until_stopped(victim)
    pid = box.owner_pid(alice, NAME)
    until_running(victim)
    assert state_of(pid) not in {"", "Z"}
    wait_until(lambda: not box.owns_name(alice, NAME), seconds=30)
    assert act(alice, "Terminate", victim)["error"] is None, "it is started again when called"


def test_who_paused_it_may_resume_it_without_a_password_and_nobody_elses_pause(box: Box) -> None:
    alice, bob, root = box.caller(), box.caller("bob"), box.caller("root", "none")
    victim = alice.start(words=SLEEPING)
    assert act(root, "Pause", victim, 600)["error"] is None
    until_stopped(victim)
    assert refusal(act(bob, "Resume", victim)) == "NotAuthorized"
    assert state_of(victim["pid"]) == "T"
    assert act(root, "Resume", victim)["error"] is None
    until_running(victim)
