"""App and helper of different versions: what an earlier one was promised holds, what a later one adds harms nobody.

`frozen/VERSION` is the contract of an earlier version, kept by ./dev freeze: its bus interfaces, its records, a stream
of its real helper, and what its app made of it. docs/api/compatibility.md has the rules. The other direction, a frozen
client on today's helper, is in lane bus.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources import records
from smoothtask_gui.sources.frames import FrameError, decode_frame
from smoothtask_gui.sources.helper_stream import HelperSource
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.surroundings import Surroundings
from tests.contract.freezing import kept, told
from tests.contract.layout import ROOT, read_constants, read_header
from tests.fakes.stream import FakeHelper, packet, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kept = list[tuple[bytes, bytes | None]]

FROZEN: Final = sorted(path for path in (ROOT / "tests" / "contract" / "frozen").iterdir() if path.is_dir())
NEW_BYTES: Final = 16
UNHEARD_OF: Final = 900
"""A number that no packet, event or section has."""
HINT: Final = "later versions keep what a released one promised; while VERSION isn't released: ./dev freeze"

each_version = pytest.mark.parametrize("version", FROZEN, ids=lambda path: path.name)


class Played(FakeHelper):
    """A helper whose stream is given."""

    def __init__(self, stream: Iterable[tuple[bytes, bytes | None]]) -> None:
        super().__init__()
        self._stream = stream

    def hello(self, visibility: int = records.Visibility.ALL, kinds: int = 0) -> None:
        for octets, frame in self._stream:
            self.send(octets, [] if frame is None else [sealed(frame)])


def heard(stream: Iterable[tuple[bytes, bytes | None]], ticks: int) -> list[Batch]:
    """What today's app makes of a stream."""

    async def listen() -> list[Batch]:
        batches: list[Batch] = []
        items = HelperSource(Played(stream), Surroundings(kind_of)).items(1000)
        while len(batches) < ticks:
            item = await anext(items)
            if isinstance(item, Batch):
                batches.append(item)
        await items.aclose()
        return batches

    return asyncio.run(listen())


def frames_of(stream: Kept) -> list[bytes]:
    return [frame for _, frame in stream if frame is not None]


@each_version
def test_no_field_of_a_record_has_moved_or_gone(version: Path) -> None:
    now = read_header()
    for name, layout in read_header(version / "records.h").items():
        assert layout.members.items() <= now[name].members.items(), f"struct {name}: {HINT}"
        assert layout.size <= now[name].size


@each_version
def test_no_number_has_another_meaning(version: Path) -> None:
    then, now = read_constants(version / "records.h"), read_constants()
    sets = {name for name in then if name == "ST_KINDS_OPT_IN"}
    assert {name: value for name, value in then.items() if name not in sets}.items() <= now.items(), HINT
    assert all(then[name] & ~now[name] == 0 for name in sets), "a set of bits may grow"


@each_version
@pytest.mark.parametrize("interface", ["Sampler1", "Control1"])
def test_no_method_and_no_property_of_the_bus_has_changed_or_gone(version: Path, interface: str) -> None:
    name = f"io.github.smoothtask.{interface}.xml"
    then, now = promises(version / name), promises(ROOT / "resources" / "dbus" / name)
    assert then
    assert then.items() <= now.items(), HINT


def promises(path: Path) -> dict[str, list[dict[str, str]]]:
    """Each method with its arguments, each property and signal with its attributes."""
    members = ET.parse(path).findall("./interface/*")
    return {f"{member.tag} {member.get('name')}": [dict(part.attrib) for part in member.iter()] for member in members}


@each_version
def test_todays_app_reads_the_stream_of_that_versions_helper_as_its_own_app_did(version: Path) -> None:
    stream = list(kept(version))
    frames = frames_of(stream)
    batches = heard(stream, len(frames))
    assert [batch.boottime_ns for batch in batches] == [decode_frame(frame).boottime_ns for frame in frames]
    assert sum(len(batch.exits) for batch in batches) > 0
    as_then(version, frames[-1])


