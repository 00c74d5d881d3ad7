"""Probes that a stream switches on: they run while somebody asks for them, and no longer."""

from tests.bus.boxes import Box, Caller, wait_until
from tests.bus.test_streams import is_loaded, programs_of

TASKS, RECLAIM, FREQUENCY, RUN_QUEUE, SYSCALLS, FILES, OTHERS = 1, *(1 << bit for bit in range(8, 13)), 1 << 16
UNIX_SOCKETS = 1 << 15
OPT_IN = {"run_queue": RUN_QUEUE, "syscalls": SYSCALLS, "file_activity": FILES, "unix_sockets": UNIX_SOCKETS}


def states(caller: Caller) -> dict[str, str]:
    return {row[0]: row[1] for row in caller.prop(name="Probes")}


def running(caller: Caller) -> set[str]:
    return {name for name, state in states(caller).items() if state == "running"} & OPT_IN.keys()


def sections_of(caller: Caller, kinds: int) -> set[str]:
    """The sections of a frame once all probes of the stream run."""
    opened = caller.open(period_ms=100, kinds=kinds)
    assert opened["error"] is None, opened
    wanted = {name for name, kind in OPT_IN.items() if kind & kinds}
    wait_until(lambda: running(caller) >= wanted)
    caller.read(stream=opened["stream"], count=3)
    found = caller.read(stream=opened["stream"], count=1)[0]["frame"]["sections"]
    caller.close_stream(stream=opened["stream"])
    return set(found)


def test_an_opt_in_probe_is_off_until_a_stream_asks_and_again_when_the_last_such_stream_ends(box: Box) -> None:
    alice, bob = box.caller(), box.caller("bob")
    plain = alice.open(period_ms=60_000, kinds=TASKS)
    assert plain["error"] is None
    assert {states(alice)[name] for name in OPT_IN} == {"off"}
    first = alice.open(period_ms=60_000, kinds=SYSCALLS | FILES)
    second = bob.open(period_ms=60_000, kinds=SYSCALLS)
    wait_until(lambda: running(alice) == {"syscalls", "file_activity"})
    alice.close_stream(stream=first["stream"])
    wait_until(lambda: running(alice) == {"syscalls"})
    bob.close_stream(stream=second["stream"])
    wait_until(lambda: running(alice) == set())
    assert {states(alice)[name] for name in OPT_IN} == {"off"}


def test_what_an_opt_in_probe_put_into_the_kernel_is_gone_when_it_is_off_again(box: Box) -> None:
    alice = box.caller()
    alice.open(period_ms=60_000, kinds=TASKS)
    wait_until(lambda: states(alice)["process_events"] == "running")
    before = programs_of(box.owner_pid(alice))
    opened = alice.open(period_ms=60_000, kinds=RUN_QUEUE | SYSCALLS | FILES | UNIX_SOCKETS)
    wait_until(lambda: running(alice) == OPT_IN.keys())
    more = programs_of(box.owner_pid(alice)) - before
    assert len(more) == 7
    assert all(row[5] > 0 for row in alice.prop(name="Probes") if row[0] in OPT_IN), "its memory is shown"
    alice.close_stream(stream=opened["stream"])
    wait_until(lambda: not any(map(is_loaded, more)))
    assert programs_of(box.owner_pid(alice)) == before


def test_a_stream_gets_the_sections_it_asked_for_and_no_other(box: Box) -> None:
    alice = box.caller()
    assert sections_of(alice, RECLAIM | FREQUENCY | RUN_QUEUE) == {"16", "17", "18"}
    assert sections_of(alice, TASKS | SYSCALLS) == {"1", "2", "3", "19"}
    assert sections_of(alice, FILES) == {"21"}


def test_sums_over_all_users_are_for_those_who_see_all(box: Box) -> None:
    root = box.caller("root", session="none")
    assert sections_of(root, SYSCALLS | FILES | OTHERS) == {"19", "20", "21", "22"}


def test_streams_of_one_user_with_and_without_opt_in_kinds_live_side_by_side(box: Box) -> None:
    alice = box.caller()
    plain, more = (alice.open(period_ms=100, kinds=kinds) for kinds in (TASKS, TASKS | RUN_QUEUE))
    wait_until(lambda: running(alice) == {"run_queue"})
    alice.read(stream=more["stream"], count=3)
    assert "18" in alice.read(stream=more["stream"], count=1)[0]["frame"]["sections"]
    frame = alice.read(stream=plain["stream"], count=1)[0]["frame"]
    assert "18" not in frame["sections"]
    assert frame["tasks"]
