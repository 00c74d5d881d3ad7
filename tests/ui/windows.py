"""What tests of the main window share: whose it is (the fixture is in conftest.py), and how a view comes to it."""

from typing import Final

from smoothtask_gui.ui.window import MainWindow
from tests.ui import samples

ANNA: Final = 1000


def show(window: MainWindow, **changes: object) -> None:
    """The usual view with these changes; `shown` is its sample."""
    window.show_view(samples.view(changes.pop("shown", samples.sample()), **changes), samples.store())