def as_then(version: Path, frame: bytes) -> None:
    """What that version's app made of its last frame is what today's makes of this one, table by table."""
    then: dict[str, dict[str, list[Any]] | None] = json.loads((version / "told.json").read_text())
    now = told(decode_frame(frame))
    assert {"processes", "exited", "sockets", "traffic", "block_io"} <= {name for name, table in then.items() if table}
    for name, table in then.items():
        if table is None:
            assert now[name] is None
        else:
            found = now[name]
            assert found is not None
            assert table.items() <= found.items(), name


@each_version
def test_a_later_helper_of_the_same_stream_version_may_say_more_and_is_understood(version: Path) -> None:
    stream = list(kept(version))
    later = list(grown(stream))
    frames = frames_of(later)
    assert len(later) > len(stream)
    before, after = heard(stream, len(frames)), heard(later, len(frames))
    assert [batch.exits for batch in after] == [batch.exits for batch in before]
    assert [batch.lost for batch in after] == [batch.lost for batch in before]
    as_then(version, frames[-1])


def grown(stream: Kept) -> Iterable[tuple[bytes, bytes | None]]:
    """The stream as a later minor version may send it: more of everything that the rules let grow."""
    for octets, frame in stream:
        yield packet(UNHEARD_OF, b"\xee" * 40), None
        yield packet(records.PacketKind.EVENT, struct.pack("@IIQ", UNHEARD_OF, 24, 5) + b"\xee" * 8), None
        later = None if frame is None else grown_frame(frame)
        yield grown_packet(octets, later), later


def grown_packet(octets: bytes, frame: bytes | None) -> bytes:
    """The packet with a longer body; a tick's announces `frame`."""
    kind = int(one(octets, records.PACKET)["kind"])
    body = bytearray(octets[records.PACKET.itemsize :] + b"\xee" * NEW_BYTES)
    if kind == records.PacketKind.EVENT:
        struct.pack_into("@I", body, 4, len(body))
    if frame is not None:
        struct.pack_into("@Q", body, 24, len(frame))
    return packet(kind, bytes(body))


def grown_frame(frame: bytes) -> bytes:
    """Each record longer, and one section more."""
    head = one(frame, records.FRAME).copy()
    count = int(head["section_count"])
    sections = [
        one(frame, records.SECTION, records.FRAME.itemsize + at * records.SECTION.itemsize) for at in range(count)
    ]
    offset = records.FRAME.itemsize + (count + 1) * records.SECTION.itemsize
    head["section_count"], head["header_bytes"] = count + 1, offset
    table, body = b"", b""
    for section in sections:
        width, start = int(section["record_bytes"]), int(section["offset"])
        rows = [frame[start + at * width : start + (at + 1) * width] for at in range(int(section["count"]))]
        table += struct.pack("@IIIIQ", section["kind"], width + NEW_BYTES, len(rows), 0, offset + len(body))
        body += b"".join(row + b"\xee" * NEW_BYTES for row in rows)
    table += struct.pack("@IIIIQ", UNHEARD_OF, 24, 1, 0, offset + len(body))
    body += b"\xee" * 24
    head["frame_bytes"] = offset + len(body)
    return head.tobytes() + table + body


def one(octets: bytes, dtype: np.dtype[np.void], offset: int = 0) -> np.void:
    found: np.void = np.frombuffer(octets, dtype, 1, offset)[0]
    return found


@each_version
def test_a_stream_of_another_version_is_refused_with_who_has_to_be_updated(version: Path) -> None:
    (hello, _), *_ = kept(version)
    later = bytearray(hello)
    struct.pack_into("@H", later, 4, records.STREAM_VERSION + 1)
    with pytest.raises(SourceError, match="speaks stream version 2, this app only 1: update the app"):
        heard([(bytes(later), None)], 1)


@each_version
def test_records_of_a_helper_that_lacks_fields_are_refused_with_who_has_to_be_updated(version: Path) -> None:
    frame = bytearray(frames_of(list(kept(version)))[-1])
    struct.pack_into("@I", frame, records.FRAME.itemsize + 4, 8)
    with pytest.raises(FrameError, match="older than this app; update the package smoothtask-helper"):
        decode_frame(frame)


def test_the_contract_of_a_released_version_is_kept() -> None:
    assert FROZEN
    assert all((version / "stream.bin").stat().st_size > os.sysconf("SC_PAGE_SIZE") for version in FROZEN)
