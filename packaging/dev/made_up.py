"""A made-up machine for pictures: processes, apps, sensors, cards and costs of every kind and magnitude."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from smoothtask_gui.domain.activity_rates import (
    ActivityRates,
    CallerRates,
    FileSystemRates,
    FileUserRates,
    RunQueueRates,
    SyscallRates,
)
from smoothtask_gui.domain.activity_reading import ActivityReading, Others
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import Lost, SensorReading
from smoothtask_gui.domain.connections import CONNECTION
from smoothtask_gui.domain.description import Application, CacheCounts, Description
from smoothtask_gui.domain.gpu_rates import BY_DRIVER, BY_PROCESSES, GpuProcessRate, GpuRates
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.domain.own_cost import HelperCost, OwnReading, ProbeCost, ProbeUse
from smoothtask_gui.domain.sample import RATE, ExitedRate, Sample, SystemRates
from smoothtask_gui.domain.store import Store
from smoothtask_gui.domain.unix_sockets import UnixHolding

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.ui.activity_page import Parts

SECOND_NS = 1_000_000_000
NOON_NS = 1_795_348_865 * SECOND_NS
NAMES = (
    b"HandBrakeCLI", b"firefox-esr", b"Isolated Web Co", b"gnome-shell", b"Xwayland", b"node", b"code",
    b"kworker/u8:3-ev", b"pipewire", b"<b>bold</b>&amp", "Музыка".encode(), b"new\nline\x1b[31m", b"telegram-deskto",
    b"systemd-journal", b"dbus-daemon", b"python3", b"rust-analyzer", b"cc1plus", b"smoothtask",
)  # fmt: skip
ORIGINS: dict[bytes, dict[str, Any]] = {
    b"firefox-esr": {"program_entry": Application("firefox-esr", "Firefox ESR", "firefox-esr")},
    b"HandBrakeCLI": {"program_entry": Application("fr.handbrake.ghb", "HandBrake", "fr.handbrake.ghb")},
    b"code": {"program_entry": Application("code", "Visual Studio Code - a very long name of an application", "")},
    b"<b>bold</b>&amp": {"program_entry": Application("evil", "<b>bold</b>&amp;\n\x1b[31m\u202eevil", "/etc/passwd")},
    b"systemd-journal": {"cgroup": "/system.slice/systemd-journald.service"},
    b"dbus-daemon": {"cgroup": f"/system.slice/docker-{'0123456789abcdef' * 4}.scope"},
    b"telegram-deskto": {
        "cgroup": "/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.telegram.desktop-7.scope"
    },
}
USERS = {0: "root", 1000: "anna", 1001: "very-long-user-name-of-the-company", 65534: "nobody"}


def user_name(uid: int) -> str:
    """The made-up machine's users."""
    return USERS.get(uid, str(uid))


