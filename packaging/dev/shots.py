"""Render every window with demanding content to build/screenshots, for people to look at.

Not a test: it shows what tests can't judge (alignment, clipping, tone). Run it under a real X server for real fonts
and styles: `xvfb-run -a python packaging/dev/shots.py`; without a display it uses Qt's offscreen platform.
QT_SCALE_FACTOR=2 makes the 200 % pictures. The content is made up and says so in its names.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTranslator
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from smoothtask_gui.domain.batch import Lost, SensorReading
from smoothtask_gui.domain.choices import Choices, Expected, Scope, ScopeKind, Snooze
from smoothtask_gui.domain.connections import CONNECTION
from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.description import Application, Description
from smoothtask_gui.domain.gpu_rates import BY_DRIVER, BY_PROCESSES, GpuProcessRate, GpuRates
from smoothtask_gui.domain.incident import (
    Action,
    Deed,
    Hushed,
    Incident,
    IncidentState,
    ProcessIdentity,
    Severity,
    Share,
)
from smoothtask_gui.domain.joining import arrange
from smoothtask_gui.domain.sample import RATE, ExitedRate, Sample, SystemRates
from smoothtask_gui.domain.sensors import Limit
from smoothtask_gui.domain.settings import Settings
from smoothtask_gui.domain.store import Store
from smoothtask_gui.domain.view import View
from smoothtask_gui.ui.settings_window import SettingsWindow
from smoothtask_gui.ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_NS = 1_000_000_000
NOON_NS = 1_795_348_865 * SECOND_NS
NAMES = (
    b"HandBrakeCLI", b"firefox-esr", b"Isolated Web Co", b"gnome-shell", b"Xwayland", b"node", b"code",
    b"kworker/u8:3-ev", b"pipewire", b"<b>bold</b>&amp", "Музыка".encode(), b"new\nline\x1b[31m", b"telegram-deskto",
    b"systemd-journal", b"dbus-daemon", b"python3", b"rust-analyzer", b"cc1plus", b"smoothtask",
)  # fmt: skip
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
    return rows


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
    rows["rtt_us"], rows["age_s"] = rng.pareto(1.5, count) * 9000, rng.pareto(0.7, count) * 60
    rows["rtt_us"][rows["protocol"] == 17] = np.nan
    rows["retransmits"][rows["protocol"] == 17] = np.nan
    rows["age_s"][::7] = np.nan
    over = rows["state"] == 6
    rows["pid"][over], rows["comm"][over] = 0, b""
    for name in ("received_bps", "sent_bps", "received_bytes", "sent_bytes", "retransmits", "rtt_us"):
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
    store = Store()
    for second in range(seconds):
        busy = float(np.clip(0.3 + 0.25 * np.sin(second / 9) + rng.normal(0, 0.04) + 0.4 * (second > 70), 0, 1))
        temperature = 55 + 40 * busy
        sample = Sample(
            boottime_ns=(1000 + second) * SECOND_NS, realtime_ns=NOON_NS + second * SECOND_NS, interval_ns=SECOND_NS,
            source="helper", processes=processes(400, 3),
            exited=(ExitedRate("cc1", 4711, 1000, 37, 0.61), ExitedRate("sh", 4711, 1000, 112, 0.07)),
            system=system(busy, rng), sensors=sensors(temperature), lost=Lost(),
            unavailable={"network": "other users' connections: they need the administrator's consent"},
            connections=connections(60, 5),
            gpus=gpus(processes(400, 3)),
        )  # fmt: skip
        if 40 <= second < 47:
            store.gap(sample.boottime_ns)
        else:
            store.append(sample)
    return store, sample


def incident(number: int, severity: Severity, title: str, body: str, *, resolved: bool = False) -> Incident:
    """An incident with culprits."""
    shares = (
        Share("HandBrakeCLI", 0.71, ProcessIdentity(4242, 1, 1000, "HandBrakeCLI")),
        Share("firefox-esr", 0.12, ProcessIdentity(4243, 2, 1000, "firefox-esr")),
        Share("<b>bold</b>&amp", 0.04, None),
    )
    start_ns = (1000 + number) * SECOND_NS
    return Incident(
        id=number, rule="overheating", severity=severity,
        state=IncidentState.RESOLVED if resolved else IncidentState.FIRING, title=title, body=body,
        started_boottime_ns=start_ns, started_realtime_ns=NOON_NS + number * SECOND_NS,
        resolved_boottime_ns=start_ns + 130 * SECOND_NS if resolved else None, subject="k10temp/pci/Tctl",
        value=96.0, limit=95.0, shares=shares, rest_ratio=0.13, method="estimated from CPU time",
        actions=() if resolved else arrange("overheating", (Action.SHOW, Action.STOP, Action.SNOOZE)),
    )  # fmt: skip


HOT = incident(
    80, Severity.CRITICAL, "CPU at 96 °C: HandBrakeCLI is heating it",
    "HandBrakeCLI 71 %, firefox-esr 12 %, the rest 17 % of CPU time in the last minute. Throttled for 8 s.",
)  # fmt: skip
BUSY = incident(
    50, Severity.WARNING, "node has used 3.9 cores for 6 minutes",
    "Started by code; it has used at least 3.1 cores all that time.",
)  # fmt: skip
BUSY = replace(
    BUSY, hushed=Hushed.FULL_SCREEN, actions=(Action.RESUME, Action.LIMIT, Action.STOP, Action.SNOOZE, Action.EXPECTED),
    deeds=tuple(
        Deed(NOON_NS, "you", Action.PAUSE, "HandBrakeCLI", f"HandBrakeCLI {result}", succeeded)
        for result, succeeded in (
            ("can't be limited: its unit holds 3 other processes, and a lower priority could not be undone.", False),
            ("is paused (12 processes). It goes on in 30 min, or when SmoothTask ends.", True),
        )
    ),
)  # fmt: skip
CHOSEN = Choices(
    (
        Snooze(Scope(ScopeKind.APP, subject="<b>bold</b>&amp"), NOON_NS),
        Snooze(Scope(ScopeKind.ALERT, "runaway", "7:1", "HandBrakeCLI has used 3.9 cores for 6 minutes"), NOON_NS),
    ),
    (Expected("runaway", "rust-analyzer", NOON_NS),),
)
OVER = incident(
    5, Severity.WARNING, "CPU cooled down to 71 °C after HandBrakeCLI was stopped", "It took 2 min 10 s.", resolved=True
)


def calm_view(sample: Sample) -> View:
    """All is well, readings from the helper."""
    cpu = sample.sensors[0]
    shares = HOT.shares
    return View(
        source="helper", notice="", sample=sample, cpu_sensor=cpu, cpu_limit=Limit(100.0, is_critical=True),
        cpu_limit_reason="", culprits=Culprits(shares, 0.13, 60 * SECOND_NS, 5.2), open_incidents=(),
        recent_incidents=(), fill_ratio=0.6,
    )  # fmt: skip


def views(sample: Sample) -> dict[str, View]:
    """The states worth looking at."""
    calm = calm_view(sample)
    poor = replace(
        sample, source="procfs", exited=(), sensors=(), gpus=(), connections=None, unavailable={
            "exited": "processes that live shorter than a tick: /proc shows only those alive when it is read",
            "io": "disk reads and writes of other users' processes: /proc shows them to their owner only",
        },
        system=replace(sample.system, cpu_pressure_ratio=None, memory_pressure_ratio=None, io_pressure_ratio=None),
    )  # fmt: skip
    return {
        "calm": calm,
        "incident": replace(calm, open_incidents=(HOT, BUSY), recent_incidents=(OVER, replace(OVER, id=6))),
        "procfs": replace(
            calm, source="procfs", sample=poor, cpu_sensor=None, cpu_limit=None, culprits=Culprits(),
            notice="The helper is not installed: install the package smoothtask-helper to see short-lived "
            "processes and events.",
        ),
        "waiting": replace(calm, sample=None, cpu_sensor=None, cpu_limit=None, culprits=Culprits()),
        "none": replace(
            calm, source="none", sample=None, cpu_sensor=None, cpu_limit=None, culprits=Culprits(),
            notice="The helper stopped and /proc can't be read (Permission denied). SmoothTask tries again each 10 s.",
        ),
    }  # fmt: skip


def dark_palette() -> QPalette:
    """A usual dark desktop palette (Breeze Dark's values)."""
    palette = QPalette(QColor("#31363b"), QColor("#2a2e32"))
    for role, colour in (
        (QPalette.ColorRole.WindowText, "#fcfcfc"), (QPalette.ColorRole.Text, "#fcfcfc"),
        (QPalette.ColorRole.ButtonText, "#fcfcfc"), (QPalette.ColorRole.Base, "#1b1e20"),
        (QPalette.ColorRole.AlternateBase, "#232629"), (QPalette.ColorRole.Highlight, "#3daee9"),
        (QPalette.ColorRole.HighlightedText, "#fcfcfc"),
    ):  # fmt: skip
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#a1a9b1"))
    return palette


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


class Photographer:
    """Shows windows one after the other and saves what they look like."""

    def __init__(self, app: QApplication, folder: Path, suffix: str) -> None:
        self._app, self._folder, self._suffix = app, folder, suffix

    def take(self, widget: QWidget, name: str) -> None:
        """Save one picture."""
        widget.show()
        for _ in range(5):
            self._app.processEvents()
        path = self._folder / f"{name}{self._suffix}.png"
        widget.grab().save(str(path))
        print(path)

    def windows(self, store: Store, sample: Sample) -> None:
        """Every tab and every state."""
        for state, view in views(sample).items():
            window = MainWindow(1000, user_name, describe)
            window.show_view(view, Store() if state in {"waiting", "none"} else store)
            self.take(window, f"window-{state}")
            if state == "procfs":
                self._tabs(window, state, (1, 2, 3, 4, 5))
            if state == "incident":
                self._tabs(window, state, (1, 2, 3, 4, 5))
                window.show_incident(BUSY)
                self.take(window, "window-incident-treated")
                window.show_stale(sample.realtime_ns)
                window.tabs.setCurrentIndex(0)
                self.take(window, "window-stale")
            window.close()
        small = MainWindow(1000, user_name, describe)
        small.resize(640, 480)
        small.show_view(views(sample)["incident"], store)
        self.take(small, "window-small")
        small.close()

    def _tabs(self, window: MainWindow, state: str, tabs: tuple[int, ...]) -> None:
        for tab in tabs:
            window.tabs.setCurrentIndex(tab)
            if tab == 1:
                window.processes.view.setCurrentIndex(window.processes.model.index(2, 0))
            self.take(window, f"window-{state}-{tab}")

    def settings(self) -> None:
        """The settings window, and with a mistake in it."""
        window = SettingsWindow(Settings(quiet_hours="22:00-07:00"))
        window.quiet.show_choices(CHOSEN)
        window.resize(window.width(), 1150)
        self.take(window, "settings")
        window.clear_cores.setValue(window.cores.value() + 1)
        self.take(window, "settings-wrong")
        window.close()


class LongWords(QTranslator):
    """Every text a third longer, as a translation may be."""

    def translate(self, _context: str, text: str, _comment: str | None = None, _count: int = -1) -> str:
        """`text` with a tail; placeholders, units and mnemonics stay."""
        return text if " kB" in text or len(text) < 2 else text + "·" + "ый" * max(1, len(text) // 7)


def main() -> int:
    """Take all pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--longer", action="store_true", help="with texts a third longer")
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ and "WAYLAND_DISPLAY" not in os.environ:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    app.setStyle("Fusion")
    if arguments.dark:
        app.setPalette(dark_palette())
    translator = LongWords()
    if arguments.longer:
        app.installTranslator(translator)
    suffix = (
        ("-longer" if arguments.longer else "")
        + ("-dark" if arguments.dark else "")
        + ("-200" if os.environ.get("QT_SCALE_FACTOR") == "2" else "")
    )
    store, sample = filled_store(np.random.default_rng(7))
    photographer = Photographer(app, arguments.folder, suffix)
    photographer.windows(store, sample)
    photographer.settings()
    return 0


if __name__ == "__main__":
    sys.exit(main())
