"""At what clock processes run, read from a machine built in a folder: a CPU each of its own clock."""

from pathlib import Path

import pytest

from smoothtask_gui.sources.clocks import CpuClocks

CLOCKS_KHZ = {0: 800_000, 1: 1_500_000, 2: 4_500_000}


def stat(cpu: int, threads: int, state: str = "S") -> bytes:
    """A stat line: state is field 3, num_threads field 20, processor field 39 (proc_pid_stat(5))."""
    fields = [b"0"] * 50
    fields[0], fields[17], fields[36] = state.encode(), str(threads).encode(), str(cpu).encode()
    return b"7 (a (b) c) " + b" ".join(fields)


def fields_of(line: bytes) -> list[bytes]:
    return line[line.rindex(b")") + 2 :].split()


def task(folder: Path, tid: int, line: bytes) -> None:
    place = folder / "task" / str(tid)
    place.mkdir(parents=True)
    (place / "stat").write_bytes(line)


@pytest.fixture
def clocks(tmp_path: Path) -> CpuClocks:
    (tmp_path / "devices/system/cpu/cpufreq/policy0").mkdir(parents=True)
    for cpu, khz in CLOCKS_KHZ.items():
        folder = tmp_path / f"devices/system/cpu/cpu{cpu}/cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_cur_freq").write_text(f"{khz}\n")
    return CpuClocks(tmp_path)


def test_a_process_of_one_thread_has_the_clock_of_its_last_cpu(clocks: CpuClocks, tmp_path: Path) -> None:
    assert clocks.of_process(str(tmp_path / "7"), fields_of(stat(2, 1))) == 4_500_000
    assert clocks.of_process(str(tmp_path / "7"), fields_of(stat(0, 1))) == 800_000


def test_of_several_threads_those_that_run_count(clocks: CpuClocks, tmp_path: Path) -> None:
    for tid, line in ((7, stat(0, 3)), (8, stat(1, 3, "R")), (9, stat(2, 3, "R"))):
        task(tmp_path / "7", tid, line)
    assert clocks.of_process(str(tmp_path / "7"), fields_of(stat(0, 3))) == 3_000_000


def test_where_none_runs_just_now_the_last_cpus_of_all_count(clocks: CpuClocks, tmp_path: Path) -> None:
    for tid, cpu in ((7, 1), (8, 2)):
        task(tmp_path / "7", tid, stat(cpu, 2))
    assert clocks.of_process(str(tmp_path / "7"), fields_of(stat(1, 2))) == 3_000_000


def test_of_many_threads_a_few_are_looked_at(clocks: CpuClocks, tmp_path: Path) -> None:
    for tid in range(100, 150):
        task(tmp_path / "7", tid, stat(2 if tid < 125 else 1, 50))
    assert clocks.of_process(str(tmp_path / "7"), fields_of(stat(0, 50))) == pytest.approx(3_000_000, rel=0.2)


def test_a_cpu_without_a_clock_and_a_process_that_is_gone_have_none(clocks: CpuClocks, tmp_path: Path) -> None:
    assert clocks.of_process(str(tmp_path / "7"), fields_of(stat(5, 1))) == 0
    assert clocks.of_process(str(tmp_path / "gone"), fields_of(stat(2, 4))) == 0


def test_a_machine_without_cpufreq_has_no_clocks(tmp_path: Path) -> None:
    assert CpuClocks(tmp_path).of_process(str(tmp_path / "7"), fields_of(stat(0, 1))) == 0


def test_a_clock_is_read_anew_with_each_look(clocks: CpuClocks, tmp_path: Path) -> None:
    assert clocks.of_process("", fields_of(stat(2, 1))) == 4_500_000
    (tmp_path / "devices/system/cpu/cpu2/cpufreq/scaling_cur_freq").write_text("900000\n")
    assert clocks.of_process("", fields_of(stat(2, 1))) == 4_500_000
    clocks.begin()
    assert clocks.of_process("", fields_of(stat(2, 1))) == 900_000
