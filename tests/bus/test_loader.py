"""The service where it may not use the kernel's type information."""

from collections.abc import Callable

from tests.bus.boxes import Box, wait_until

TASKS = 1
EVERY_KIND = TASKS | 2 | 4 | 8
UNIX_SOCKETS = 1 << 15


def test_without_type_information_ticks_come_from_proc_and_each_other_probe_says_what_it_lacks(
    open_box: Callable[..., Box],
) -> None:
    box = open_box("--helper-argument=--loader", "--helper-argument=bcc")
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=EVERY_KIND)
    assert opened["error"] is None
    frame = alice.read(stream=opened["stream"], count=1)[0]["frame"]
    assert alice.process.pid in {pid for pid, _tgid, _uid, _missing in frame["tasks"]}

    def states_of_four() -> dict[str, tuple[str, str]]:
        return {row[0]: (row[1], row[2]) for row in alice.prop(name="Probes")[:4]}

    wait_until(lambda: all(state in {"running", "failed"} for state, _ in states_of_four().values()), 60)
    states = states_of_four()
    assert alice.prop(name="Loader") == "bcc"
    assert ["loader", "bcc"] in [row[:2] for row in alice.prop(name="KernelFacts")]
    assert states.pop("task_snapshot") == ("running", "")
    assert {state for state, _ in states.values()} == {"failed"}
    assert all("tracefs" in reason for _, reason in states.values()), states
    assert box.complaints() == []


def test_who_asks_for_unix_sockets_is_told_why_there_are_none_and_gets_the_rest(open_box: Callable[..., Box]) -> None:
    box = open_box("--helper-argument=--loader", "--helper-argument=bcc")
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=TASKS | UNIX_SOCKETS)
    assert opened["error"] is None

    def state() -> tuple[str, str]:
        return next((row[1], row[2]) for row in alice.prop(name="Probes") if row[0] == "unix_sockets")

    wait_until(lambda: state()[0] not in {"off", "loading"}, 60)
    why, sentence = state()
    assert why == "unavailable"
    assert "the BCC loader has no program unix_sockets: it would need the kernel's own structs" in sentence
    frame = alice.read(stream=opened["stream"], count=1)[0]["frame"]
    assert frame["tasks"]
    assert not frame["sections"].keys() & {"27", "28", "29"}