def processes(count: int, seed: int) -> np.ndarray:
    """`count` processes with loads of every magnitude, gaps included."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, RATE)
    rows["pid"] = np.sort(rng.choice(np.arange(1, 400_000), count, replace=False))
    rows["start_ns"] = rows["pid"] * np.uint64(1000)
    rows["uid"] = rng.choice(list(USERS), count, p=(0.4, 0.5, 0.07, 0.03))
    rows["comm"] = rng.choice(NAMES, count)
    rows["threads"] = rng.integers(1, 90, count)
    rows["cpu_ratio"] = np.where(rng.random(count) < 0.8, 0, rng.pareto(1.5, count) * 0.03)
    rows["cpu_ratio"][:3] = (3.92, 1.0, 0.314)
    rows["run_delay_ratio"] = rows["cpu_ratio"] * 0.1
    rows["rss_bytes"] = rng.pareto(1.0, count) * 2e7
    rows["read_bps"] = np.where(rng.random(count) < 0.9, 0, rng.pareto(0.6, count) * 4e3)
    rows["write_bps"] = np.where(rng.random(count) < 0.9, 0, rng.pareto(0.6, count) * 4e3)
    foreign = rows["uid"] != 1000
    rows["read_bps"][foreign] = np.nan
    rows["write_bps"][foreign] = np.nan
    for name in ("received_bps", "sent_bps"):
        rows[name] = np.where(rng.random(count) < 0.8, 0, rng.pareto(0.8, count) * 4e3)
        rows[name][foreign] = np.nan
    rows["is_kernel"] = (rows["comm"] == b"kworker/u8:3-ev") & foreign
    rows["parent_pid"] = 1
    rows["parent_pid"][rows["comm"] == b"Isolated Web Co"] = rows["pid"][rows["comm"] == b"firefox-esr"][0]
    return rows


def origins(rows: np.ndarray) -> tuple[Origin, ...]:
    """Where some of them come from: with a desktop entry, a unit, a container."""
    return tuple(
        Origin(int(row["pid"]), int(row["start_ns"]), **ORIGINS[bytes(row["comm"])])
        for row in rows
        if bytes(row["comm"]) in ORIGINS
    )


def connections(count: int, seed: int) -> np.ndarray:
    """Connections of every kind, states and gaps included."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, CONNECTION)
    rows["cookie"] = np.arange(1, count + 1)
    rows["pid"] = rng.integers(300, 400_000, count)
    rows["comm"] = rng.choice(NAMES, count)
    rows["protocol"] = rng.choice((6, 17), count, p=(0.8, 0.2))
    rows["state"] = np.where(
        rows["protocol"] == 17, 7, rng.choice((1, 10, 6, 8, 2), count, p=(0.7, 0.1, 0.1, 0.05, 0.05))
    )
    rows["family"] = rng.choice((2, 10), count, p=(0.7, 0.3))
    rows["local_port"], rows["remote_port"] = rng.integers(1024, 65535, count), rng.choice((443, 80, 22, 5353), count)
    rows["remote_port"][rows["state"] == 10] = 0
    rows["retransmits"] = np.where(rng.random(count) < 0.8, 0, rng.integers(1, 300, count))
    for place, row in enumerate(rows):
        wide = row["family"] == 10
        for side in ("local", "remote"):
            octets = rng.bytes(12 if wide else 4)
            rows[side][place] = np.void(((b"\x20\x01\x0d\xb8" if wide else b"") + octets).ljust(16, b"\0"))
    for name, scale in (("received_bps", 3e4), ("sent_bps", 4e3), ("received_bytes", 1e7), ("sent_bytes", 2e5)):
        rows[name] = np.where(rng.random(count) < 0.3, 0, rng.pareto(0.8, count) * scale)
    listens = rows["state"] == 10
    for name, scale in (("receive_queue_bytes", 2e3), ("send_queue_bytes", 3e4)):
        rows[name] = np.where(rng.random(count) < 0.8, 0, rng.pareto(0.8, count) * scale)
        rows[name][listens] = np.nan
    rows["waiting_connections"] = np.where(listens, rng.integers(0, 5, count), np.nan)
    rows["rtt_us"], rows["age_s"] = rng.pareto(1.5, count) * 9000, rng.pareto(0.7, count) * 60
    rows["rtt_us"][rows["protocol"] == 17] = np.nan
    rows["retransmits"][rows["protocol"] == 17] = np.nan
    rows["age_s"][::7] = np.nan
    over = rows["state"] == 6
    rows["pid"][over], rows["comm"][over] = 0, b""
    gone = ("received_bps", "sent_bps", "received_bytes", "sent_bytes", "retransmits", "rtt_us", "receive_queue_bytes",
            "send_queue_bytes")  # fmt: skip
    for name in gone:
        rows[name][over] = np.nan
    return rows


def sensors(temperature_c: float) -> tuple[SensorReading, ...]:
    """A desktop's sensors, a broken and a floating one among them."""
    return (
        SensorReading("k10temp/pci/Tctl", "k10temp", "Tctl", "cpu", temperature_c, None, 100.0),
        SensorReading("k10temp/pci/Tccd1", "k10temp", "Tccd1", "cpu", temperature_c - 6, None, None),
        SensorReading("amdgpu/pci/edge", "amdgpu", "edge", "gpu", 52.0, None, 110.0),
        SensorReading("nvme/pci/Composite", "nvme", "Composite", "disk", 41.9, 81.9, 84.9),
        SensorReading("nct6798/AUXTIN1", "nct6798", "AUXTIN1", "board", None, None, None,
                      "The sensor has said 111 °C ever since start, so nothing seems to be connected to it."),
        SensorReading("spd5118/i2c/1", "spd5118", "", "memory", 44.5, 55.0, 85.0),
        SensorReading("iwlwifi_1/temp1", "iwlwifi_1", "", "other", None, None, None, "The network card is off."),
    )  # fmt: skip


