"""Polkit decides what Control does: the real one with a real password, and stand-ins that misbehave."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.acting import MORE, SLEEPING, act, call, is_untouched, ping, refusal, setuid_sleep, until_stopped
from tests.bus.agents import Agents
from tests.bus.boxes import Box, wait_until
from tests.bus.stand_ins import StartStandIn
from tests.fakes.processes import USUAL_NICE, nice_of

OpenBox = Callable[..., Box]
IMPATIENT = (
    "--control-argument=--silent-seconds", "--control-argument=0.5",
    "--control-argument=--prompt-seconds", "--control-argument=1",
)  # fmt: skip
PATIENT = (
    "--control-argument=--silent-seconds", "--control-argument=60",
    "--control-argument=--prompt-seconds", "--control-argument=60",
)  # fmt: skip
OWN, OTHERS = "io.github.smoothtask.control-own", "io.github.smoothtask.control-others"


@pytest.mark.parametrize("interactive", [False, True])
def test_without_polkit_everything_is_refused(open_box: OpenBox, interactive: bool) -> None:
    alice = open_box("--no-polkit", *IMPATIENT).caller()
    victim = alice.start(words=SLEEPING)
    told = {member: refusal(alice.call(**call(member, victim, interactive=interactive))) for member in MORE}
    assert told == dict.fromkeys(MORE, "NotAuthorized")
    assert is_untouched(victim)
    assert nice_of(victim["pid"]) == USUAL_NICE


@pytest.mark.parametrize("mode", ["hang", "malformed", "error"])
def test_a_polkit_out_of_order_means_no_and_the_service_stays_responsive(stand_in: StartStandIn, mode: str) -> None:
    box, _ = stand_in(mode, IMPATIENT)
    alice, bob = box.caller(), box.caller("bob")
    victim = alice.start(words=SLEEPING)
    for member in MORE:
        alice.start_call(**call(member, victim, interactive=True))
        assert ping(bob)["error"] is None
        assert refusal(act(alice, member, victim)) == "NotAuthorized"
    assert is_untouched(victim)
    assert nice_of(victim["pid"]) == USUAL_NICE


def test_a_prompt_names_operation_process_owner_and_program(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("prompt_later", PATIENT)
    alice, bob = box.caller(), box.caller("bob")
    victim = bob.start(words=SLEEPING)
    alice.start_call(**call("Kill", victim, interactive=True))
    asked = polkit.asked()
    assert asked["action"] == OTHERS
    assert asked["details"] == {
        "operation": "Kill", "pid": str(victim["pid"]), "owner": "bob", "executable": "sleep",
    }  # fmt: skip
    polkit.grant()
    assert bob.ended(pid=victim["pid"]) == -signal.SIGKILL


def test_a_hostile_name_is_bounded_and_inert_in_the_prompt(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("prompt_later", PATIENT)
    alice, bob = box.caller(), box.caller("bob")
    hostile = "\x1b[2J\n\u202e$(owner)" + "A" * 4096
    victim = bob.start(words=["bash", "-c", f"exec -a '{hostile}' sleep 600"])
    wait_until(lambda: hostile.encode() in Path(f"/proc/{victim['pid']}/cmdline").read_bytes())
    alice.start_call(**call("Kill", victim, interactive=True))
    program = polkit.asked()["details"]["executable"]
    assert program.startswith("sleep (")
    assert program.isprintable()
    assert len(program.encode()) <= 256
    polkit.grant()
    assert bob.ended(pid=victim["pid"]) == -signal.SIGKILL


def test_a_caller_that_leaves_while_polkit_thinks_gets_nothing_done(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("prompt_later", PATIENT)
    alice, bob = box.caller(), box.caller("bob")
    victim = bob.start(words=SLEEPING)
    for member in MORE:
        second = alice.connect(connection="second")
        alice.start_call(**call(member, victim, interactive=True), connection="second")
        polkit.asked()
        alice.disconnect(connection="second")
        wait_until(lambda name=second: not box.owns_name(bob, name), seconds=30)
        polkit.grant()
        assert ping(bob)["error"] is None
    assert is_untouched(victim)
    assert nice_of(victim["pid"]) == USUAL_NICE


def test_what_was_asked_is_done_and_nothing_that_was_asked_meanwhile(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("prompt_later", PATIENT)
    alice, bob = box.caller(), box.caller("bob")
    meant, other = bob.start(words=SLEEPING), bob.start(words=SLEEPING)
    alice.start_call(**call("Terminate", meant, interactive=True))
    polkit.asked()
    assert refusal(act(alice, "Kill", other)) == "NotAuthorized"
    assert refusal(act(alice, "Kill", meant)) == "NotAuthorized"
    polkit.grant()
    assert bob.ended(pid=meant["pid"]) == -signal.SIGTERM
    assert is_untouched(other)


def test_a_process_that_took_over_other_rights_during_the_call_is_left_alone(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("grant_later", PATIENT)
    alice = box.caller()
    program = setuid_sleep(box)
    for number, member in enumerate(MORE):
        victim = alice.start(words=["sh", "-c", f"read line; exec {program} 600"])
        alice.later(number=number, **call(member, victim))
        assert polkit.asked()["action"] == OWN
        alice.tell(pid=victim["pid"])
        status = Path(f"/proc/{victim['pid']}/status")
        wait_until(lambda status=status: "\t0\t0\t" in status.read_text(), seconds=30)
        polkit.grant()
        assert refusal(alice.answer(number=number)) == "Changed"
        assert is_untouched(victim)
        assert nice_of(victim["pid"]) == USUAL_NICE


def test_only_a_few_prompts_of_one_user_wait_at_a_time(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("prompt_later", PATIENT)
    alice, bob = box.caller(), box.caller("bob")
    victim = bob.start(words=SLEEPING)
    for _ in range(5):
        alice.start_call(**call("Kill", victim, interactive=True))
        polkit.asked()
    assert refusal(alice.call(**call("Kill", victim, interactive=True))) == "LimitsExceeded"
    assert is_untouched(victim)


class Prompts(Agents):
    """A box of its own, whose prompts are answered."""

    def __init__(self, box: Box) -> None:
        super().__init__(box.held)
        self.box = box


@pytest.fixture
def prompts(open_box: OpenBox) -> Iterator[Prompts]:
    made = Prompts(open_box())
    yield made
    made.close()


def test_with_the_right_password_it_is_done_and_the_prompt_said_to_what(prompts: Prompts) -> None:
    box = prompts.box
    alice, bob = box.caller(), box.caller("bob")
    agent = prompts.answer("right")
    victim = bob.start(words=SLEEPING)
    answer = alice.call(**call("Pause", victim, 600, interactive=True))
    assert answer["error"] is None
    until_stopped(victim)
    assert agent.stdout is not None
    shown = json.loads(agent.stdout.readline())
    assert shown["action"] == OTHERS
    pid = victim["pid"]
    assert shown["text"] == f"Authentication is required for “Pause” on process {pid} of bob, sleep"
    assert act(alice, "Resume", victim)["error"] is None, "undoing one's own pause takes no password"
    assert refusal(act(alice, "Kill", victim)) == "NotAuthorized", "nothing is kept"


@pytest.mark.parametrize("mode", ["wrong", "dismiss", "crash"])
def test_a_prompt_that_isnt_answered_rightly_is_a_no(prompts: Prompts, mode: str) -> None:
    box = prompts.box
    alice, bob = box.caller(), box.caller("bob")
    prompts.answer(mode)
    victim = bob.start(words=SLEEPING)
    assert refusal(alice.call(**call("Kill", victim, interactive=True))) == "NotAuthorized"
    assert is_untouched(victim)


def test_a_person_is_asked_only_if_the_caller_allowed_it(prompts: Prompts) -> None:
    box = prompts.box
    alice, bob = box.caller(), box.caller("bob")
    prompts.answer("right")
    victim = bob.start(words=SLEEPING)
    assert refusal(act(alice, "Kill", victim)) == "NotAuthorized"
    assert is_untouched(victim)
