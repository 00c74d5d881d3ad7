"""PySide6 6.12.0 on Python < 3.12 drops a reference on every void call and aborts after some 5,000.

Short runs pass anyway, so these calls are made 20,000 times; on a broken pair of versions the interpreter dies here.
"""

import sys

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from smoothtask_gui.ui import formats
from smoothtask_gui.ui.graph import Axis, Graph, Picture

CALLS = 20_000


class Emitter(QObject):
    told = Signal(object)


def test_twenty_thousand_emits_cost_no_reference(qapp: QApplication) -> None:
    emitter, heard = Emitter(), []
    emitter.told.connect(heard.append)
    before = [sys.getrefcount(each) for each in (None, True)]
    for number in range(CALLS):
        emitter.told.emit(number)
    after = [sys.getrefcount(each) for each in (None, True)]
    assert heard == list(range(CALLS))
    assert all(abs(then - now) < CALLS / 10 for then, now in zip(before, after, strict=True))


def test_twenty_thousand_updates_of_a_graph_cost_no_reference(qtbot: QtBot) -> None:
    graph = Graph("CPU", Axis(formats.percent, top=1.0))
    qtbot.addWidget(graph)
    picture = Picture(np.arange(5.0)[::-1], (np.full(5, 0.5),), "50 %")
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        graph.show_picture(picture)
        graph.update()
    assert abs(sys.getrefcount(None) - before) < CALLS / 10
