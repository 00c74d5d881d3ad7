"""Which loader runs, why, with which rights, and what it says when it can't."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.loaders import bcc as bcc_door
from helper.loaders.bcc import Bcc
from helper.loaders.choice import SYSTEM_PYTHON, Choice, choose
from helper.loaders.errors import LoaderError
from helper.probes import OomEvents, TaskSnapshot
from helper.probes.map_sizes import entries_for
from helper.sampler import packets
from helper.sampler.assembly import assemble
from helper.sampler.own_cost import facts_for_people
from helper.sampler.probe_set import State
from helper.sampler.visibility import ProcMount
from tests.bpf.headers import TRACEFS, enter_place_to_compile
from tests.bpf.machine import EVERYTHING, NOBODY
from tests.contract.layout import BPF_FOLDER, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUR = ("task_snapshot", "process_events", "oom_events", "thermal_events")
NO_BTF = Path("/nowhere/btf/vmlinux")
OPEN_ONE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.bcc import Bcc
from helper.loaders.errors import LoaderError
from helper.probes import OomEvents
probe = OomEvents(Bcc(Path(sys.argv[1]) / "bpf" / "bcc"))
try:
    probe.open()
    print("running")
except LoaderError as reason:
    print(reason)
"""
IMPORTED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.choice import choose
from helper.sampler.assembly import assemble
parts = assemble(Path(sys.argv[1]) / "build" / "bpf", Path("/nowhere"), choose("auto"))
print(json.dumps([parts.probes.choice.loader, sorted(name for name in sys.modules if "bcc" in name)]))
"""


@pytest.fixture(scope="module")
def place() -> Path:
    enter_place_to_compile()
    return BPF_FOLDER / "bcc"


@pytest.fixture
def public_copy() -> Iterator[Path]:
    """The helper and the sources where any user may read them."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        for name in ("helper", "bpf"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
        yield copy


@contextmanager
def tracefs_of_group(group: int) -> Iterator[None]:
    """What the unit's drop-in does; undone afterwards, since tracefs is one for the whole machine."""
    before = TRACEFS.stat()
    former = f"remount,gid={before.st_gid},mode={before.st_mode & 0o777:04o}"
    try:
        subprocess.run(["mount", "-o", f"remount,gid={group},mode=0750", TRACEFS], check=True)
        yield
    finally:
        subprocess.run(["mount", "-o", former, TRACEFS], check=True)


def open_one_as_nobody(folder: Path) -> str:
    """What a probe says to nobody with CAP_BPF and CAP_PERFMON, on the system's Python."""
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    drop += [f"--{which}=-all,+bpf,+perfmon" for which in ("inh-caps", "ambient-caps", "bounding-set")]
    command = [*drop, SYSTEM_PYTHON, "-I", "-c", OPEN_ONE, folder]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def test_where_the_kernel_describes_its_types_the_loader_is_core() -> None:
    choice = choose("auto")
    assert choice.loader == "core"
    assert "/sys/kernel/btf/vmlinux" in choice.reason


def test_without_types_it_is_bcc_where_that_is_installed() -> None:
    assert choose("auto", NO_BTF).loader == "bcc"
    without = choose("auto", NO_BTF, Path("/bin/false"))
    assert without.loader == "none"
    assert "install python3-bpfcc" in without.reason


def test_the_service_can_be_told_which_one() -> None:
    assert choose("bcc") == Choice("bcc", "the sampler was started with --loader bcc")


def test_the_ordinary_path_imports_nothing_of_bcc() -> None:
    command = [SYSTEM_PYTHON, "-I", "-c", IMPORTED, ROOT]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == ["core", []]


def test_the_choice_is_a_fact_that_clients_can_read() -> None:
    rows = facts_for_people(ProcMount(0, None), (), Choice("bcc", "no types"))
    assert ["loader", "bcc", "no types"] in rows


def test_all_probes_of_the_sampler_run_and_ticks_have_their_sections(place: Path, machine_pids: None) -> None:
    parts = assemble(ROOT / "build" / "bpf", place, Choice("bcc", "a test"))
    slots = parts.probes.slots[: len(FOUR)]
    for slot in parts.probes.slots:
        slot.open()
    assert [slot.probe.name for slot in slots] == list(FOUR)
    assert [(slot.state, slot.reason) for slot in slots] == [(State.RUNNING, "")] * 4
    others = parts.probes.slots[len(FOUR) :]
    assert {slot.probe.name for slot in others if slot.state is State.RUNNING} == {"socket_events", "block_io"}
    hardware = {"energy", "gpu_jobs", "gpu_fences", "gpu_memory"}  # asked for before any loader
    others = [slot for slot in others if slot.probe.name not in hardware]
    without = [slot for slot in others if slot.state is not State.RUNNING]
    assert {slot.state for slot in without} == {State.UNAVAILABLE}
    assert all("would need the kernel's own structs" in slot.reason for slot in without)
    assert 0 < parts.probes.memory_bytes() < 16 << 20
    taken = parts.readings.take(EVERYTHING, parts.readings.begin())
    parts.probes.close()
    assert [section.kind for section in taken.sections] == [
        packets.SECTION_TASKS,
        packets.SECTION_EXITED,
        packets.SECTION_COUNTERS,
    ]


def test_nobody_with_two_capabilities_needs_tracefs_to_be_his_groups(
    place: Path, public_copy: Path, machine_pids: None
) -> None:
    assert "its group has to be the sampler's" in open_one_as_nobody(public_copy)
    with tracefs_of_group(NOBODY):
        assert open_one_as_nobody(public_copy) == "running"


def compile_one(door: Bcc) -> None:
    """Asks for no pid namespace, which the compiler has no part in."""
    program = door.open("oom_events")
    try:
        program.resize(entries_for(door.machine))
        program.load()
    finally:
        program.close()


def test_what_is_missing_is_named(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoaderError, match="has no program task_snapshot"):
        TaskSnapshot(Bcc(place)).open()
    with pytest.raises(LoaderError, match=r"has no bcc .*install python3-bpfcc"):
        compile_one(Bcc(place, python=without_bcc(tmp_path)))
    with pytest.raises(LoaderError, match="the compiler ended without an answer"):
        compile_one(Bcc(place, python=Path("/bin/false")))
    monkeypatch.setattr(bcc_door, "TRACEFS", (tmp_path,))
    with pytest.raises(LoaderError, match="tracefs"):
        OomEvents(Bcc(place)).open()


def without_bcc(folder: Path) -> Path:
    """A Python that doesn't look where Debian has its modules."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nshift\nexec {SYSTEM_PYTHON} -I -S "$@"\n')
    python.chmod(0o755)
    return python


def test_a_program_that_does_not_compile_fails_with_the_compilers_words_and_leaves_nothing(
    place: Path, tmp_path: Path
) -> None:
    shutil.copytree(BPF_FOLDER, tmp_path / "bpf")
    broken = tmp_path / "bpf" / "bcc" / "oom_events.c"
    broken.write_text(broken.read_text().replace("args->pid", "args->nonsense"))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the folder's own descriptor must not count
    with pytest.raises(LoaderError, match="could not be compiled for this kernel") as caught:
        compile_one(Bcc(tmp_path / "bpf" / "bcc"))
    assert "nonsense" in caught.value.log_tail
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - likewise
