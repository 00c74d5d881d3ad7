"""The block I/O part of a tick: finished requests per disk and operation. The machine's, so shown to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.block_io import BLOCK_IO
from helper.sampler import packets
from helper.sampler.packets import Section
from helper.sampler.probe_set import Slot, State

if TYPE_CHECKING:
    from helper.probes.visibility import Visibility


class BlockRows(Protocol):
    """helper.probes.block_io.BlockIo."""

    def read(self) -> bytes: ...


class Block:
    """The section of KIND_BLOCK_IO; missing while its probe isn't running."""

    kind = packets.KIND_BLOCK_IO

    def __init__(self, slot: Slot, source: BlockRows) -> None:
        self._slot = slot
        self._source = source

    def sections(self, _visibility: Visibility, _moment_ns: int) -> tuple[Section, ...]:
        if self._slot.state is not State.RUNNING:
            return ()
        try:
            rows = self._source.read()
        except LoaderError as error:
            self._slot.fail(error)
            return ()
        return (Section(packets.SECTION_BLOCK_IO, BLOCK_IO.size, rows),)
