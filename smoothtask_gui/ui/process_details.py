"""What the selected process is: program, command line, user, unit, start; and what it uses now.

The words come from a callable that may take its time and answers on Qt's thread; until then the pane says so. An
answer to an earlier question is thrown away. All text is foreign: it is escaped, bounded and shown as plain text,
its middle left out where the line is too short (the tooltip has all of it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QDateTime, QLocale, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QWidget

from smoothtask_gui.domain.description import Description
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone

if TYPE_CHECKING:
    import numpy as np
    from PySide6.QtGui import QResizeEvent

    from smoothtask_gui.domain.sample import Sample

Describe = Callable[[ProcessIdentity, Callable[[Description], None]], None]
"""Asks for a description; the answer comes later, on Qt's thread."""

_ICON_PX: Final = 32
_LINE_BYTES: Final = 256
_LONG_LINE_BYTES: Final = 1024


def nothing_known(who: ProcessIdentity, answer: Callable[[Description], None]) -> None:
    """A `Describe` that knows nothing and says so."""
    del who
    answer(Description())


class ElidedLabel(PlainLabel):
    """One line that gives way: its middle is left out, the tooltip has the whole text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.full_text = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, text: str) -> None:
        self.full_text = text
        self.setToolTip(formats.tooltip(text))
        self._elide()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self.full_text, Qt.TextElideMode.ElideMiddle, self.width())
        super().say(shown)


class ProcessDetails(QFrame):
    """Hidden while no process is selected."""

    def __init__(self, describe: Describe, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._describe = describe
        self._who: ProcessIdentity | None = None
        self._described = False
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.program, self.command, self.owner, self.unit, self.now = (ElidedLabel() for _ in range(5))
        self.icon = PlainLabel()  # beside the application's name, so it needs no words of its own
        self._lay_out()
        self.hide()

    def show_process(self, who: ProcessIdentity | None) -> None:
        """Describe another process, or none; the same one again isn't asked for twice."""
        if who == self._who:
            return
        self._who, self._described = who, False
        self.setVisible(who is not None)
        if who is None:
            return
        for label in (self.program, self.command, self.owner, self.unit, self.now):
            label.say("")
        self._show_icon("")
        self.program.say(self.tr("reading…"))
        self._describe(who, lambda description: self._answered(who, description))

    def show_use(self, row: np.void | None, sample: Sample) -> None:
        """Renew what the process uses; `row` is of dtype RATE, None once it has ended."""
        who = self._who
        if who is None:
            return
        if row is None:
            self.now.say(self.tr("It has ended."))
            return
        said = self.tr("{cpu} of a core, {memory} of memory, running for {age}").format(
            cpu=formats.percent(float(row["cpu_ratio"])),
            memory=formats.size(float(row["rss_bytes"])),
            age=formats.duration((sample.boottime_ns - who.start_ns) / 1e9),
        )
        started = (sample.realtime_ns - sample.boottime_ns + who.start_ns) // 1_000_000
        moment = QLocale().toString(QDateTime.fromMSecsSinceEpoch(started), QLocale.FormatType.ShortFormat)
        self.now.say(self.tr("{use}, since {moment}").format(use=said, moment=moment))

    def _answered(self, who: ProcessIdentity, description: Description) -> None:
        if who != self._who or self._described:
            return
        self._described = True
        application = description.application
        self._show_icon(application.icon if application else "")
        executable = self._known(description, "executable", description.executable)
        if application is not None:
            executable = f"{formats.name(application.name)} · {executable}"
        self.program.say(executable)
        self.command.say(self._known(description, "command_line", description.command_line, _LONG_LINE_BYTES))
        self.owner.say(self._known(description, "user", description.user))
        where = [self._known(description, "unit", description.unit)]
        where += [formats.name(text) for text in (description.container, description.flatpak_id) if text]
        self.unit.say(" · ".join(where))

    def _show_icon(self, name: str) -> None:
        """Only icons of the desktop's theme: a desktop entry may name any file, which needn't be a picture."""
        icon = QIcon.fromTheme(name) if name and "/" not in name else QIcon()
        self.icon.setPixmap(icon.pixmap(_ICON_PX, _ICON_PX))
        self.icon.setVisible(not icon.isNull())

    def _known(self, description: Description, field: str, value: str | None, limit: int = _LINE_BYTES) -> str:
        if value is not None:
            return formats.name(value, limit)
        return formats.name(description.why_unknown(field), _LINE_BYTES) or formats.MISSING

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(*[theme.GRID_PX] * 4)
        grid.setHorizontalSpacing(theme.GRID_PX * 2)
        grid.setVerticalSpacing(theme.GRID_PX // 2)
        lines = (
            (self.tr("Program"), self.program),
            (self.tr("Command line"), self.command),
            (self.tr("User"), self.owner),
            (self.tr("Unit"), self.unit),
            (self.tr("Now"), self.now),
        )
        for place, (title, label) in enumerate(lines):
            grid.addWidget(PlainLabel(title, tone=Tone.MUTED), place, 0)
            grid.addWidget(label, place, 1)
            label.setAccessibleName(title)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.icon, 0, 2, len(lines), 1, Qt.AlignmentFlag.AlignTop)
