"""What the socket probes need, what they share, and what they cost."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.function_exits import FunctionExits, offer_by
from helper.loaders.libbpf import Libbpf
from helper.probes.message_programs import AT_MESSAGES
from helper.probes.parts import AT_DATAGRAMS, PARTS
from helper.probes.program import load
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from smoothtask_gui.sources.records import TRAFFIC
from tests.bpf.altered import altered
from tests.bpf.machine import NOBODY
from tests.bpf.network import CONSTANTS, pair, row_of, take_sockets, traffic_of
from tests.contract.layout import BPF_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

AS_NOBODY = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.libbpf import Libbpf
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from helper.probes.visibility import Mode, Visibility
door, memory = Libbpf(Path(sys.argv[1])), SocketMemory()
events, sockets, owners = SocketEvents(door, memory), Sockets(door, memory), SocketOwners(door, memory)
for probe in (events, sockets, owners): probe.open()
assert memory.counts_datagrams
owners.find_owners()
buffer = memoryview(bytearray(1 << 22))
print(sockets.read_into(buffer, Visibility(Mode.SEES_ALL, 0)).byte_count // 128)
"""


def test_the_socket_probes_run_as_nobody_with_exactly_two_capabilities(network: None, public_copy: Path) -> None:
    caps = "-all,+bpf,+perfmon"
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    drop += [f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}"]
    client, server = pair()
    with client, server:
        result = subprocess.run(
            [*drop, "/usr/bin/python3", "-I", "-c", AS_NOBODY, str(public_copy)],
            check=True,
            capture_output=True,
            text=True,
            cwd="/",
        )
    assert int(result.stdout) == 2


def test_each_socket_probe_works_without_the_others(network: None, door: Libbpf) -> None:
    for kind in (SocketEvents, Sockets, SocketOwners):
        memory = SocketMemory()
        probe = kind(door, memory)
        probe.open()
        assert probe.cost().memory_bytes > 0
        probe.close()
        memory.close()


def test_what_is_remembered_survives_a_probe_that_is_opened_again(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    client, server = pair()
    with client, server:
        before = row_of(take_sockets(sockets), client)
        socket_events.close()
        sockets.close()
        socket_events.open()
        sockets.open()
        after = row_of(take_sockets(sockets), client)
        assert (after["start_ns"], after["pid"]) == (before["start_ns"], before["pid"])


def test_a_closed_probe_says_so(door: Libbpf) -> None:
    memory = SocketMemory()
    for probe in (SocketEvents(door, memory), Sockets(door, memory), SocketOwners(door, memory)):
        probe.close()
        with pytest.raises(LoaderError, match="the probe is not open"):
            probe.cost()


def test_without_the_datagram_tracepoints_the_rest_runs_and_says_what_is_missing(network: None, tmp_path: Path) -> None:
    """As on a kernel before 6.3, which has no such tracepoints, if it takes no programs at functions either."""
    memory = SocketMemory()
    door = altered(tmp_path, "tp_btf/sock_", "tp_btf/no_such_")
    door.function_exits.rule_out(LoaderError("fexit", "load", errno.EPERM, hint="not here"))
    probe = SocketEvents(door, memory)
    probe.open()
    assert set(probe.missing_programs) == {*AT_DATAGRAMS, *AT_MESSAGES}
    said = probe.cost().way
    assert said.startswith("datagrams are not counted: not here (step: load, EPERM: Operation not permitted); ")
    assert "this kernel has no such tracepoint" in said
    assert not memory.counts_datagrams
    client, server = pair()
    client.sendall(bytes(9))
    client.close()
    server.close()
    row = traffic_of(probe, pid_of(probe))
    assert row["missing"] == CONSTANTS["ST_MISSING_TRAFFIC"]
    assert row["tcp_sent_bytes"] == 9
    probe.close()
    memory.close()


def loads(door: Libbpf) -> list[str]:
    """Grows with each object that is loaded from now on."""
    opened: list[str] = []
    whole = door.open
    door.open = lambda name: opened.append(name) or whole(name)  # type: ignore[method-assign, func-returns-value]
    return opened


def test_one_refused_program_at_a_function_costs_one_load_more_and_then_none(network: None, tmp_path: Path) -> None:
    """Here the kernel refuses the first of them; where it takes them, the altered ones are of no function it has."""
    door, memory = altered(tmp_path, "fexit/udpv6_", "fexit/no_such_"), SocketMemory()
    door.function_exits = FunctionExits(lambda: errno.EINVAL)
    opened = loads(door)
    probe = SocketEvents(door, memory)
    for expected in (2, 3):
        probe.open()
        assert len(opened) == expected
        assert set(probe.missing_programs) == set(AT_DATAGRAMS)
        assert memory.counts_datagrams
        assert probe.cost().way.startswith("datagrams are counted among the messages of all sockets")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            one.sendto(bytes(70), one.getsockname())
        assert traffic_of(probe, os.getpid())["udp_sent_bytes"] == 70
        probe.close()
    memory.close()


def test_what_the_kernel_refuses_to_attach_at_a_function_is_replaced_too(
    network: None, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a program that this kernel does load in the place of one at a function."""
    part = PARTS["socket_events"]
    others = tuple(name for name in part.programs if name not in AT_DATAGRAMS)
    mixed = replace(part, programs=others, exits=("count_sent",), instead=("count_received",), instead_maps=())
    monkeypatch.setitem(PARTS, part.name, mixed)
    door, memory = Libbpf(objects), SocketMemory()
    door.function_exits = FunctionExits(lambda: errno.EINVAL)
    attach = door.calls.bpf_program__attach

    def refuse(handle: int) -> int | None:
        if door.calls.bpf_program__name(handle) != b"count_sent":
            return attach(handle)
        ctypes.set_errno(errno.EBUSY)
        return None

    monkeypatch.setattr(door.calls, "bpf_program__attach", refuse)
    opened = loads(door)
    probe = SocketEvents(door, memory)
    probe.open()
    assert len(opened) == 2
    assert probe.missing_programs.keys() == {"count_sent"}
    assert "EBUSY" in str(door.function_exits.refusal)
    running = [door.calls.bpf_program__fd(handle) for name, handle in probe._opened()._programs()]
    assert sum(fd >= 0 for fd in running) == 3, "of the four the one that was refused isn't loaded"
    probe.close()
    memory.close()


def test_the_offer_of_an_empty_program_tells_what_a_load_comes_to(door: Libbpf, tmp_path: Path) -> None:
    body = 'SEC("fexit/udp_sendmsg") int at_a_function(u64 *ctx) { return constants.page_bytes == 1; }'
    source = tmp_path / "at_a_function.bpf.c"
    source.write_text(f'#include "common.bpf.h"\n{body}\n', encoding="utf-8")
    target = source.with_suffix(".o")
    compiler = ["clang", "-g", "-O2", "-target", "bpf", "-D__TARGET_ARCH_x86", f"-I{BPF_FOLDER}", "-c", source]
    subprocess.run([*compiler, "-o", target], check=True)
    try:
        load(Libbpf(tmp_path), "at_a_function")[0].close()
        loaded = errno.EINVAL
    except LoaderError as refused:
        loaded = refused.errno
    assert offer_by(door.calls) == loaded


def pid_of(probe: SocketEvents) -> int:
    return int(np.frombuffer(probe.read_traffic(), TRAFFIC)["pid"][0])
