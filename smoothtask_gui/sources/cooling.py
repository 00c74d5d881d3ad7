"""In what state the processor's cooling devices are now, from /sys/class/thermal: what events alone don't tell.

An event (tracepoint cdev_update) tells a change. Nothing is heard of a device that throttled before the helper's
program was there (BCC compiles for seconds), whose event was lost, or that thermald sets through sysfs
(cur_state_store() of drivers/thermal/thermal_sysfs.c has no tracepoint). And with BCC an event doesn't say which of
several devices it means.

Only devices of the processor are read: their drivers answer from a variable, a fan's or a card's may ask firmware or
wake the card. One that can't be read stays as it was told last; without /sys all is as the events say.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.batch import CoolingEvent
from smoothtask_gui.domain.cooling import is_processor_cooling
from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import Batch

KEEP_NS: Final = 10_000_000_000
"""How long events alone are believed."""
_DEVICE: Final = re.compile(r"cooling_device(\d+)")


class CoolingStates:
    """Remembers what one stream told of the processor's devices; gives as events what it didn't."""

    def __init__(self, sysfs_root: Path = Path("/sys")) -> None:
        self._folder = f"{sysfs_root}/class/thermal"
        self._told: dict[int, tuple[str, int]] = {}  # type and state, by id, of those above 0
        self._read_ns: int | None = None
        self._lost_events = 0

    def identify(self, event: CoolingEvent) -> tuple[CoolingEvent, ...]:
        """The event, or, where it doesn't say of which device it is, what has changed of all that it may mean."""
        if not is_processor_cooling(event.device_type):
            return (event,)
        if event.device_id >= 0:
            self._note(event)
            return (event,)
        types = self._types()
        states = self._states(types)
        if event.device_type not in {types[device_id] for device_id in states}:
            return (event,)
        changed = [one for one, state in states.items() if state != self._told.get(one, ("", 0))[1]]
        return tuple(self._tell(one, types[one], states[one]) for one in changed)

    def unheard(self, batch: Batch) -> tuple[CoolingEvent, ...]:
        """After a tick: which devices throttle, or do so no more, without a word of it.

        All that throttle after the first tick, since what came before it belongs to nobody, and when events were lost;
        else every KEEP_NS what has changed.
        """
        anew = self._read_ns is None or batch.lost.events != self._lost_events
        if self._read_ns is not None and not anew and 0 <= batch.boottime_ns - self._read_ns < KEEP_NS:
            return ()
        self._read_ns, self._lost_events = batch.boottime_ns, batch.lost.events
        types = self._types()
        gone = [(one, *self._told[one]) for one in self._told if types and one not in types]
        found = [self._tell(one, device_type, 0) for one, device_type, _ in gone]
        for one, state in self._states(types).items():
            was_active = one in self._told
            if (state > 0) != was_active or (anew and was_active):
                found.append(self._tell(one, types[one], state))
        return tuple(found)

    def _types(self) -> dict[int, str]:
        """All devices, by id: the number in a name is the id that the kernel's side tells."""
        numbers = [int(found[1]) for found in map(_DEVICE.fullmatch, files.list_names(self._folder)) if found]
        return {one: files.read_text(f"{self._path(one)}/type") or "" for one in sorted(numbers)}

    def _states(self, types: dict[int, str]) -> dict[int, int]:
        """Of the processor's devices that can be read. intel_powerclamp says -1 for "not at work"."""
        mine = [one for one, device_type in types.items() if is_processor_cooling(device_type)]
        read = {one: files.read_int(f"{self._path(one)}/cur_state") for one in mine}
        return {one: max(0, state) for one, state in read.items() if state is not None}

    def _tell(self, device_id: int, device_type: str, state: int) -> CoolingEvent:
        most = files.read_int(f"{self._path(device_id)}/max_state") or 0
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        event = CoolingEvent(now_ns, device_id, device_type, state, max(0, most))
        self._note(event)
        return event

    def _note(self, event: CoolingEvent) -> None:
        if event.target_state > 0:
            self._told[event.device_id] = (event.device_type, event.target_state)
        else:
            self._told.pop(event.device_id, None)

    def _path(self, device_id: int) -> str:
        return f"{self._folder}/cooling_device{device_id}"
