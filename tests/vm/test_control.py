"""Control from its package under its unit: another user's process and unit, with polkit's prompt answered."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

import pytest

from tests.vm.agents import answering
from tests.vm.packages import APP
from tests.vm.services import ACTIVE, CONTROL, ping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.vm.agents import Agent
    from tests.vm.conftest import Machine

on_each_systemd = pytest.mark.parametrize("machine", ["debian12", "newest"], indirect=True)
"""Each kind of deed once within the unit as each makes it."""
on_one = pytest.mark.parametrize("machine", ["newest"], indirect=True)
"""What is between people, polkit and Control's own code."""

VICTIM: Final = "st-victim.service"
UNLIMITED: Final = "max 100000"
PAUSED: Final = """
exec 2>&1
{act} pause {pid} --seconds {seconds} >/tmp/st-said 2>&1 &
until grep -q '^State:.T' /proc/{pid}/status; do kill -0 $! || exec cat /tmp/st-said; sleep 0.3; done
{then}
while grep -q '^State:.T' /proc/{pid}/status; do sleep 0.5; done
echo goes on
pkill -u alice -f '[s]moothtask.* act pause' || true
wait $! || true
cat /tmp/st-said
"""
"""Alice's command pauses a process in the background; something happens; it goes on."""


@pytest.fixture
def victim(installed: Machine) -> Iterator[int]:
    """The process of a unit of the system that runs as bob."""
    installed.sh(f"systemd-run --quiet --unit {VICTIM} --property User=bob sleep 600")
    yield int(installed.sh(f"systemctl show -P MainPID {VICTIM}"))
    installed.sh(f"systemctl stop {VICTIM} 2>/dev/null || true; systemctl reset-failed")


@pytest.fixture(scope="module")
def waiting_agent(installed: Machine) -> Iterator[Agent]:
    with answering(installed, "right") as one:
        yield one


@pytest.fixture
def agent(waiting_agent: Agent) -> Agent:
    """One that knows the password and has shown nothing yet; a session has one agent, so others come before."""
    waiting_agent.forget()
    return waiting_agent


def command(machine: Machine) -> str:
    """Alice's `smoothtask act`."""
    return f"{ACTIVE} {APP[machine.name]} act"


def act(machine: Machine, *words: object) -> str:
    """What it says; its last line is "exit N" if it fails."""
    said = machine.sh(f"{command(machine)} {shlex.join(map(str, words))} 2>&1 || echo exit $?")
    return said.strip()


def paused(machine: Machine, pid: int, seconds: int, then: str) -> str:
    """What the command that pauses it says, after "goes on"."""
    script = PAUSED.format(act=command(machine), pid=pid, seconds=seconds, then=then)
    return machine.sh(f"timeout 240 sh -uc {shlex.quote(script)}")


def lives(machine: Machine, pid: int) -> bool:
    return machine.sh(f"grep -s '^State:.[^ZX]' /proc/{pid}/status || true") != ""


def until_gone(machine: Machine, pid: int) -> None:
    machine.sh(f"timeout 60 sh -c 'while grep -qs \"^State:.[^ZX]\" /proc/{pid}/status; do sleep 0.1; done'")


@on_one
@pytest.mark.parametrize("mode", ["wrong", "dismiss"])
def test_without_the_right_password_nothing_is_done_and_it_is_said_why(
    installed: Machine, victim: int, mode: str
) -> None:
    with answering(installed, mode) as agent:
        said = act(installed, "kill", victim)
        assert len(agent.prompts()) == 1
    assert said.splitlines()[-1] == "exit 1"
    assert "It takes an administrator's password" in said
    assert lives(installed, victim)


@on_each_systemd
def test_the_prompt_names_pid_owner_and_program_and_the_right_password_ends_the_process(
    installed: Machine, agent: Agent, victim: int
) -> None:
    assert act(installed, "stop", victim) == "sleep was asked to end."
    (shown,) = agent.prompts()
    assert shown["action"] == "io.github.smoothtask.control-others"
    asked = f"Authentication is required for “Terminate” on process {victim} of bob, sleep (/usr/bin/sleep)"
    assert shown["text"] == asked
    until_gone(installed, victim)


@on_one
def test_kill_ends_it_at_once(installed: Machine, agent: Agent, victim: int) -> None:
    assert "exit" not in act(installed, "kill", victim)
    until_gone(installed, victim)
    assert installed.sh(f"systemctl show -P Result {VICTIM}").strip() == "signal"
    assert len(agent.prompts()) == 1


@on_each_systemd
def test_a_lease_that_is_over_lets_the_process_go_on(installed: Machine, agent: Agent, victim: int) -> None:
    said = paused(installed, victim, 5, ":")
    assert said.splitlines()[0] == "goes on"
    assert "is paused" in said
    assert len(agent.prompts()) == 1


@on_one
def test_resume_ends_a_pause(installed: Machine, agent: Agent, victim: int) -> None:
    said = paused(installed, victim, 600, f"{command(installed)} resume {victim}")
    assert "goes on" in said.splitlines()
    assert [one["text"].partition("”")[0].partition("“")[2] for one in agent.prompts()] == ["Pause", "Resume"]


@on_one
@pytest.mark.usefixtures("agent")
def test_a_paused_process_goes_on_when_who_paused_it_is_killed(installed: Machine, victim: int) -> None:
    words = f"[s]moothtask.* act pause {victim}"
    assert "goes on" in paused(installed, victim, 600, f"pkill -KILL -u alice -f '{words}'").splitlines()


@on_one
@pytest.mark.usefixtures("agent")
def test_a_paused_process_goes_on_when_control_is_killed_and_control_comes_back(
    installed: Machine, victim: int
) -> None:
    before = ping(installed, CONTROL)
    assert "goes on" in paused(installed, victim, 600, f"kill -KILL {before}").splitlines()
    assert ping(installed, CONTROL) not in (0, before)


@on_each_systemd
def test_niceness_and_io_class_are_set_for_the_process_of_another(
    installed: Machine, agent: Agent, victim: int
) -> None:
    assert act(installed, "priority", victim, 15, "--io", "idle") == "sleep has niceness 15 now; it had 0."
    assert installed.sh(f"ps -o ni= -p {victim}; ionice -p {victim}").split() == ["15", "idle"]
    assert len(agent.prompts()) == 1


@on_each_systemd
def test_a_unit_of_the_system_is_limited_in_the_kernel_and_freed_again(
    installed: Machine, agent: Agent, victim: int
) -> None:
    quota = f"cat /sys/fs/cgroup/system.slice/{VICTIM}/cpu.max 2>/dev/null || echo {UNLIMITED}"
    assert re.search("30 % of a CPU", act(installed, "limit", victim, 30))
    assert installed.sh(quota).strip() == "30000 100000"
    assert "isn't limited" in act(installed, "limit", victim, "off")
    installed.sh(f"timeout 60 sh -c 'until ({quota}) | grep -q max; do sleep 0.1; done'")
    texts = [one["text"] for one in agent.prompts()]
    assert len(texts) == 2
    assert all(VICTIM in text for text in texts)
