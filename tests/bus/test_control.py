"""Control on a real bus: what it does for whom, what it never does, and that what it paused goes on."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helper.probes.program import INITIAL_PID_NAMESPACE, OWN_PID_NAMESPACE
from tests.bus.acting import (
    MORE,
    NAME,
    PATH,
    SLEEPING,
    act,
    call,
    control_pid,
    identity,
    is_untouched,
    limit,
    ping,
    refusal,
    setuid_sleep,
    until_running,
    until_stopped,
)
from tests.bus.boxes import Box, wait_until
from tests.fakes.processes import USUAL_NICE, nice_of

OpenBox = Callable[..., Box]
CAP_KILL, CAP_SYS_NICE = 5, 23  # include/uapi/linux/capability.h


@pytest.fixture
def box(control_box: Box) -> Box:
    return control_box


def test_control_runs_as_root_with_exactly_two_capabilities_and_so_does_its_keeper(box: Box) -> None:
    pid = control_pid(box, box.caller())
    keepers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(keepers) == 1
    for each in (pid, *keepers):
        text = Path(f"/proc/{each}/status").read_text()
        status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        held = {kind: int(status[kind], 16) for kind in ("CapEff", "CapPrm", "CapBnd")}
        assert held == dict.fromkeys(held, 1 << CAP_KILL | 1 << CAP_SYS_NICE)
        assert status["NoNewPrivs"] == "1"
        assert status["Uid"].split() == ["0"] * 4


def test_without_its_capabilities_taken_away_it_doesnt_start(box: Box) -> None:
    command = box.held.command(
        box.held.python, "-I", "-c",
        'import sys; sys.path.insert(0, "/run/dbus/box/lib"); from helper.control.__main__ import main; main()',
        user="root", session="none",
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "more capabilities" in done.stderr


def test_an_active_user_acts_on_own_processes_without_being_asked(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    assert act(alice, "SetPriority", victim, 19, 3, 0)["body"] == [USUAL_NICE, 0, 0]
    assert nice_of(victim["pid"]) == 19
    assert act(alice, "Pause", victim, 60)["error"] is None
    until_stopped(victim)
    assert act(alice, "Resume", victim)["error"] is None
    until_running(victim)
    assert act(alice, "Terminate", victim)["error"] is None
    assert alice.ended(pid=victim["pid"]) == -signal.SIGTERM


def test_kill_ends_what_doesnt_listen(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
    assert act(alice, "Kill", victim)["error"] is None
    assert alice.ended(pid=victim["pid"]) == -signal.SIGKILL


def test_a_paused_process_that_is_told_to_end_hears_it(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    act(alice, "Pause", victim, 600)
    until_stopped(victim)
    assert act(alice, "Terminate", victim)["error"] is None
    assert alice.ended(pid=victim["pid"]) == -signal.SIGTERM


@pytest.mark.parametrize("member", MORE)
@pytest.mark.parametrize("session", ["inactive", "none"])
def test_a_user_without_an_active_session_can_do_nothing_even_to_own_processes(
    box: Box, session: str, member: str
) -> None:
    bob = box.caller("bob", session)
    victim = bob.start(words=SLEEPING)
    assert refusal(act(bob, member, victim)) == "NotAuthorized"
    assert is_untouched(victim)


@pytest.mark.parametrize("member", MORE)
@pytest.mark.parametrize("owner", ["bob", "root"])
def test_others_processes_take_an_administrators_password(box: Box, member: str, owner: str) -> None:
    alice, other = box.caller(), box.caller(owner, "none")
    victim = other.start(words=SLEEPING)
    for interactive in (False, True):  # there is nobody who could be asked
        answer = alice.call(**call(member, victim, interactive=interactive))
        assert refusal(answer) == "NotAuthorized"
        assert "control-others" in answer["text"]
    assert is_untouched(victim)
    assert nice_of(victim["pid"]) == USUAL_NICE


def test_nobody_gets_a_better_niceness_than_is_theirs(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    assert act(alice, "SetPriority", victim, 19, 2, 7)["error"] is None
    back = act(alice, "SetPriority", victim, USUAL_NICE, 0, 0)
    assert back["body"] == [19, 2, 7], "to what the user's others have"
    assert refusal(act(alice, "SetPriority", victim, -1, 0, 0)) == "NotAuthorized"
    assert nice_of(victim["pid"]) == USUAL_NICE


def test_root_may_do_all_of_it_to_everybody(box: Box) -> None:
    alice, root = box.caller(), box.caller("root", "none")
    victim = alice.start(words=SLEEPING)
    assert act(root, "SetPriority", victim, -5, 2, 0)["error"] is None
    assert nice_of(victim["pid"]) == -5
    assert act(root, "Kill", victim)["error"] is None
    assert alice.ended(pid=victim["pid"]) == -signal.SIGKILL


def kernel_threads() -> dict[str, int]:
    """One of them; none where they have no number, in any pid namespace but the machine's own."""
    found = [pid for pid in range(2, 5000) if comm_of(pid) == "kthreadd\n"]
    assert bool(found) == (OWN_PID_NAMESPACE.stat().st_ino == INITIAL_PID_NAMESPACE)
    return {"kernel": found[0]} if found else {}


