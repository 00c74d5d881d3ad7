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
import shots_states
from made_up import NOON_NS, SECOND_NS, ask_cost, describe, filled_store, sensors, user_name, watch_activity
from PySide6.QtCore import QTranslator
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shots_history import Past

from smoothtask_gui.domain.choices import Choices, Expected, Scope, ScopeKind, Snooze
from smoothtask_gui.domain.culprit import Culprits
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
from smoothtask_gui.domain.sample import Sample, no_connections
from smoothtask_gui.domain.sensors import Limit
from smoothtask_gui.domain.settings import Settings
from smoothtask_gui.domain.store import Store
from smoothtask_gui.domain.view import View
from smoothtask_gui.ui.history_port import nothing_recorded
from smoothtask_gui.ui.settings_window import SettingsWindow
from smoothtask_gui.ui.window import MainWindow

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample


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
        cpu_limit_reason="", culprits=lambda: Culprits(shares, 0.13, 60 * SECOND_NS, 5.2), open_incidents=(),
        recent_incidents=(), fill_ratio=0.6,
    )  # fmt: skip


def views(sample: Sample) -> dict[str, View]:
    """The states worth looking at."""
    calm = calm_view(sample)
    poor = replace(
        sample, source="procfs", exited=(), sensors=(), gpus=(), find_connections=no_connections, unavailable={
            "exited": "processes that live shorter than a tick: /proc shows only those alive when it is read",
            "io": "disk reads and writes of other users' processes: /proc shows them to their owner only",
        },
        system=replace(sample.system, cpu_pressure_ratio=None, memory_pressure_ratio=None, io_pressure_ratio=None),
    )  # fmt: skip
    return {
        "calm": calm,
        "incident": replace(calm, open_incidents=(HOT, BUSY), recent_incidents=(OVER, replace(OVER, id=6))),
        "procfs": replace(
            calm, source="procfs", sample=poor, cpu_sensor=None, cpu_limit=None, culprits=Culprits,
            notice="The helper is not installed: install the package smoothtask-helper to see short-lived "
            "processes and events.",
        ),
        "waiting": replace(calm, sample=None, cpu_sensor=None, cpu_limit=None, culprits=Culprits),
        "none": replace(
            calm, source="none", sample=None, cpu_sensor=None, cpu_limit=None, culprits=Culprits,
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


def contrast_palette() -> QPalette:
    """White on black, as desktops' high-contrast themes have it."""
    palette = QPalette(QColor("black"), QColor("black"))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(role, QColor("white"))
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#a0a0a0"))
    palette.setColor(QPalette.ColorRole.Base, QColor("black"))
    palette.setColor(QPalette.ColorRole.Highlight, QColor("yellow"))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor("black"))
    return palette


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
            past = Past((BUSY, OVER)) if state == "incident" else nothing_recorded
            window = MainWindow(1000, user_name, describe, ask_cost, remember=past, watch_activity=watch_activity)
            window.show_view(view, Store() if state in {"waiting", "none"} else store)
            self.take(window, f"window-{state}")
            if state == "procfs":
                self._tabs(window, state)
            if state == "incident":
                self._tabs(window, state)
                window.show_incident(BUSY)
                self.take(window, "window-incident-treated")
                window.show_stale(sample.realtime_ns)
                window.tabs.setCurrentIndex(0)
                self.take(window, "window-stale")
            window.close()
        small = MainWindow(1000, user_name, describe, ask_cost, remember=Past((BUSY, OVER)))
        small.resize(640, 480)
        small.show_view(views(sample)["incident"], store)
        self.take(small, "window-small")
        small.tabs.setCurrentWidget(small.apps)
        self.take(small, "window-small-apps")
        small.apps.view.setCurrentIndex(small.apps.model.index(1, 0))
        small.apps.processes.click()
        self.take(small, "window-small-processes-of-one-app")
        small.tabs.setCurrentWidget(small.own_cost)
        self.take(small, "window-small-self-cost")
        small.tabs.setCurrentWidget(small.history)
        self.take(small, "window-small-history")
        small.close()
        broken = MainWindow(1000, user_name, describe, ask_cost, remember=lambda _, answer: answer(
            "/home/anna/.local/state/smoothtask/history.sqlite was written by a newer version of SmoothTask and is "
            "left as it is; update SmoothTask, or move the file away"))  # fmt: skip
        broken.show_view(views(sample)["calm"], store)
        broken.tabs.setCurrentWidget(broken.history)
        self.take(broken, "window-history-broken")
        broken.close()

    def _tabs(self, window: MainWindow, state: str) -> None:
        for tab in range(1, window.tabs.count()):
            window.tabs.setCurrentIndex(tab)
            if window.tabs.widget(tab) is window.apps:
                window.apps.view.setCurrentIndex(window.apps.model.index(1, 0))
            if window.tabs.widget(tab) is window.processes:
                window.processes.view.setCurrentIndex(window.processes.model.index(2, 0))
            if window.tabs.widget(tab) is window.activity and state != "calm":
                for switch in window.activity.switches.values():
                    switch.setChecked(True)
            if window.tabs.widget(tab) is window.history:
                window.history.incidents.view.setCurrentIndex(window.history.incidents.model.index(2, 0))
                line = window.history.timeline
                line.select(tuple(line.since_s + part * (line.until_s - line.since_s) for part in (0.61, 0.73)))
                window.history.refresh()
                self.take(window, f"window-{state}-history-apps")
                window.history.show_incidents.click()
            self.take(window, f"window-{state}-{tab}")

    def settings(self) -> None:
        """The settings window, and with a mistake in it."""
        window = SettingsWindow(Settings(quiet_hours="22:00-07:00"))
        window.quiet.show_choices(CHOSEN)
        self.take(window, "settings-no-sensors")
        window.show_sensors(sensors(71.0))
        seen = [sensor.key for sensor in sensors(71.0)]
        window.limits.show_limits({seen[0]: 92.0, seen[3]: 70.0, seen[5]: 0.0, "nct*": 60.0})
        window.resize(window.width(), 1150)
        self.take(window, "settings")
        window.limits.model.setData(window.limits.model.index(1, 2), "much too hot")
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
    parser.add_argument("--contrast", action="store_true", help="with a palette of high contrast")
    parser.add_argument("--longer", action="store_true", help="with texts a third longer")
    arguments = parser.parse_args()
    if "DISPLAY" not in os.environ and "WAYLAND_DISPLAY" not in os.environ:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    app.setStyle("Fusion")
    if arguments.dark:
        app.setPalette(dark_palette())
    if arguments.contrast:
        app.setPalette(contrast_palette())
    translator = LongWords()
    if arguments.longer:
        app.installTranslator(translator)
    suffix = (
        ("-longer" if arguments.longer else "")
        + ("-dark" if arguments.dark else "")
        + ("-contrast" if arguments.contrast else "")
        + ("-200" if os.environ.get("QT_SCALE_FACTOR") == "2" else "")
    )
    store, sample = filled_store(np.random.default_rng(7))
    photographer = Photographer(app, arguments.folder, suffix)
    photographer.windows(store, sample)
    photographer.settings()
    shots_states.take_all(photographer.take, calm_view(sample), store, HOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
