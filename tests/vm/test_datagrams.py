"""Datagrams are counted where only they pass: exact on each guest's kernel, and free for everybody else's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from smoothtask_gui.sources.records import SOCKET
from tests.vm.inside.datagrams import BRIEF_BYTES, FEW_MESSAGES, MESSAGES

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

OTHERS_RUNS: Final = MESSAGES // 50
"""More than the guest's own services can cause meanwhile, and a hundredth of what each call of ours would."""


def told(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = machine.told_once("datagrams")
    return found


def counts(case: dict[str, Any]) -> dict[str, int]:
    return {name: case["counted"].get(name, 0) for name in case["truth"]}


def test_every_kind_of_datagram_counts_as_its_calls_returned_at_the_functions_of_udp(machine: Machine) -> None:
    found = told(machine)
    assert (found["way"], found["missing"]) == ("datagrams are counted where only they pass", [])
    assert not found["looks"], "what runs for datagrams alone has nothing to pause for"
    assert len(found["cases"]) >= 10
    assert {name: counts(case) for name, case in found["cases"].items()} == {
        name: case["truth"] for name, case in found["cases"].items()
    }
    assert not any(case["counted"]["missing"] for case in found["cases"].values())


def test_ten_thousand_small_messages_over_tcp_run_no_program(machine: Machine) -> None:
    assert told(machine)["runs"] < OTHERS_RUNS


def test_an_accepted_connection_is_its_acceptor_s_before_a_byte_was_read(machine: Machine) -> None:
    unread = told(machine)["unread"]
    rows = np.frombuffer(bytes.fromhex(unread["rows"]), SOCKET)
    assert rows[rows["inode"] == unread["inode"]]["pid"].tolist() == [unread["pid"]]


def test_a_connection_that_no_tick_sees_is_of_whom_accepted_it_or_of_whom_it_was_handed_to(machine: Machine) -> None:
    found = told(machine)
    assert [(row["closed"], row["tcp_received_bytes"]) for row in found["accepted"]] == [(1, BRIEF_BYTES)] * 2
    server, worker = found["handed on"]
    assert (server["closed"], worker["closed"], worker["tcp_received_bytes"]) == (0, 1, BRIEF_BYTES)


def test_what_is_refused_there_is_counted_at_the_tracepoints_and_says_so(machine: Machine) -> None:
    other = told(machine)["the other way"]
    assert "a test wants it so (step: attach, EBUSY" in other["way"]
    assert other["looks"] == (machine.name != "debian12")
    if machine.name == "debian12":  # before 6.3, which has no such tracepoints
        assert other["way"].startswith("datagrams are not counted: ")
        assert {"count_sent", "count_received"} <= set(other["missing"])
        assert other["v4"]["counted"] == {}
    else:
        assert other["way"].startswith("datagrams are counted among the messages of all sockets")
        assert other["missing"] == ["accepted", "udp4_received", "udp4_sent", "udp6_received", "udp6_sent"]
        assert counts(other["v4"]) == other["v4"]["truth"]
        assert other["runs"] >= 2 * FEW_MESSAGES