def comm_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def test_what_the_machine_lives_by_is_refused_even_to_root(box: Box) -> None:
    root, alice = box.caller("root", "none"), box.caller()
    assert alice.open(period_ms=60_000, kinds=1)["error"] is None  # starts sampler and polkitd
    pids = {
        "control": control_pid(box, root), "sampler": box.owner_pid(root), "init": 1, **kernel_threads(),
        "polkit": box.owner_pid(root, "org.freedesktop.PolicyKit1"), "bus": box.owner_pid(root, "org.freedesktop.DBus"),
    }  # fmt: skip
    pids["keeper"] = int(Path(f"/proc/{pids['control']}/task/{pids['control']}/children").read_text())
    told = {name: refusal(act(root, "Kill", identity(pid))) for name, pid in pids.items()}
    assert told == dict.fromkeys(pids, "Protected")
    assert all(Path(f"/proc/{pid}").exists() for pid in pids.values())


def test_a_display_server_is_refused_even_to_its_owner(box: Box) -> None:
    alice = box.caller()
    program = box.held.path("/run/dbus/box/Xwayland")
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    victim = alice.start(words=["/run/dbus/box/Xwayland", "600"])
    wait_until(lambda: comm_of(victim["pid"]) == "Xwayland\n")
    answer = act(alice, "Terminate", victim)
    assert refusal(answer) == "Protected"
    assert "display server" in answer["text"]
    assert is_untouched(victim)


@pytest.mark.parametrize(
    ("pid", "error"), [(0, "Protected"), (1, "Protected"), (2**32 - 1, "InvalidArgument"), (2**31 - 1, "Gone")]
)
def test_pids_that_are_no_process_are_refused(box: Box, pid: int, error: str) -> None:
    assert refusal(act(box.caller("bob"), "Kill", {"pid": pid, "start_ns": 0})) == error


