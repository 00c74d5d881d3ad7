"""One incident in full: the fact, the evidence, what was done about it, and every button that there is for it.

What a notification can't show (some servers show three buttons, some none) is here. Text from other programs is shown
literally.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from smoothtask_gui.domain.choices import Scope, ScopeKind
from smoothtask_gui.domain.incident import Action, Incident
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.actions import button_text, hint, why_not, why_quiet
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.status_line import clock

_DEEDS_SHOWN: Final = 4
_HOUR_S: Final = 3_600
_SPANS_S: Final = (_HOUR_S, 8 * _HOUR_S, 24 * _HOUR_S, 7 * 24 * _HOUR_S)


class IncidentCard(QWidget):
    """Hidden while there is no incident to show."""

    acted = Signal(int, Action)  # incident id
    snooze_wanted = Signal(object, int)  # Scope, or an incident's id; for how many seconds

    def __init__(self, own_uid: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own_uid = own_uid
        self._incident: Incident | None = None
        self.headline = PlainLabel(bold=True, wrap=True)
        self.evidence = PlainLabel(wrap=True)
        self.method = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.quiet = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.deeds = PlainLabel(wrap=True)
        self.buttons = {action: self._button(action) for action in Action if action is not Action.SHOW}
        self._snoozes = QMenu(self)
        self.buttons[Action.SNOOZE].setMenu(self._snoozes)
        self._lay_out()
        self.hide()

    def show_incident(self, incident: Incident | None) -> None:
        """Explain this one; None hides the card."""
        before, self._incident = self._incident, incident
        self.setVisible(incident is not None)
        if incident is None or incident == before:
            return
        self.headline.say(incident.title)
        self.evidence.say(incident.body)
        _say(self.method, "  ".join(part for part in (self._shares(incident), self._method(incident)) if part))
        _say(self.quiet, why_quiet(incident.hushed) if incident.hushed else "")
        _say(self.deeds, "\n".join(self._deeds(incident)))
        self._offer(incident)

    def _offer(self, incident: Incident) -> None:
        target = incident.target
        for action, button in self.buttons.items():
            button.setVisible(action in incident.actions)
            reason = why_not(incident, action)
            button.setEnabled(not reason)
            button.setText(button_text(action, target.comm if target else ""))
            button.setToolTip(formats.tooltip(reason or hint(incident, action, self._own_uid)))
        if Action.SNOOZE in incident.actions:
            self._fill_snoozes(incident)

    def _fill_snoozes(self, incident: Incident) -> None:
        self._snoozes.clear()
        scopes: list[tuple[str, Scope | int]] = [(self.tr("This alert"), incident.id)]
        who = incident.culprit
        if who is not None and who.identity is not None:
            name = formats.label(formats.name(who.name, 24))
            about_it = Scope(ScopeKind.APP, subject=who.app_id or who.identity.comm, name=who.name)
            scopes.append((self.tr("All about {name}").format(name=name), about_it))
        scopes.append((self.tr("All of this kind"), Scope(ScopeKind.RULE, incident.rule)))
        scopes.append((self.tr("Everything"), Scope(ScopeKind.EVERYTHING)))
        spans = (self.tr("for 1 hour"), self.tr("for 8 hours"), self.tr("for 1 day"), self.tr("for 1 week"))
        for text, scope in scopes:
            menu = self._snoozes.addMenu(text)
            for span, seconds in zip(spans, _SPANS_S, strict=True):
                entry = QAction(span, menu)
                entry.triggered.connect(
                    lambda *_, scope=scope, seconds=seconds: self.snooze_wanted.emit(scope, seconds)
                )
                menu.addAction(entry)

    def _shares(self, incident: Incident) -> str:
        shares = [
            f"{formats.apart(formats.name(share.name, 40))} {formats.percent(share.ratio)}" for share in incident.shares
        ]
        if incident.rest_ratio is not None and shares:
            shares.append(self.tr("the rest {ratio}").format(ratio=formats.percent(incident.rest_ratio)))
        return "   ".join(shares)

    def _method(self, incident: Incident) -> str:
        return self.tr("Method: {method}.").format(method=incident.method) if incident.method else ""

    def _deeds(self, incident: Incident) -> list[str]:
        said = []
        for deed in incident.deeds[-_DEEDS_SHOWN:]:
            who = self.tr("You") if deed.who == "you" else deed.who
            mark = "✓" if deed.succeeded else "✗"
            said.append(f"{mark} {clock(deed.realtime_ns)}  {who}: {formats.name(deed.result, 400)}")
        return said

    def _button(self, action: Action) -> QPushButton:
        button = QPushButton()
        button.setMinimumHeight(theme.TARGET_PX)
        if action is not Action.SNOOZE:
            button.clicked.connect(lambda: self._press(action))
        return button

    def _press(self, action: Action) -> None:
        if self._incident is not None and not why_not(self._incident, action):
            self.acted.emit(self._incident.id, action)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, 0)
        for label in (self.headline, self.evidence, self.method, self.quiet, self.deeds):
            column.addWidget(label)
        row = QHBoxLayout()
        row.addStretch(1)
        for button in self.buttons.values():
            row.addWidget(button)
        column.addLayout(row)


def _say(label: PlainLabel, text: str) -> None:
    label.say(text)
    label.setVisible(bool(text))
