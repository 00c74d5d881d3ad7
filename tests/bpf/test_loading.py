"""What a probe needs to load, what it says when it can't, and that it leaves nothing behind."""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes import EVENT_KINDS, OomEvents, TaskSnapshot, ThermalEvents
from helper.probes.program import COUNTING_RUNS, load
from tests.bpf.machine import EVERYTHING, NOBODY, take
from tests.contract.layout import BPF_FOLDER

PROBES = [TaskSnapshot, *EVENT_KINDS]
NEEDED = ("bpf", "perfmon")
OPEN_ALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes import EVENT_KINDS, TaskSnapshot
said = {}
for kind in (TaskSnapshot, *EVENT_KINDS):
    probe = kind(Libbpf(Path(sys.argv[1])))
    try:
        probe.open()
        said[kind.name] = "running"
        assert probe.cost().memory_bytes > 0
    except LoaderError as reason:
        said[kind.name] = str(reason)
    if kind is TaskSnapshot and said[kind.name] == "running":
        buffer = memoryview(bytearray(1 << 22))
        said["rows"] = probe.read_into(buffer).byte_count // 136
status = dict(line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
said |= {"uid": status["Uid"], "effective": status["CapEff"].strip(), "no_new_privs": status["NoNewPrivs"].strip()}
print(json.dumps(said))
"""


def open_all_as_nobody(folder: Path, capabilities: tuple[str, ...]) -> dict[str, str]:
    """What each probe says to a process of nobody with just these capabilities, on the system's Python."""
    caps = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    drop += [f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}"]
    command = [*drop, "/usr/bin/python3", "-I", "-c", OPEN_ALL, folder]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    said: dict[str, str] = json.loads(result.stdout)
    return said


def test_all_probes_run_as_nobody_with_exactly_two_capabilities(public_copy: Path) -> None:
    said = open_all_as_nobody(public_copy, NEEDED)
    assert [said[probe.name] for probe in PROBES] == ["running"] * 4
    assert int(said["rows"]) >= 1
    assert said["uid"].split() == ["65534"] * 4
    assert int(said["effective"], 16) == 1 << 38 | 1 << 39
    assert said["no_new_privs"] == "1"


@pytest.mark.parametrize("capabilities", [("bpf",), ("perfmon",), ()], ids=lambda each: "+".join(each) or "none")
def test_with_a_capability_missing_each_probe_says_which_are_needed(
    public_copy: Path, capabilities: tuple[str, ...]
) -> None:
    said = open_all_as_nobody(public_copy, capabilities)
    for probe in PROBES:
        assert "CAP_BPF and CAP_PERFMON are both needed" in said[probe.name], said[probe.name]


def test_a_missing_object_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match=r"task_snapshot: the object file is not there; build .*ENOENT") as caught:
        TaskSnapshot(Libbpf(tmp_path)).open()
    assert (caught.value.step, caught.value.errno) == ("open", errno.ENOENT)


@pytest.mark.parametrize("kept", [0, 3, 63, 64, 500, 5000, 12000, 100_000])
def test_an_object_cut_short_is_refused_in_words(objects: Path, tmp_path: Path, kept: int) -> None:
    whole = (objects / "default.bpf.o").read_bytes()
    (tmp_path / "default.bpf.o").write_bytes(whole[:kept])
    with pytest.raises(LoaderError, match="the object file is damaged"):
        TaskSnapshot(Libbpf(tmp_path)).open()


def test_an_object_that_is_something_else_is_refused_in_words(tmp_path: Path) -> None:
    shutil.copy("/bin/true", tmp_path / "default.bpf.o")
    with pytest.raises(LoaderError, match="the object file is damaged or not a BPF object"):
        TaskSnapshot(Libbpf(tmp_path)).open()


def test_a_kernel_without_type_information_is_named(objects: Path) -> None:
    with pytest.raises(LoaderError, match="gives no type information") as caught:
        TaskSnapshot(Libbpf(objects, kernel_btf=Path("/nowhere/vmlinux"))).open()
    assert caught.value.step == "btf"


def test_a_machine_without_libbpf_is_told_what_to_install(objects: Path) -> None:
    with pytest.raises(LoaderError, match=r"install libbpf 1\.0"):
        Libbpf(objects, library="libnowhere.so.9")