def test_another_start_time_is_another_process(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    for wrong in (victim["start_ns"] + 10**7, 0, 2**64 - 1):
        assert refusal(act(alice, "Kill", victim | {"start_ns": wrong})) == "Gone"
    assert is_untouched(victim)


def test_a_program_that_took_over_other_rights_isnt_ones_own(box: Box) -> None:
    alice = box.caller()
    victim = alice.start(words=[setuid_sleep(box), "600"])
    wait_until(lambda: "\t0\t0\t" in Path(f"/proc/{victim['pid']}/status").read_text())
    answer = act(alice, "Kill", victim)
    assert refusal(answer) == "NotAuthorized"
    assert "control-others" in answer["text"]
    assert is_untouched(victim)


def test_a_caller_in_a_container_is_told_to_ask_from_outside(box: Box) -> None:
    uid = str(box.uid_of("alice"))
    inside = [
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "setpriv",
        f"--reuid={uid}",
        f"--regid={uid}",
        "--clear-groups",
        "--",
    ]
    alice, contained = box.caller(), box.caller("root", "none", *inside)
    victim = alice.start(words=SLEEPING)
    answer = act(contained, "Kill", victim)
    assert refusal(answer) == "NotPossible"
    assert "container" in answer["text"]
    assert is_untouched(victim)


@pytest.mark.parametrize(
    ("member", "more", "named"),
    [("Pause", [0], "duration_s"), ("Pause", [3601], "duration_s"), ("SetPriority", [20, 0, 0], "nice"),
     ("SetPriority", [0, 1, 0], "io_class"), ("SetPriority", [0, 2, 8], "io_level")],
)  # fmt: skip
def test_arguments_out_of_bounds_are_named_in_the_refusal(box: Box, member: str, more: list[int], named: str) -> None:
    alice = box.caller()
    victim = alice.start(words=SLEEPING)
    answer = act(alice, member, victim, *more)
    assert refusal(answer) == "InvalidArgument"
    assert named in answer["text"]
    assert is_untouched(victim)


def test_a_user_gets_25_actions_in_20_seconds_and_the_next_user_its_own(open_box: OpenBox) -> None:
    box = open_box()
    alice, bob = box.caller(), box.caller("bob")
    mine, theirs = alice.start(words=SLEEPING), bob.start(words=SLEEPING)
    told = [refusal(answer) for answer in alice.answers(calls=[call("SetPriority", mine)] * 40)]
    assert 25 <= told.count("") <= 30, "some seconds may pass, and give some back"
    assert set(told) == {"", "LimitsExceeded"}
    assert act(bob, "SetPriority", theirs)["error"] is None


def test_oversized_arguments_are_refused_unread(box: Box) -> None:
    alice = box.caller()
    answer = alice.call(
        member="LimitUnit", signature="stt", body=["a" * 100_000, 1, 1], destination=NAME, path=PATH, interface=NAME
    )
    assert refusal(answer) == "LimitsExceeded"
    assert ping(alice)["error"] is None


REFUSED = [
    ({"member": "Shutdown"}, "UnknownMethod"),
    ({"member": "Kill", "signature": "us", "body": [5, "x"]}, "InvalidArgs"),
    ({"member": "Ping", "interface": "io.github.smoothtask.Sampler1"}, "AccessDenied"),
    ({"member": "GetManagedObjects", "interface": "org.freedesktop.DBus.ObjectManager"}, "AccessDenied"),
    ({"member": "Kill", "path": "/", "signature": "ut", "body": [5, 5]}, "UnknownObject"),
]


@pytest.mark.parametrize(("asked", "error"), REFUSED)
def test_what_is_not_in_the_table_is_refused(box: Box, asked: dict[str, Any], error: str) -> None:
    answer = box.caller().call(**{"destination": NAME, "path": PATH, "interface": NAME, **asked})
    assert answer["error"] == f"org.freedesktop.DBus.Error.{error}"


def test_nobody_else_may_own_the_name(box: Box) -> None:
    answer = box.caller().call(
        member="RequestName", signature="su", body=[NAME, 0], interface="org.freedesktop.DBus",
        path="/org/freedesktop/DBus", destination="org.freedesktop.DBus",
    )  # fmt: skip
    assert answer["error"] == "org.freedesktop.DBus.Error.AccessDenied"


@pytest.fixture
def systemd(open_box: OpenBox) -> Iterator[tuple[Box, subprocess.Popen[str]]]:
    """A box with a stand-in for systemd."""
    box = open_box()
    words = [box.held.python, "-I", "/run/dbus/box/systemd_stand_in.py"]
    command = box.held.command(*words, user="root", session="none")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as manager:
        assert manager.stdout is not None
        assert manager.stdout.readline() == "ready\n"
        yield box, manager
        manager.kill()


def test_a_unit_is_limited_through_systemd_for_this_boot(systemd: tuple[Box, subprocess.Popen[str]]) -> None:
    box, manager = systemd
    root = box.caller("root", "none")
    no_limit = 2**64 - 1
    assert limit(root, "cron.service", 20, 500_000)["body"] == [no_limit, no_limit]
    assert limit(root, "cron.service", no_limit, 0)["body"] == [20, 500_000]
    assert manager.stdout is not None
    told = [json.loads(manager.stdout.readline()) for _ in range(2)]
    assert told == [
        ["cron.service", True, {"CPUWeight": 20, "CPUQuotaPerSecUSec": 500_000}],
        ["cron.service", True, {"CPUWeight": no_limit}],
    ]


def test_limiting_a_unit_takes_an_administrators_password(systemd: tuple[Box, subprocess.Popen[str]]) -> None:
    box, _ = systemd
    answer = limit(box.caller(), "cron.service", 20, 0)
    assert refusal(answer) == "NotAuthorized"
    assert "control-others" in answer["text"]


@pytest.mark.parametrize(("unit", "error"), [("nope.service", "Gone"), ("../cron.service", "InvalidArgument")])
def test_units_that_arent_there_are_named(systemd: tuple[Box, subprocess.Popen[str]], unit: str, error: str) -> None:
    box, _ = systemd
    assert refusal(limit(box.caller("root", "none"), unit, 20, 0)) == error


def test_without_systemd_a_limit_is_unavailable(box: Box) -> None:
    assert refusal(limit(box.caller("root", "none"), "cron.service", 20, 0)) == "Unavailable"
