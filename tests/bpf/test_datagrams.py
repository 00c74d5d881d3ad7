"""Datagrams of every kind, counted the way that this kernel takes, against what the calls returned."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.bpf.network import traffic_of
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from helper.probes.socket_events import SocketEvents


def test_every_kind_of_datagram_counts_as_its_calls_returned(network: None, socket_events: SocketEvents) -> None:
    command = [sys.executable, "-m", "tests.vm.inside.datagram_cases"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
    truth = json.loads(said)
    assert len(truth) >= 10
    rows = {name: traffic_of(socket_events, pid) for name, (pid, _) in truth.items()}
    found = {
        name: {field: int(row[f"udp_{field}"]) for field in ("sent", "sent_bytes", "received", "received_bytes")}
        for name, row in rows.items()
    }
    assert found == {name: talk for name, (_, talk) in truth.items()}
