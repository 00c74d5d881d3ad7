"""The sections that probes of helper.probes.activity give a frame, for the streams that asked for their kind."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.activity import Table
from helper.probes.visibility import Visibility
from helper.sampler.packets import Section
from helper.sampler.probe_set import Slot, State

_FORGET_EVERY_NS: Final = 60 * 10**9


class TableSource(Protocol):
    """The part of helper.probes.activity.ActivityProbe that is used here."""

    def tables(self) -> Sequence[Table]: ...

    def lost(self) -> int: ...

    def forget_idle(self) -> None: ...


class Activity:
    """Reads the probes that run; one that can't be read fails alone and its sections are missing."""

    def __init__(self, sources: Iterable[tuple[Slot, TableSource]] = ()) -> None:
        self._sources = tuple(sources)
        self._forgot_ns = 0
        self._read: dict[str, Sequence[Table]] = {}

    def begin(self) -> None:
        """A new moment: what was read is old."""
        self._read = {}

    def sections(self, visibility: Visibility, kinds: int) -> tuple[Section, ...]:
        """What `visibility` may see of `kinds`, as of the first call since `begin`."""
        return tuple(
            Section(seen.section, seen.record_bytes, seen.rows)
            for slot, source in self._sources
            if slot.kinds & kinds and slot.state is State.RUNNING
            for table in self._tables(slot, source)
            if (seen := table.seen_by(visibility)) is not None
        )

    def lost(self, kinds: int) -> int:
        """Events of `kinds` that are in no table; never runs backwards."""
        return sum(source.lost() for slot, source in self._sources if slot.kinds & kinds)

    def forget_idle(self, now_ns: int) -> None:
        """Makes room in the probes' bounded maps, once a minute."""
        if now_ns < self._forgot_ns + _FORGET_EVERY_NS:
            return
        self._forgot_ns = now_ns
        for slot, source in self._sources:
            if slot.state is State.RUNNING:
                try:
                    source.forget_idle()
                except LoaderError as error:
                    slot.fail(error)

    def _tables(self, slot: Slot, source: TableSource) -> Sequence[Table]:
        """Read once a moment, whoever asks."""
        if slot.probe.name not in self._read:
            try:
                self._read[slot.probe.name] = source.tables()
            except LoaderError as error:
                slot.fail(error)
                return ()
        return self._read[slot.probe.name]
