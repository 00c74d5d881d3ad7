from __future__ import annotations

import asyncio
import contextlib
import json
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.activity import TABLES as ACTIVITY_TABLES
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.network import BLOCK_IO, Network
from smoothtask_gui.domain.parts import Parts
from smoothtask_gui.sources.items import ItemError, decode, encode, layouts_from_json, layouts_to_json
from smoothtask_gui.sources.protocol import Item, SourceChanged
from smoothtask_gui.sources.recording import (
    RecordingError,
    RecordingReader,
    RecordingSource,
    RecordingWriter,
    laid_open,
)
from tests.fakes.activity_rows import full_activity
from tests.fakes.batches import rows
from tests.fakes.networks import address, network, socket_row, traffic_row
from tests.fakes.recordable import EVENTS, batch

WIRED = replace(
    batch(3 * 10**9),
    network=network(socket_row(5, local=address(127, 0, 0, 1)), traffic=(traffic_row(),), own_uid=None),
    block_io=rows({"major": 8, "latencies": np.arange(32)}, dtype=BLOCK_IO),
)
ITEMS: tuple[Item, ...] = (
    SourceChanged("helper", "it answers"),
    batch(),
    WIRED,
    *EVENTS,
    batch(2 * 10**9, source="procfs"),
)


def written(path: Path, items: tuple[Item, ...] = ITEMS) -> Path:
    with RecordingWriter(path, 1000, "smoothtask 1.2.3") as writer:
        for item in items:
            writer.write(item)
    return path


def test_a_recording_laid_open_holds_the_same_items(tmp_path: Path) -> None:
    path = written(tmp_path / "packed")
    opened = tmp_path / "open"
    opened.write_bytes(laid_open(path.read_bytes()))
    assert opened.stat().st_size > path.stat().st_size
    items, notice = read(opened)
    assert (list(map(encode, items)), notice) == (list(map(encode, read(path)[0])), "")


def read(path: Path) -> tuple[list[Item], str]:
    reader = RecordingReader(path)
    return list(reader.items()), reader.notice


def same_network(one: Network | None, other: Network | None) -> bool:
    if one is None or other is None:
        return one is other
    tables = [(one.sockets, other.sockets), (one.traffic, other.traffic), (one.closes, other.closes)]
    plain = (one.own_uid, one.truncated) == (other.own_uid, other.truncated)
    return plain and all(np.array_equal(mine, theirs) for mine, theirs in tables)


def same(one: Item, other: Item) -> bool:
    if isinstance(one, Batch) and isinstance(other, Batch):
        tables = [np.array_equal(one.processes, other.processes)]
        tables.append(one.exited is other.exited is None or np.array_equal(one.exited, other.exited))
        tables.append(one.block_io is other.block_io is None or np.array_equal(one.block_io, other.block_io))
        tables.append(one.traits is other.traits is None or np.array_equal(one.traits, other.traits))
        tables.append(same_network(one.network, other.network))
        plain = (
            "boottime_ns",
            "realtime_ns",
            "source",
            "system",
            "sensors",
            "exits",
            "lost",
            "unavailable",
            "gpus",
            "origins",
            "parts",
        )
        return all(tables) and all(getattr(one, name) == getattr(other, name) for name in plain)
    return one == other


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    items, notice = read(written(tmp_path / "a.rec"))
    assert notice == ""
    assert len(items) == len(ITEMS)
    assert all(map(same, items, ITEMS))


def test_the_header_tells_who_made_it_and_where(tmp_path: Path) -> None:
    reader = RecordingReader(written(tmp_path / "a.rec"))
    reader.close()
    header = reader.header
    assert (header.made_by, header.kernel, header.period_ms) == ("smoothtask 1.2.3", os.uname().release, 1000)


def test_the_source_replays_and_keeps_the_batches_own_source(tmp_path: Path) -> None:
    async def replay() -> list[Item]:
        return [item async for item in RecordingSource(written(tmp_path / "a.rec")).items(1)]

    found = asyncio.run(replay())
    assert [item.source for item in found if isinstance(item, Batch)] == ["helper", "helper", "procfs"]


