"""Promises of the readers that only rules need: fans, file systems, throttling, traits of busy processes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.sources.mounts import mount_points
from smoothtask_gui.sources.parts import NO_FANS, PartsReader, read_fans, read_file_systems
from smoothtask_gui.sources.procfs import ProcessTable
from smoothtask_gui.sources.throttling import ThrottleReader
from smoothtask_gui.sources.traits import TraitsReader
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SPIN = "while True: pass"
MOUNTS = """22 1 8:2 / {top} rw,relatime shared:1 - ext4 /dev/sda2 rw
23 22 8:2 /home {top}/home rw,relatime - ext4 /dev/sda2 rw
24 22 8:3 / {top}/with\\040space ro,relatime - ext4 /dev/sda3 ro
25 22 0:5 / /proc rw - proc proc rw
26 22 0:44 / {top} rw - nfs4 server:/share rw
27 22 0:45 / {top}/gone rw - xfs /dev/sdz rw
nonsense"""


def test_each_stored_file_system_is_read_once_by_its_shortest_path(tmp_path: Path) -> None:
    plant(tmp_path, {"mountinfo": MOUNTS.format(top=tmp_path)})
    (found,) = read_file_systems(str(tmp_path / "mountinfo"))
    room = os.statvfs(tmp_path)
    assert (found.path, found.device) == (str(tmp_path), "/dev/sda2")
    assert found.total_bytes == room.f_blocks * room.f_frsize
    assert 0 <= found.free_bytes <= found.total_bytes


def test_what_is_mounted_twice_goes_by_its_shorter_path_and_nonsense_is_passed_over(tmp_path: Path) -> None:
    plant(tmp_path, {"mountinfo": MOUNTS.format(top="/top") + "\n28 22 x:y / /bad rw - ext4 /dev/sdx rw"})
    assert mount_points(str(tmp_path / "mountinfo")) == {
        (8, 2): "/top", (8, 3): "/top/with space", (0, 5): "/proc", (0, 44): "/top", (0, 45): "/top/gone",
    }  # fmt: skip


def test_the_file_system_of_this_machine_is_found() -> None:
    assert any(found.total_bytes > 0 for found in read_file_systems("/proc/self/mountinfo"))


def test_fans_are_read_with_their_labels_and_one_that_cannot_be_read_has_no_speed(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {"hwmon3/name": "nct6775", "hwmon3/fan1_input": 1200, "hwmon3/fan1_label": "CPU", "hwmon3/fan2_input": "x"},
    )
    one, other = read_fans(str(tmp_path))
    assert (one.label, one.speed_rpm) == ("CPU", 1200)
    assert (other.label, other.speed_rpm) == ("fan 2", None)


def test_a_fans_key_is_the_same_after_a_reboot_in_another_order(tmp_path: Path) -> None:
    keys = []
    for boot, (first, second) in enumerate((("hwmon0", "hwmon1"), ("hwmon7", "hwmon2"))):
        root = tmp_path / str(boot)
        for chip, place in ((first, "nct6775.656"), (second, "nct6775.2592")):
            plant(root, {f"class/{chip}/name": "nct6775", f"class/{chip}/fan1_input": 900, f"devices/{place}/x": ""})
            plant(root, {f"class/{chip}/fan2_input": 800, f"class/{chip}/fan2_label": "CPU"})
            (root / "class" / chip / "device").symlink_to(root / "devices" / place)
        keys.append({fan.key for fan in read_fans(str(root / "class"))})
    assert keys[0] == keys[1]
    assert len(keys[0]) == 4
    assert "nct6775/nct6775.656/CPU" in keys[0]


def test_without_fans_the_reason_is_given(tmp_path: Path) -> None:
    parts = PartsReader(tmp_path, tmp_path).read()
    assert parts.fans == ()
    assert parts.no_fans == NO_FANS
    assert parts.no_file_systems


def test_throttling_is_summed_over_packages_and_unknown_where_nobody_counts(tmp_path: Path) -> None:
    assert ThrottleReader(tmp_path).read() is None
    cpus = {0: (0, 50), 1: (0, 50), 2: (1, 7)}
    for cpu, (package, spent_ms) in cpus.items():
        folder = f"devices/system/cpu/cpu{cpu}"
        plant(
            tmp_path,
            {
                f"{folder}/topology/physical_package_id": package,
                f"{folder}/thermal_throttle/package_throttle_total_time_ms": spent_ms,
            },
        )
    assert ThrottleReader(tmp_path).read() == 57


def traits_of(pid: int, limit_s: float = 30) -> np.void:
    """What is read of a process that spins, as soon as it has been seen doing so."""
    reader, table = TraitsReader(), ProcessTable()
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        found = reader.read(table.read())
        rows = found[found["pid"] == pid]
        if len(rows):
            return rows[0]
        time.sleep(0.3)
    raise TimeoutError(f"{pid} was never found busy")


def test_at_what_clock_a_process_runs_that_spins_is_read_of_the_cpu_it_runs_on(tmp_path: Path) -> None:
    (tmp_path / "devices/system/cpu/cpufreq/policy0").mkdir(parents=True)
    for cpu in range(os.cpu_count() or 1):
        plant(tmp_path, {f"devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq": 2_000_000})
    reader, table = TraitsReader(sysfs_root=tmp_path), ProcessTable()
    deadline_s = time.monotonic() + 30
    with subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.DEVNULL) as spinning:
        try:
            while spinning.pid not in [clock.pid for clock in reader.clocks] and time.monotonic() < deadline_s:
                reader.read(table.read())
                time.sleep(0.3)
        finally:
            spinning.kill()
    (found,) = [clock for clock in reader.clocks if clock.pid == spinning.pid]
    assert found.clock_khz == 2_000_000


@pytest.mark.parametrize("nice", [0, 7])
def test_a_process_that_spins_is_looked_at_and_its_niceness_known(nice: int) -> None:
    with subprocess.Popen(["nice", "-n", str(nice), sys.executable, "-c", SPIN], stdin=subprocess.DEVNULL) as spinning:
        try:
            row = traits_of(spinning.pid)
        finally:
            spinning.kill()
    assert row["nice"] == os.nice(0) + nice
    assert row["passed_known"]
    assert not row["lost_terminal"]


def test_a_process_whose_terminal_was_closed_is_known_by_it() -> None:
    forked, terminal = pty.fork()
    if forked == 0:  # the terminal's own session: what it starts outlives the hang-up
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with subprocess.Popen([sys.executable, "-c", SPIN]) as child:
            os.write(1, f"{child.pid}\n".encode())
            child.wait()
        os._exit(0)
    spinning = int(os.read(terminal, 64))
    try:
        assert traits_of(spinning)["is_foreground"]
        os.close(terminal)
        assert traits_of(spinning)["lost_terminal"]
    finally:
        os.kill(spinning, signal.SIGKILL)
        os.waitpid(forked, 0)