def gpus(rows: np.ndarray) -> tuple[GpuRates, ...]:
    """A desktop's three cards: busy, asleep, and one that only its users tell about."""
    users = [
        GpuProcessRate(int(row["pid"]), int(row["start_ns"]), ratio, memory, {"gfx": ratio, "dec": ratio / 3})
        for row, ratio, memory in zip(rows, (0.71, 0.12, 0.004), (3_100_000_000, 410_000_000, None), strict=False)
    ]
    return (
        GpuRates("0000:00:02.0", "i915", "Intel 9a49", "active", 0.12, BY_PROCESSES, {"render": 0.12, "video": 0.03},
                 None, None, None, 1300.0, None, tuple(users[1:2]), ""),
        GpuRates("0000:0a:00.0", "amdgpu", "AMD 744c", "active", 0.83, BY_DRIVER, {"gfx": 0.71, "dec": 0.24},
                 9_100_000_000, 25_700_000_000, 287.0, 2480.0, 71.0, (users[0], users[2]), ""),
        GpuRates("0000:0b:00.0", "nvidia", "NVIDIA 2684", "asleep", None, "", {}, None, None, None, None, None, (),
                 "It sleeps; asking would wake it."),
    )  # fmt: skip


def system(busy_ratio: float, rng: np.random.Generator) -> SystemRates:
    """One machine with 8 CPUs and 32 GB."""
    return SystemRates(
        cpus=8, cpu_busy_ratio=busy_ratio, cpu_iowait_ratio=0.01, cpu_attributed_ratio=busy_ratio * 0.98,
        memory_total_bytes=33_400_000_000, memory_used_bytes=int(9.1e9 + 2e9 * busy_ratio), swap_used_bytes=0,
        disk_read_bps=float(rng.pareto(1.2) * 2e6), disk_write_bps=float(rng.pareto(1.2) * 5e5),
        network_received_bps=float(3.1e6 + rng.normal(0, 4e5)), network_sent_bps=float(2e5 + rng.normal(0, 2e4)),
        cpu_pressure_ratio=busy_ratio**4, memory_pressure_ratio=0.0, io_pressure_ratio=0.01, on_battery=False,
        package_watts=12 + 40 * busy_ratio,
    )  # fmt: skip


def filled_store(rng: np.random.Generator, seconds: int = 90) -> tuple[Store, Sample]:
    """A minute and a half of history with a gap in it, and the last sample."""
    store, grouper = Store(), AppGrouper()
    grouper.learn(origins(processes(400, 3)))
    for second in range(seconds):
        busy = float(np.clip(0.3 + 0.25 * np.sin(second / 9) + rng.normal(0, 0.04) + 0.4 * (second > 70), 0, 1))
        temperature = 55 + 40 * busy
        sample = Sample(
            boottime_ns=(1000 + second) * SECOND_NS, realtime_ns=NOON_NS + second * SECOND_NS, interval_ns=SECOND_NS,
            source="helper", processes=processes(400, 3),
            exited=(ExitedRate("cc1", 4711, 1000, 37, 0.61), ExitedRate("sh", 4711, 1000, 112, 0.07)),
            system=system(busy, rng), sensors=sensors(temperature), lost=Lost(),
            unavailable={"network": "other users' connections: they need the administrator's consent"},
            find_connections=lambda: connections(60, 5),
            gpus=gpus(processes(400, 3)),
        )  # fmt: skip
        sample = grouper.group(sample)
        if 40 <= second < 47:
            store.gap(sample.boottime_ns)
        else:
            store.append(sample)
    return store, sample


DESCRIPTIONS = (
    Description(
        "/usr/lib/firefox/firefox-bin",
        "/usr/lib/firefox/firefox-bin -contentproc -childID 3 -isForBrowser -prefsHandle 0:34567 -prefMapHandle "
        "1:259312 -jsInitHandle 2:240908 -parentBuildID 20261103 -sandboxReporter 3 -chrootClient 4 -appDir /usr/lib",
        "anna", "app-flatpak-org.mozilla.firefox-4711.scope", None, "org.mozilla.firefox",
        Application("org.mozilla.firefox", "Firefox Web Browser", "firefox"),
    ),
    Description("/opt/<b>x</b>&amp/run", "run\n\x1b[31m\u202eevil", "very-long-user-name-of-the-company",
                "docker-0123.scope", "docker 0123456789ab"),
)  # fmt: skip


def describe(who: ProcessIdentity, answer: Callable[[Description], None]) -> None:
    """A made-up process, a hostile one every other time."""
    answer(DESCRIPTIONS[who.pid % 2])


