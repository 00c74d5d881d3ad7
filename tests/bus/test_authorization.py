"""Who is let in: real polkit decides, and whatever isn't a clear yes is a no."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bus.boxes import Box, programs_of, wait_until
from tests.bus.stand_ins import StartStandIn

OpenBox = Callable[..., Box]

NAME = "io.github.smoothtask.Sampler1"
PROPERTIES = "org.freedesktop.DBus.Properties"
DENIED = "io.github.smoothtask.Error.NotAuthorized"
TASKS, OTHERS = 1, 1 << 16
IMPATIENT = (
    "--helper-argument=--silent-seconds", "--helper-argument=0.5",
    "--helper-argument=--prompt-seconds", "--helper-argument=1",
)  # fmt: skip
PATIENT = (
    "--helper-argument=--silent-seconds", "--helper-argument=60",
    "--helper-argument=--prompt-seconds", "--helper-argument=60",
)  # fmt: skip

ASKING = {
    "OpenStream": {"member": "OpenStream", "signature": "uu", "body": [1000, TASKS]},
    "ChangePeriod": {"member": "ChangePeriod", "signature": "tu", "body": [1, 1000]},
    "Get": {"member": "Get", "signature": "ss", "body": [NAME, "Version"], "interface": PROPERTIES},
    "GetAll": {"member": "GetAll", "signature": "s", "body": [NAME], "interface": PROPERTIES},
}


@pytest.mark.parametrize("call", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("session", ["inactive", "none"])
def test_a_user_without_an_active_session_is_refused(box: Box, session: str, call: dict[str, Any]) -> None:
    answer = box.caller("bob", session).call(**call)
    assert answer["error"] == DENIED
    assert "polkit" in answer["text"]


def test_others_in_full_need_more_than_an_active_session(box: Box) -> None:
    answer = box.caller().open(period_ms=1000, kinds=TASKS | OTHERS)
    assert answer["error"] == DENIED
    assert "monitor-others" in answer["text"]


def test_an_active_user_may_ask_for_everything_else(box: Box) -> None:
    alice = box.caller()
    for call in (ASKING["OpenStream"], ASKING["Get"], ASKING["GetAll"]):
        assert alice.call(**call)["error"] is None


@pytest.mark.parametrize("interactive", [False, True])
def test_without_polkit_everything_is_refused(open_box: OpenBox, interactive: bool) -> None:
    alice = open_box("--no-polkit", *IMPATIENT).caller()
    for call in ASKING.values():
        assert alice.call(**call, interactive=interactive)["error"] == DENIED


@pytest.mark.parametrize("mode", ["hang", "malformed", "error"])
def test_a_polkit_out_of_order_means_no_and_the_service_stays_responsive(stand_in: StartStandIn, mode: str) -> None:
    box, _ = stand_in(mode, IMPATIENT)
    alice, bob = box.caller(), box.caller("bob")
    for call in ASKING.values():
        alice.start_call(**call)
        ping = bob.call(member="Ping", interface="org.freedesktop.DBus.Peer")
        assert ping["error"] is None
        answer = alice.call(**call)
        assert answer["error"] == DENIED


def test_a_caller_that_leaves_while_polkit_thinks_gets_nothing(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("grant_later", PATIENT)
    alice, bob = box.caller(), box.caller("bob")
    second = alice.connect(connection="second")
    alice.start_call(**ASKING["OpenStream"], connection="second")
    assert polkit.next_word() == "asked"
    alice.disconnect(connection="second")
    wait_until(lambda: not box.owns_name(bob, second))
    polkit.grant()
    bob.start_call(**ASKING["Get"])  # answered after the other one would have been
    assert polkit.next_word() == "asked"
    polkit.grant()
    bob.call(member="Ping", interface="org.freedesktop.DBus.Peer")
    assert not programs_of(box.owner_pid(alice)), "nothing was loaded for a caller that isn't there"


def test_the_same_call_is_served_when_its_caller_stays(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("grant_later", PATIENT)
    alice = box.caller()
    alice.start_call(**ASKING["OpenStream"])
    assert polkit.next_word() == "asked"
    polkit.grant()
    wait_until(lambda: bool(programs_of(box.owner_pid(alice))))


def test_only_a_few_prompts_of_one_user_wait_at_a_time(stand_in: StartStandIn) -> None:
    box, polkit = stand_in("prompt_later", PATIENT)
    alice = box.caller()
    for _ in range(5):
        alice.start_call(**ASKING["Get"], interactive=True)
        assert polkit.next_word() == "asked"
    answer = alice.call(**ASKING["Get"], interactive=True)
    assert answer["error"] == "io.github.smoothtask.Error.LimitsExceeded"


def test_nobody_else_may_own_the_name(box: Box) -> None:
    answer = box.caller().call(
        member="RequestName", signature="su", body=[NAME, 0], interface="org.freedesktop.DBus",
        path="/org/freedesktop/DBus", destination="org.freedesktop.DBus",
    )  # fmt: skip
    assert answer["error"] == "org.freedesktop.DBus.Error.AccessDenied"


def test_nobody_else_can_speak_in_the_samplers_name(box: Box) -> None:
    alice, bob = box.caller("alice"), box.caller("bob")
    assert alice.listen(rule=f"type='signal',interface='{NAME}'")["error"] is None
    bob.spoof()
    bob.spoof(destination=alice.name)
    bob.call(member="Ping", interface="org.freedesktop.DBus.Peer")  # the bus has seen both by now
    alice.call(member="Ping", interface="org.freedesktop.DBus.Peer")
    assert alice.heard_signals() == 0


@pytest.mark.parametrize("rule", ["type='method_return',eavesdrop='true'", "type='method_call',eavesdrop='true'", ""])
def test_a_user_who_listens_in_on_the_bus_hears_nothing_of_what_others_ask(box: Box, rule: str) -> None:
    alice, bob = box.caller("alice"), box.caller("bob")
    bob.overhear(rule=rule)
    assert alice.open(period_ms=60_000, kinds=TASKS)["error"] is None
    assert alice.prop(name="Version")
    assert bob.call(member="Ping", interface="org.freedesktop.DBus.Peer")["error"] is None
    assert bob.what_was_overheard() == []


def test_only_root_may_watch_the_bus_itself(box: Box) -> None:
    answer = box.caller("bob").call(
        member="BecomeMonitor", signature="asu", body=[[], 0], interface="org.freedesktop.DBus.Monitoring",
        path="/org/freedesktop/DBus", destination="org.freedesktop.DBus",
    )  # fmt: skip
    assert answer["error"] == "org.freedesktop.DBus.Error.AccessDenied"


def test_polkit_is_asked_about_bus_names_never_about_process_ids() -> None:
    root = Path(__file__).parents[2]
    sources = [*root.glob("helper/**/*.py"), *root.glob("resources/**/*.policy")]
    assert sources
    assert not [path for path in sources if "unix-process" in path.read_text()]
