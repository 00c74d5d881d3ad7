"""The service itself: its contract, its privileges, its bounds, and that load doesn't take it off the bus."""

import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.bus.boxes import Box, wait_until

NAME = "io.github.smoothtask.Sampler1"
ROOT = Path(__file__).parents[2]
PROPERTIES = "org.freedesktop.DBus.Properties"
INVALID = "io.github.smoothtask.Error.InvalidArgument"
CAP_PERFMON, CAP_BPF = 38, 39  # include/uapi/linux/capability.h


def test_the_sampler_runs_as_its_own_user_with_exactly_two_capabilities(box: Box) -> None:
    alice = box.caller()
    assert alice.open(period_ms=60_000, kinds=1)["error"] is None, "the two suffice to load the programs"
    text = Path(f"/proc/{box.owner_pid(alice)}/status").read_text()
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    expected = 1 << CAP_BPF | 1 << CAP_PERFMON
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
        assert int(status[kind], 16) == expected, kind
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split() == [str(box.uid_of("smoothtask"))] * 4
    assert status["Groups"].split() == []


def test_every_probe_runs_and_says_what_it_costs(box: Box) -> None:
    alice = box.caller()
    alice.open(period_ms=100, kinds=0x7F | 0b11111111 << 8)
    wait_until(lambda: not {"off", "loading"} & {row[1] for row in alice.prop(name="Probes")}, 30)
    *rows, jobs, fences, memory, energy = alice.prop(name="Probes")
    assert {row[1] for row in rows} == {"running"}, rows
    assert energy[0] == "energy"
    assert energy[1] == "running" or "no RAPL counter" in energy[2], "a virtual machine has none"
    graphics = (jobs, fences, memory)
    assert [row[0] for row in graphics] == ["gpu_jobs", "gpu_fences", "gpu_memory"]
    assert all(row[1] == "running" or "no graphics card" in row[2] or "no tracepoint" in row[2] for row in graphics)
    names = [row[0] for row in rows]
    assert names[:4] == ["task_snapshot", "process_events", "oom_events", "thermal_events"]
    assert names[4:8] == ["socket_events", "sockets", "socket_owners", "block_io"]
    assert names[8:] == ["unix_sockets", "memory_reclaim", "cpu_frequency", "run_queue", "syscalls", "file_activity"]
    assert [row[0] for row in rows if row[2]] == ["socket_events"]
    assert rows[4][2].startswith("datagrams are counted "), "in one of two ways"
    assert all(row[5] > 0 for row in rows)


def test_all_properties_of_the_contract_can_be_read(box: Box) -> None:
    alice = box.caller()
    answer = alice.call(member="GetAll", signature="s", body=[NAME], interface=PROPERTIES)
    declared = ET.parse(ROOT / "resources" / "dbus" / f"{NAME}.xml").findall("./interface/property")
    assert answer["body"][0].keys() == {entry.get("name") for entry in declared}
    values = answer["body"][0]
    assert values["Loader"] == "core"
    assert values["StreamVersion"] == 1
    assert ["btf", "yes"] in [row[:2] for row in values["KernelFacts"]]
    cpu_ns, _bpf_ns, resident_bytes, _kernel_bytes, uptime_ns, streams = values["OwnCost"]
    assert 0 < cpu_ns < uptime_ns
    assert 10 * 2**20 < resident_bytes < 64 * 2**20
    assert streams == 0


def test_properties_cannot_be_set(box: Box) -> None:
    answer = box.caller().call(
        member="Set", signature="ssv", body=[NAME, "Version", {"variant": ["s", "9"]}], interface=PROPERTIES
    )
    assert answer["error"] == "org.freedesktop.DBus.Error.PropertyReadOnly"


PEER = "org.freedesktop.DBus.Peer"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
REFUSED = [
    ({"member": "Shutdown"}, "UnknownMethod"),
    ({"member": "OpenStream", "interface": PEER}, "UnknownMethod"),
    ({"member": "Ping", "interface": "io.github.smoothtask.Control1"}, "AccessDenied"),
    ({"member": "GetManagedObjects", "interface": OBJECT_MANAGER}, "AccessDenied"),
    ({"member": "Ping", "interface": PEER, "path": "/"}, "UnknownObject"),
    ({"member": "OpenStream", "signature": "ss", "body": ["1000", "1"]}, "InvalidArgs"),
    ({"member": "OpenStream"}, "InvalidArgs"),
    ({"member": "Get", "signature": "ss", "body": [NAME, "Nope"], "interface": PROPERTIES}, "UnknownProperty"),
    ({"member": "Get", "signature": "ss", "body": ["org.x", "Version"], "interface": PROPERTIES}, "UnknownInterface"),
]


@pytest.mark.parametrize(("call", "error"), REFUSED)
def test_what_is_not_in_the_table_is_refused(box: Box, call: dict[str, Any], error: str) -> None:
    assert box.caller().call(**call)["error"] == f"org.freedesktop.DBus.Error.{error}"


@pytest.mark.parametrize(
    ("period_ms", "kinds"),
    [(99, 1), (0, 1), (60_001, 1), (2**32 - 1, 1), (1000, 0), (1000, 1 << 7), (1000, 1 << 31), (1000, 1 << 16)],
)
def test_arguments_out_of_bounds_are_named_in_the_refusal(box: Box, period_ms: int, kinds: int) -> None:
    answer = box.caller().open(period_ms=period_ms, kinds=kinds)
    assert answer["error"] == INVALID
    assert "period_ms" in answer["text"] or "kinds" in answer["text"]


def test_960_calls_of_32_clients_are_all_answered(box: Box) -> None:
    """`paced` just under what one user is allowed."""
    users = [box.caller("alice"), box.caller("bob")]
    with ThreadPoolExecutor() as pool:
        counts = list(pool.map(lambda caller: caller.paced(clients=16, calls=30, per_second=90), users))
    assert counts == [{"answered": 480}] * 2


def test_1600_pipelined_calls_of_16_callers_leave_the_service_alive(box: Box) -> None:
    alice, bob = box.caller(), box.caller("bob")
    opened = bob.open(period_ms=100, kinds=1)
    pid = box.owner_pid(alice)
    counts = alice.flood(clients=16, calls=100)
    assert counts.keys() <= {"answered", "io.github.smoothtask.Error.LimitsExceeded"}
    assert sum(counts.values()) == 1600
    assert counts["answered"] >= 100
    assert box.owner_pid(bob) == pid
    assert len(bob.read(stream=opened["stream"], count=3)) == 3


@pytest.mark.parametrize("much", [{"entries": 600_000}, {"entries": 300}, {"entries": 300, "depth": 40}])
def test_oversized_arguments_are_refused_unread(box: Box, much: dict[str, int]) -> None:
    alice, bob = box.caller(), box.caller("bob")
    pid = box.owner_pid(bob)
    assert alice.call_with_much(**much)["error"] == "io.github.smoothtask.Error.LimitsExceeded"
    assert bob.prop(name="Version")
    assert box.owner_pid(bob) == pid


@pytest.mark.parametrize("depth", [1, 10, 40, 55])
def test_deeply_nested_arguments_harm_nobody(box: Box, depth: int) -> None:
    alice, bob = box.caller(), box.caller("bob")
    pid = box.owner_pid(bob)
    assert alice.call_with_much(depth=depth)["error"].endswith((".InvalidArgs", ".LimitsExceeded"))
    assert bob.prop(name="Version")
    assert box.owner_pid(bob) == pid
