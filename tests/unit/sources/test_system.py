from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.sources import system
from smoothtask_gui.sources.disks import parse_diskstats
from smoothtask_gui.sources.power import read_on_battery
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.system import (
    PAGE_BYTES,
    SystemReader,
    parse_meminfo,
    parse_net_dev,
    parse_pressure,
    parse_stat,
    parse_unix_sockets,
)
from tests.fakes.descriptors import no_free_descriptor
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

STAT = "cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\nintr 5"
DISKSTATS = """ 254 0 vda 10 0 100 0 20 0 200 0 0 0 0 0 0 0 0 0 0
 254 1 vda1 10 0 90 0 20 0 190 0 0 0 0 0 0 0 0 0 0
 253 0 dm-0 10 0 90 0 20 0 190 0 0 0 0 0 0 0 0 0 0
 7 0 loop0 5 0 50 0 5 0 50 0 0 0 0 0 0 0 0 0 0
 8 0 sdb 1 0 8 0 1 0 16 0 0 0 0"""
NET_DEV = """Inter-|   Receive  |  Transmit
 face |bytes packets errs drop |bytes packets errs drop
    lo: 500 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0
  eth0:1000 1 0 0 0 0 0 0 300 1 0 0 0 0 0 0
wlan0: 20 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0"""


def test_busy_is_all_but_idle_and_iowait_and_guests_count_once() -> None:
    times = parse_stat(STAT.encode())
    assert (times.cpus, times.busy, times.idle, times.iowait, times.steal) == (2, 171, 400, 50, 8)


@pytest.mark.parametrize("text", ["", "cpu 1 2 3", "cpux 1 2 3 4 5 6 7 8 9", "cpu a b c d e f g h i"])
def test_a_stat_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"first line|invalid literal"):
        parse_stat(text.encode())


def test_meminfo_is_in_bytes_and_odd_lines_are_left_out() -> None:
    text = b"MemTotal:  16 kB\nHugePages_Total:  5\nnonsense\nSwapFree: x kB\n"
    assert parse_meminfo(text) == {b"MemTotal": 16384}


def test_disk_sectors_are_of_512_bytes() -> None:
    disk = parse_diskstats(DISKSTATS.encode())[0]
    assert (disk.name, disk.read_bytes, disk.write_bytes) == ("vda", 51200, 102400)
    assert parse_diskstats(b"1 2 short 3\n") == []


def test_network_is_all_interfaces_but_lo() -> None:
    assert parse_net_dev(NET_DEV.encode()) == (1020, 307)
    assert parse_net_dev(b"Inter-|\n face |bytes\n") is None