def ask_cost(ask_helper: bool, answer: Callable[[OwnReading], None]) -> None:
    """A helper with its probes, one of them failed; without the helper, the reason. Answers twice, so rates show."""
    maps = (35_000, 36_000, 400_000)
    probes = tuple(
        ProbeCost(name, "running", "", 12_345 * place, 9_876_543 * place, 40_960 * place, *maps)
        for place, name in enumerate(("task_snapshot", "process_events", "sockets", "socket_events", "block_io"), 1)
    )
    probes += (
        ProbeCost("cpu_frequency", "failed", "this kernel has no power:cpu_frequency", None, None, 0, 9_000, 0, 9_000),
        ProbeCost("gpu_fences", "waiting", "every graphics card sleeps; it is loaded when one wakes up", None, None, 0),
    )
    helper = HelperCost(4 * SECOND_NS, 7_000_000, 31_000_000, 4_200_000, 3700 * SECOND_NS, 1, probes)
    caches = (("processes", CacheCounts(93, 7, 1, 45, 512)), ("applications", CacheCounts(0, 0, 0, 0, 1024)))
    reason = "The helper is not installed: install the package smoothtask-helper."
    first = OwnReading(
        100 * SECOND_NS, 2 * SECOND_NS, 96_000_000, 500, caches, 512_000, helper if ask_helper else None,
        "" if ask_helper else reason,
    )  # fmt: skip
    answer(first)
    grown = tuple(
        replace(probe, runs=probe.runs + 40, run_ns=probe.run_ns + 90_000) if probe.runs and probe.run_ns else probe
        for probe in probes
    )
    later = replace(helper, cpu_ns=helper.cpu_ns + 9_000_000, programs_ns=9_000_000, probes=grown)
    answer(
        replace(
            first, boottime_ns=102 * SECOND_NS, app_cpu_ns=first.app_cpu_ns + 8_000_000, app_wakeups=531,
            helper=later if ask_helper else None,
        )
    )  # fmt: skip


def watch_activity(parts: Parts, others: Others, answer: Callable[[ActivityReading], None]) -> None:
    """Answers at once for what is counted: a hostile name, one that is too long; all users' calls with consent."""
    if not parts:
        return
    callers = tuple(
        CallerRates(100 + place, 7, comm, 90_000.0 / place**2, 12.0 / place, 0.9 / place)
        for place, comm in enumerate(("firefox-esr", "<b>bold</b>&amp", "a-program-with-a-name-of-fifteen", "dbus"), 1)
    )
    calls = tuple(
        SyscallRates(number, 40_000.0 / (number or 500), 0.0, 3.0, 2.05, 1_073.7 * (number or 9))
        for number in (0, 1, 7, 202, 232, 9_999, None)
    )
    users = tuple(
        FileUserRates(one.pid, 7, one.comm, 30.0, 4e6 / at, 2e6 * at, 2.0 * at, 0.02 * at)
        for at, one in enumerate(callers, 1)
    )
    systems = (
        FileSystemRates(259, 2, "btrfs", 80.0, 9e6, 4e6, 12.0, 2_097.2, 33_554.4, "/"),
        FileSystemRates(0, 38, "tmpfs", 9.0, 1e3, 0.0, 0.0, None, None, "/run/user/1000"),
    )
    slots = tuple(4_000.0 * 2.718 ** (-((slot - 14) ** 2) / 12) + (3.0 if slot > 22 else 0.0) for slot in range(32))
    waits = RunQueueRates(sum(slots), 41.0, 16.4, 2_097.2, slots)
    holders = tuple(
        UnixHolding(one.pid, 7, one.comm, 30_000 // 9**at, 4 - at if at else None, 12 * (at == 2) if at else None)
        for at, one in enumerate(callers)
    )
    costs = tuple(
        ProbeUse(ProbeCost(name, "running", "", 9_000, 1_800_000, 135_000), 1_200.0, 0.021)
        for name in ("syscalls", "file_activity", "run_queue", "unix_sockets")
    )
    rates = ActivityRates(
        run_queue=waits, callers=callers, file_users=users,
        syscalls=None if others is Others.UNSEEN else calls, file_systems=None if others is Others.UNSEEN else systems,
        unix_holders=holders,
    )  # fmt: skip
    answer(ActivityReading(rates, costs, sees_all=others is not Others.UNSEEN))