def compiled(folder: Path, name: str, body: str) -> Path:
    source = folder / f"{name}.bpf.c"
    source.write_text(f'#include "common.bpf.h"\n{body}\n', encoding="utf-8")
    command = ["clang", "-g", "-O2", "-target", "bpf", "-D__TARGET_ARCH_x86", f"-I{BPF_FOLDER}", "-c", source]
    subprocess.run([*command, "-o", folder / f"{name}.bpf.o"], check=True)
    return folder


def test_what_the_verifier_rejects_comes_with_its_last_lines(tmp_path: Path) -> None:
    body = 'SEC("iter/task") int bad(struct bpf_iter__task *ctx) { return ((int *)ctx)[4000] + constants.page_bytes; }'
    with pytest.raises(LoaderError, match="the kernel's verifier rejected the program") as caught:
        load(Libbpf(compiled(tmp_path, "bad", body)), "bad")
    assert caught.value.step == "load"
    assert "invalid bpf_context access" in caught.value.log_tail


def test_a_tracepoint_that_this_kernel_lacks_is_named(tmp_path: Path) -> None:
    body = 'SEC("tp_btf/no_such_tracepoint") int lacking(void *ctx) { return constants.page_bytes == 1; }'
    with pytest.raises(LoaderError, match="no such tracepoint"):
        load(Libbpf(compiled(tmp_path, "lacking", body)), "lacking")


def test_an_optional_program_that_this_kernel_lacks_is_left_out_and_named(tmp_path: Path) -> None:
    body = (
        'SEC("tp_btf/no_such_tracepoint") int lacking(void *ctx) { return constants.page_bytes == 1; }\n'
        'SEC("tp_btf/sched_process_fork") int present(void *ctx) { return 0; }'
    )
    bpf_object, missing = load(Libbpf(compiled(tmp_path, "half", body)), "half", ("lacking", "present"))
    programs, _ = bpf_object.fds()
    bpf_object.close()
    assert list(missing) == ["lacking"]
    assert len(programs) == 1


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_fifty_times_opened_and_closed_leaves_no_fd_and_no_memory(door: Libbpf) -> None:
    probes = [kind(door) for kind in PROBES]
    for probe in probes:
        probe.open()
        probe.close()
    gc.collect()
    fds, resident = open_fds(), resident_bytes()
    for _ in range(50):
        for probe in probes:
            probe.open()
            probe.close()
    gc.collect()
    assert open_fds() == fds
    assert resident_bytes() - resident < 2 << 20


def test_a_probe_that_failed_to_open_leaves_no_fd(tmp_path: Path) -> None:
    body = 'SEC("iter/task") int task_snapshot(void *ctx) { return constants.page_bytes == 1; }'
    probe = TaskSnapshot(Libbpf(compiled(tmp_path, "default", body)))
    fds = open_fds()
    with pytest.raises(LoaderError, match=r"the object has no map \.data\.task_snapshot"):
        probe.open()
    assert open_fds() == fds
    probe.close()


@pytest.mark.parametrize("kind", PROBES, ids=lambda kind: kind.name)
def test_a_closed_probe_says_so_and_may_be_closed_again(door: Libbpf, kind: type[TaskSnapshot | OomEvents]) -> None:
    probe = kind(door)
    probe.close()
    probe.close()
    with pytest.raises(LoaderError, match="the probe is not open"):
        probe.cost()


def test_cost_counts_runs_only_while_the_kernel_does(snapshot: TaskSnapshot) -> None:
    before = COUNTING_RUNS.read_text(encoding="ascii")
    try:
        COUNTING_RUNS.write_text("0", encoding="ascii")
        assert snapshot.cost().runs is None
        COUNTING_RUNS.write_text("1", encoding="ascii")
        before_it = snapshot.cost().runs
        take(snapshot, EVERYTHING)
        cost = snapshot.cost()
    finally:
        COUNTING_RUNS.write_text(before, encoding="ascii")
    assert cost.runs is not None
    assert cost.run_ns is not None
    assert before_it is not None
    assert cost.runs > before_it
    assert 0 < cost.run_ns < 10**9
    assert cost.memory_bytes > 0


def test_the_probes_are_the_four_of_the_design() -> None:
    assert [kind.name for kind in PROBES] == ["task_snapshot", "process_events", "oom_events", "thermal_events"]
    assert ThermalEvents in PROBES
