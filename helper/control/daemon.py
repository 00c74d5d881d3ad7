"""The Control process: the only place that constructs its parts. `bus/serving.py` tells how it lives and ends."""

import asyncio
import functools
import os
from dataclasses import dataclass, field
from pathlib import Path

from helper.bus import journal
from helper.bus.authority import Patience
from helper.bus.quotas import CallRate
from helper.bus.serving import Offer, Place, serve
from helper.control.guards import Guards
from helper.control.keeper import Keeper
from helper.control.privileges import why_unfit
from helper.control.service import ACTIONS_WINDOW_S, MOST_ACTIONS, NAME, PATH, Control


@dataclass(frozen=True, slots=True)
class Options:
    """`interface_file`: what introspection returns. `most_actions`: of a user in 20 s."""

    interface_file: Path
    idle_s: float = 60.0
    patience: Patience = field(default_factory=Patience)
    most_actions: int = MOST_ACTIONS


def run(options: Options) -> int:
    """Serves on the system bus; returns the exit code."""
    if reason := why_unfit():
        journal.write(f"smoothtask-control doesn't start: {reason}")
        return 1
    keeper = Keeper.start()  # before there is a connection or a thread that it would inherit
    offer = Offer(NAME, PATH, options.idle_s, patience=options.patience)
    return asyncio.run(serve(offer, functools.partial(_build, options, keeper)))


def _build(options: Options, keeper: Keeper, place: Place) -> Control:
    xml = options.interface_file.read_text(encoding="utf-8")
    rate = CallRate(options.most_actions, ACTIONS_WINDOW_S, "actions")
    control = Control(place, keeper, Guards(place.bus, {os.getpid(), keeper.pid}), rate, xml)
    place.callers.when_one_leaves(control.leases.end_all_of)
    loop = asyncio.get_running_loop()

    def keeper_died() -> None:
        journal.write("the keeper of paused processes has died: they go on now, and this service ends")
        loop.remove_reader(keeper.socket)
        place.end()

    loop.add_reader(keeper.socket, keeper_died)
    return control
