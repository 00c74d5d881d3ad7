"""What the activity probes need to load, that each does so alone, and that they leave nothing behind."""

from __future__ import annotations

import gc
import subprocess
from pathlib import Path

import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes.activity import ActivityProbe, add_up
from helper.probes.cpu_frequency import CpuFrequency
from helper.probes.file_activity import FileActivity
from helper.probes.memory_reclaim import MemoryReclaim
from helper.probes.program import load
from helper.probes.run_queue import RunQueue
from helper.probes.syscalls import Syscalls
from tests.bpf.activity import opened
from tests.bpf.machine import NOBODY
from tests.bpf.test_loading import compiled

PROBES: tuple[type[ActivityProbe], ...] = (MemoryReclaim, CpuFrequency, RunQueue, Syscalls, FileActivity)
READ_ALL = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.libbpf import Libbpf
from helper.sampler.assembly import _ACTIVITY
from helper.probes.visibility import Mode, Visibility
door = Libbpf(Path(sys.argv[1]))
from helper.probes.graphics import CardProbe  # a kernel without cards lacks their tracepoints: test_graphics.py
for kind in (each for each in _ACTIVITY if not issubclass(each, CardProbe)):
    probe = kind(door)
    probe.open()
    for _ in range(100): os.getppid()
    probe.tables()
    assert probe.cost().memory_bytes > 0
    assert not probe.missing_programs
    probe.close()
    print(kind.name)
"""


def open_fds() -> list[str]:
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def test_all_activity_probes_run_as_nobody_with_exactly_two_capabilities(public_copy: Path) -> None:
    caps = "-all,+bpf,+perfmon"
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    drop += [f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}"]
    command = [*drop, "/usr/bin/python3", "-I", "-c", READ_ALL, str(public_copy)]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    assert result.stdout.split() == [kind.name for kind in PROBES]


@pytest.mark.parametrize("kind", PROBES, ids=lambda kind: kind.name)
def test_a_closed_activity_probe_says_so_and_may_be_closed_again(door: Libbpf, kind: type[ActivityProbe]) -> None:
    probe = kind(door)
    probe.close()
    with opened(probe):
        assert probe.tables()
    probe.close()
    with pytest.raises(LoaderError, match="the probe is not open"):
        probe.tables()


def test_a_probe_whose_object_is_another_leaves_no_descriptor(tmp_path: Path, objects: Path) -> None:
    (tmp_path / "syscalls.bpf.o").write_bytes((objects / "memory_reclaim.bpf.o").read_bytes())
    probe = Syscalls(Libbpf(tmp_path))
    before = open_fds()
    with pytest.raises(LoaderError, match="the object has no map numbers"):
        probe.open()
    assert open_fds() == before


def test_a_raw_tracepoint_that_the_kernel_lacks_is_named_as_such(tmp_path: Path) -> None:
    folder = compiled(tmp_path, "lacking", 'SEC("raw_tp/no_such_tracepoint") int lacking(void *ctx) { return 0; }')
    with pytest.raises(LoaderError, match="this kernel has no such tracepoint") as caught:
        load(Libbpf(folder), "lacking")
    assert caught.value.step == "attach"


def test_thirty_times_opened_and_closed_leaves_no_descriptor(door: Libbpf) -> None:
    probes = [kind(door) for kind in PROBES]
    gc.collect()
    before = len(open_fds())
    for _ in range(30):
        for probe in probes:
            with opened(probe):
                probe.tables()
    gc.collect()
    assert len(open_fds()) == before


def test_counters_are_added_field_by_field_whatever_their_size() -> None:
    big = (2**63 - 1).to_bytes(8, "little") + (5).to_bytes(8, "little") + bytes(8)
    expected = (2**64 - 2).to_bytes(8, "little") + (10).to_bytes(8, "little") + bytes(8)
    assert add_up([big, big]) == expected