def test_cut_short_at_each_byte_the_good_part_is_read_and_the_rest_told(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.rec", ITEMS[:3]).read_bytes()
    header_bytes = 16 + int.from_bytes(whole[12:16], "little") + 4
    cut = tmp_path / "cut.rec"
    counts = []
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        if length < header_bytes:
            with pytest.raises(RecordingError, match=r"cut short in its header|no SmoothTask recording"):
                RecordingReader(cut)
            continue
        items, notice = read(cut)
        assert "cut short" in notice
        counts.append(len(items))
        assert all(map(same, items, ITEMS))
    assert counts == sorted(counts)
    assert counts[-1] == 3  # only the mark of a finished recording is missing


def test_each_flipped_byte_is_noticed_with_its_place(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.rec", (EVENTS[0], EVENTS[1])).read_bytes()
    start = 16 + int.from_bytes(whole[12:16], "little") + 4
    damaged = tmp_path / "damaged.rec"
    for at in range(start, len(whole)):
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with pytest.raises(RecordingError, match=r"damaged: the item at byte \d+"):
            read(damaged)


def test_a_newer_version_is_refused_naming_both(tmp_path: Path) -> None:
    path = written(tmp_path / "a.rec")
    octets = bytearray(path.read_bytes())
    octets[8] = 9
    path.write_bytes(octets)
    with pytest.raises(RecordingError, match="version 9, this program reads up to 2"):
        RecordingReader(path)


@pytest.mark.parametrize("octets", [b"", b"PNG", b"x" * 100, b"STREC\n\x1a"])
def test_a_foreign_file_is_refused(octets: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(octets)
    with pytest.raises(RecordingError, match="no SmoothTask recording"):
        RecordingReader(tmp_path / "a.rec")


def test_a_folder_or_fifo_is_refused_without_hanging(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(RecordingError, match="no regular file"):
            RecordingReader(path)
        with pytest.raises(RecordingError):
            RecordingWriter(path, 1000, "x", overwrite=True)
    with pytest.raises(RecordingError, match="No such file"):
        RecordingReader(tmp_path / "nothing")


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    path.write_text("dear to me")
    with pytest.raises(RecordingError, match="--force"):
        RecordingWriter(path, 1000, "x")
    assert path.read_text() == "dear to me"
    RecordingWriter(path, 1000, "x", overwrite=True).close()
    assert read(path) == ([], "")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("dear to me")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(RecordingError):
        RecordingWriter(tmp_path / "link", 1000, "x", overwrite=True)
    assert (tmp_path / "target").read_text() == "dear to me"


def test_a_full_disk_is_told_with_what_is_saved() -> None:
    writer = RecordingWriter.__new__(RecordingWriter)
    with Path("/dev/full").open("wb", buffering=0) as full:
        writer._path, writer._count, writer._file = Path("full.rec"), 2, full
        with pytest.raises(RecordingError, match="No space left on device; 2 items"):
            writer.write(EVENTS[0])


def test_the_recording_is_private(tmp_path: Path) -> None:
    assert written(tmp_path / "a.rec").stat().st_mode & 0o077 == 0


def test_a_packed_bomb_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.rec", ())
    whole = path.read_bytes()
    packed = zlib.compress(bytes(80 << 20), 9)
    head = len(packed).to_bytes(4, "little") + zlib.crc32(packed).to_bytes(4, "little")
    start = 16 + int.from_bytes(whole[12:16], "little") + 4
    path.write_bytes(whole[:start] + head + zlib.crc32(head).to_bytes(4, "little") + packed)
    with pytest.raises(RecordingError, match="wrong length"):
        read(path)


LAYOUTS = layouts_from_json(layouts_to_json())
FIRST_VERSION = Path(__file__).parent / "version-1.rec"
"""Written by the program of 21 November 2026."""


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 5))
def test_a_changed_item_gives_an_item_or_an_item_error(flips: list[tuple[int, int]], which: int) -> None:
    octets = bytearray(encode(ITEMS[which]))
    for at, value in flips:
        octets[at % len(octets)] = value
    with contextlib.suppress(ItemError):
        decode(bytes(octets), LAYOUTS)


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_any_layout_is_taken_or_refused(found: object) -> None:
    with pytest.raises(ItemError):
        layouts_from_json({"processes": found, "exited": found})


def test_a_recording_with_more_columns_than_ours_is_read() -> None:
    layouts = layouts_to_json()
    layouts["processes"].append(["future", "<u8"])
    item = replace(batch(rows=1), traits=None)
    octets = encode(item)
    grown = octets[: -item.exited.nbytes] + bytes(8) + octets[-item.exited.nbytes :]
    assert same(decode(grown, layouts_from_json(layouts)), item)


def test_what_hooks_counted_is_recorded() -> None:
    item = replace(batch(), activity=full_activity())
    found = decode(encode(item), LAYOUTS)
    assert isinstance(found, Batch)
    for name, _ in ACTIVITY_TABLES:
        np.testing.assert_array_equal(getattr(found.activity, name), getattr(item.activity, name), name)


def test_a_recording_of_the_first_version_is_read() -> None:
    items, notice = read(FIRST_VERSION)
    assert notice == ""
    assert [type(item).__name__ for item in items] == ["SourceChanged", "Batch", "Batch"]
    last = items[-1]
    assert isinstance(last, Batch)
    assert last.network is None
    assert last.block_io is None
    then = batch(2 * 10**9, source="procfs")
    system = replace(then.system, forks=None, disks=(), unix_sockets=None)
    assert same(last, replace(then, origins=(), parts=Parts(), traits=None, system=system))


def test_a_column_of_another_kind_is_refused() -> None:
    layouts = layouts_to_json()
    layouts["sockets"][0][1] = "|S16"
    with pytest.raises(ItemError, match="the column cookie"):
        layouts_from_json(layouts)


def test_a_recording_from_before_cards_energy_origins_and_parts_is_read() -> None:
    octets = encode(replace(batch(), traits=None))
    length = int.from_bytes(octets[:4], "little")
    head = json.loads(octets[4 : 4 + length])
    del (
        head["gpus"],
        head["origins"],
        head["system"]["package_energy_uj"],
        head["system"]["unix_sockets"],
        head["parts"],
    )
    del head["traits"], head["system"]["disks"]
    older = json.dumps(head).encode()
    found = decode(len(older).to_bytes(4, "little") + older + octets[4 + length :], LAYOUTS)
    assert isinstance(found, Batch)
    assert (found.gpus, found.origins) == ((), ())
    assert (found.system.package_energy_uj, found.system.unix_sockets) == (None, None)
    assert (found.parts, found.traits, found.system.disks) == (Parts(), None, ())


@pytest.mark.parametrize(
    "origins", [5, [{}], [{"pid": "x", "start_ns": 1}], [{"pid": 1, "start_ns": 1, "place_entry": 7}]]
)
def test_origins_of_another_form_are_refused(origins: object) -> None:
    octets = encode(batch())
    length = int.from_bytes(octets[:4], "little")
    text = json.dumps(json.loads(octets[4 : 4 + length]) | {"origins": origins}).encode()
    with pytest.raises(ItemError):
        decode(len(text).to_bytes(4, "little") + text + octets[4 + length :], LAYOUTS)


@pytest.mark.parametrize(
    "gpus", [5, [5], [{}], [{"key": "k"}], [{"processes": [{"pid": "x"}]}], {"key": 1}, [[[]]], None, "x"]
)
def test_cards_of_another_form_are_refused(gpus: object) -> None:
    octets = encode(batch())
    length = int.from_bytes(octets[:4], "little")
    head = json.loads(octets[4 : 4 + length]) | {"gpus": gpus}
    text = json.dumps(head).encode()
    with pytest.raises(ItemError):
        decode(len(text).to_bytes(4, "little") + text + octets[4 + length :], LAYOUTS)
