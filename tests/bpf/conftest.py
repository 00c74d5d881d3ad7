"""Real programs in the real kernel: needs root, or CAP_BPF and CAP_PERFMON; builds the objects first."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.loaders.libbpf import Libbpf
from helper.machine import read_machine
from helper.probes import ProcessEvents, TaskSnapshot
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from tests.bpf.disks import folder_on_a_disk
from tests.bpf.machine import LATE_NS, in_initial_pid_namespace
from tests.bpf.network import private_network
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def objects() -> Path:
    subprocess.run([sys.executable, ROOT / "packaging" / "dev" / "build_bpf.py"], check=True)
    return ROOT / "build" / "bpf"


@pytest.fixture(scope="session")
def door(objects: Path) -> Libbpf:
    return Libbpf(objects)


@pytest.fixture(scope="session")
def small_door(objects: Path) -> Libbpf:
    """As on a small machine: rows for 1,024 processes and 64 file systems, which a test can fill."""
    return Libbpf(objects, machine=replace(read_machine(), tasks=4096, file_systems=0))


@pytest.fixture
def public_copy(objects: Path) -> Iterator[Path]:
    """The helper and its objects where any user may read them."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        shutil.copytree(ROOT / "helper", copy / "helper", ignore=shutil.ignore_patterns("__pycache__"))
        for object_file in objects.glob("*.bpf.o"):
            shutil.copy(object_file, copy)
        subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
        yield copy


@pytest.fixture
def snapshot(door: Libbpf) -> Iterator[TaskSnapshot]:
    probe = TaskSnapshot(door)
    probe.open()
    yield probe
    probe.close()


@pytest.fixture
def events(door: Libbpf) -> Iterator[ProcessEvents]:
    probe = ProcessEvents(door, LATE_NS)
    probe.open()
    yield probe
    probe.close()


@pytest.fixture
def crowded_events(small_door: Libbpf) -> Iterator[ProcessEvents]:
    probe = ProcessEvents(small_door, LATE_NS)
    probe.open()
    yield probe
    probe.close()


@pytest.fixture
def network() -> Iterator[None]:
    with private_network():
        yield


@pytest.fixture
def socket_memory() -> Iterator[SocketMemory]:
    memory = SocketMemory()
    yield memory
    memory.close()


@pytest.fixture
def socket_events(door: Libbpf, socket_memory: SocketMemory) -> Iterator[SocketEvents]:
    probe = SocketEvents(door, socket_memory)
    probe.open()
    yield probe
    probe.close()


@pytest.fixture
def sockets(network: None, door: Libbpf, socket_memory: SocketMemory) -> Iterator[Sockets]:
    probe = Sockets(door, socket_memory)
    probe.open()
    yield probe
    probe.close()


@pytest.fixture
def socket_owners(network: None, door: Libbpf, socket_memory: SocketMemory) -> Iterator[SocketOwners]:
    probe = SocketOwners(door, socket_memory)
    probe.open()
    yield probe
    probe.close()


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """An empty folder whose files are on a disk, with requests and pages that can be reclaimed."""
    usual = ROOT / "build"
    usual.mkdir(exist_ok=True)
    with folder_on_a_disk(usual) as folder:
        yield folder


@pytest.fixture(scope="session")
def machine_pids() -> None:
    """For what refuses to run, or can't be told apart, where processes have other numbers than the machine's."""
    if not in_initial_pid_namespace():
        pytest.skip("this is another pid namespace than the machine's")
