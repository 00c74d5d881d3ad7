"""From a source's name to a source: the one place that constructs them, for the tray app and the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.auto import AutoSource
from smoothtask_gui.sources.focus.source import FocusSource
from smoothtask_gui.sources.helper_stream import NOTHING_MORE, HelperSource
from smoothtask_gui.sources.names import HELPER, PROCFS, RECORDING
from smoothtask_gui.sources.origins import OriginReader, OriginSource
from smoothtask_gui.sources.pressure import PressureSource
from smoothtask_gui.sources.procfs import ProcfsSource
from smoothtask_gui.sources.recording import RecordingSource
from smoothtask_gui.sources.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.focus import FocusPort
    from smoothtask_gui.sources.activity_kinds import ActivityKinds
    from smoothtask_gui.sources.helper_stream import StreamOpener
    from smoothtask_gui.sources.origins import DesktopIndex
    from smoothtask_gui.sources.protocol import Source


def choose(
    name: str,
    make_opener: Callable[[], StreamOpener],
    desktop: DesktopIndex,
    *,
    patience_s: float = 0.0,
    wants_gpus: Callable[[], bool] = lambda: True,
    opt_in: ActivityKinds = NOTHING_MORE,
    focus: FocusPort | None = None,
) -> Source:
    """The source that `name` means (`names.is_source`); `make_opener` makes the way to the helper, when it is wanted.

    `desktop` names applications.
    "auto" starts on /proc at once, or waits `patience_s` for the helper. `wants_gpus` says whether anyone looks at
    graphics cards now. `opt_in`: probes that cost every process something and run for those who ask. `focus` says where
    the focus is; without it that is unknown.
    """

    def helper() -> Source:
        return HelperSource(make_opener(), Surroundings(kind_of, wants_gpus=wants_gpus), opt_in=opt_in)

    def procfs() -> Source:
        return ProcfsSource(Surroundings(kind_of, wants_gpus=wants_gpus))

    if name.startswith(RECORDING):
        return RecordingSource(Path(name.removeprefix(RECORDING)))
    if name == PROCFS:
        inner: Source = procfs()
    elif name == HELPER:
        inner = helper()
    else:
        inner = AutoSource(helper, procfs, patience_s=patience_s)
    if focus is not None:
        inner = FocusSource(inner, focus)
    return PressureSource(OriginSource(inner, OriginReader(desktop)))