def test_pressure_is_the_some_total() -> None:
    assert parse_pressure(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 total=4\n") == 123
    assert parse_pressure(b"full total=4\n") is None
    assert parse_pressure(b"some total=\n") is None


def test_unix_sockets_are_those_of_both_protocols() -> None:
    head = b"protocol  size sockets  memory press maxhdr  slab module\n"
    older = head + b"UNIX      1024    209      -1   NI       0   yes  kernel\n"
    assert parse_unix_sockets(older) == 209
    assert parse_unix_sockets(older + b"UNIX-STREAM 1024  18  -1   NI  0 yes  kernel\n") == 227
    assert parse_unix_sockets(head) is None


def test_a_unix_socket_more_is_counted_on_this_machine() -> None:
    before = SystemReader().read().unix_sockets
    with ExitStack() as kept:
        for _ in range(500):  # others' come and go meanwhile
            for end in socket.socketpair():
                kept.enter_context(end)
        now = SystemReader().read().unix_sockets
    assert before is not None
    assert now is not None
    assert now - before > 500


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    return plant(
        tmp_path,
        {
            "proc/stat": STAT,
            "proc/meminfo": "MemTotal: 100 kB\nMemAvailable: 40 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB",
            "proc/diskstats": DISKSTATS,
            "proc/net/dev": NET_DEV,
            "proc/pressure/cpu": "some avg10=0.00 total=9",
            "sys/block/vda/device/x": 1,
            "sys/block/sdb/device/x": 1,
            "sys/block/dm-0/x": 1,
            "sys/block/loop0/x": 1,
        },
    )


def test_whole_disks_only_are_summed(machine: Path) -> None:
    reading = SystemReader(machine / "proc", machine / "sys").read()
    assert reading.disk_read_bytes == 51200 + 8 * 512
    assert reading.disk_write_bytes == 102400 + 16 * 512


def test_what_the_kernel_does_not_tell_is_none_and_not_zero(machine: Path) -> None:
    for name in ("meminfo", "diskstats", "net/dev", "pressure/cpu"):
        (machine / "proc" / name).unlink()
    reading = SystemReader(machine / "proc", machine / "sys").read()
    assert reading.cpus == 2
    missing = (
        reading.memory_total_bytes,
        reading.swap_free_bytes,
        reading.disk_read_bytes,
        reading.disk_write_bytes,
        reading.network_sent_bytes,
        reading.cpu_pressure_us,
        reading.on_battery,
        reading.unix_sockets,
    )
    assert missing == (None,) * 8


def test_without_sysfs_no_disk_is_guessed(machine: Path) -> None:
    assert SystemReader(machine / "proc", machine / "nowhere").read().disk_read_bytes is None


def test_without_proc_stat_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Is /proc mounted"):
        SystemReader(tmp_path, tmp_path).read()
    plant(tmp_path, {"stat": "nonsense"})
    with pytest.raises(SourceError, match="proc_stat"):
        SystemReader(tmp_path, tmp_path).read()


def test_without_a_free_descriptor_the_reason_is_that_and_what_raises_the_limit() -> None:
    reader = SystemReader()
    with no_free_descriptor(), pytest.raises(SourceError) as raised:
        reader.read()
    assert str(raised.value).startswith("/proc/stat can't be read: Too many open files. SmoothTask has as many files")
    assert "ulimit -n" in str(raised.value)
    assert "mounted" not in str(raised.value)


def test_this_machine_can_be_read() -> None:
    reading = SystemReader().read()
    assert reading.cpus >= 1
    assert reading.cpu_busy_ns > 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"AC/type": "Mains", "AC/online": 1, "BAT0/type": "Battery", "BAT0/status": "Charging"}, False),
        ({"AC/type": "Mains", "AC/online": 0, "BAT0/type": "Battery", "BAT0/status": "Discharging"}, True),
        ({"BAT0/type": "Battery", "BAT0/status": "Full"}, False),
        ({"BAT0/type": "Battery"}, None),
        ({"mouse/type": "Battery", "mouse/scope": "Device", "mouse/status": "Discharging"}, False),
    ],
)
def test_a_battery_feeds_the_machine_only_if_it_discharges(
    files: dict[str, str | int], expected: bool | None, tmp_path: Path
) -> None:
    assert read_on_battery(str(plant(tmp_path, files))) is expected


def test_pages_are_bytes_and_full_pressure_is_not_some(machine: Path) -> None:
    plant(
        machine,
        {
            "proc/vmstat": "nr_free_pages 1\npswpin 3\npswpout 5\npgmajfault 7",
            "proc/pressure/memory": "some avg10=0.00 total=11\nfull avg10=0.00 total=12",
            "proc/pressure/io": "some avg10=0.00 total=13\nfull avg10=0.00 total=14",
        },
    )
    reading = SystemReader(machine / "proc", machine / "sys").read()
    assert (reading.swap_in_bytes, reading.swap_out_bytes) == (3 * PAGE_BYTES, 5 * PAGE_BYTES)
    assert reading.major_faults == 7
    assert (reading.memory_pressure_us, reading.memory_full_pressure_us) == (11, 12)
    assert (reading.io_pressure_us, reading.io_full_pressure_us) == (13, 14)


def test_sockets_are_counted_every_ten_seconds_and_not_at_each_tick(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = [10**12]
    monkeypatch.setattr(system.time, "clock_gettime_ns", lambda _clock: now_ns[0])
    reader = SystemReader(machine / "proc", machine / "sys")
    counts = []
    for second, count in ((0, 5), (9, 6), (10, 7)):
        plant(machine, {"proc/net/protocols": f"protocol\nUNIX 1024 {count} -1\n"})
        now_ns[0] = 10**12 + second * 10**9
        counts.append(reader.read().unix_sockets)
    assert counts == [5, 5, 7]
