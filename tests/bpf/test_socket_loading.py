"""What the socket probes need, what they share, and what they cost."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.loaders.errors import LoaderError
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from smoothtask_gui.sources.records import TRAFFIC
from tests.bpf.altered import altered
from tests.bpf.machine import NOBODY
from tests.bpf.network import CONSTANTS, pair, row_of, take_sockets, traffic_of

if TYPE_CHECKING:
    from pathlib import Path

    from helper.loaders.libbpf import Libbpf

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
assert not events.missing_programs
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
    """As on a kernel before 6.3, which has no such tracepoints."""
    memory = SocketMemory()
    probe = SocketEvents(altered(tmp_path, "tp_btf/sock_", "tp_btf/no_such_"), memory)
    probe.open()
    assert set(probe.missing_programs) == {"count_sent", "count_received"}
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


def pid_of(probe: SocketEvents) -> int:
    return int(np.frombuffer(probe.read_traffic(), TRAFFIC)["pid"][0])
