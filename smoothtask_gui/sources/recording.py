"""Recordings: what a source yielded, in a file, to be judged again (docs/api/recording-format.md).

Writing is safe against a crash: an item is appended whole, so that a file cut short has lost its last item only. The
reader yields what is good and then says that the end is missing; a damaged item in the middle, a foreign file and a
newer version are refused with `RecordingError`, which names file and offset.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from smoothtask_gui.sources import files
from smoothtask_gui.sources.items import (
    ItemError,
    Layouts,
    decode,
    encode,
    layouts_from_json,
    layouts_to_json,
    parse_object,
)
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path
    from types import TracebackType

    from smoothtask_gui.sources.protocol import Item

MAGIC: Final = b"STREC\r\n\x1a"
"""As PNG's: a copy in text mode changes it, and `type` or `cat` stops at it."""
VERSION: Final = 2
"""1 has no tables of sockets, traffic, closed connections and block I/O; it is read as it always was."""
MAX_ITEM_BYTES: Final = 64 << 20

_PREFIX: Final = struct.Struct("<8sII")  # magic, version, bytes of the header
_CRC: Final = struct.Struct("<I")
_ITEM: Final = struct.Struct("<II")  # bytes of the payload, its CRC; then the CRC of these two


class RecordingError(SourceError):
    """A recording can't be read or written; the message names the file, the place and what can be done."""


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """What the file says of itself."""

    made_by: str
    kernel: str
    boot_id: str
    period_ms: int
    started_realtime_ns: int


class RecordingWriter:
    """Appends items to a new file; a context manager that finishes it. Raises RecordingError."""

    def __init__(self, path: Path, period_ms: int, made_by: str, *, overwrite: bool = False) -> None:
        self._path = path
        self._count = 0
        self._file = _create(path, overwrite=overwrite)
        header = {
            "made_by": made_by,
            "kernel": os.uname().release,
            "boot_id": files.read_text("/proc/sys/kernel/random/boot_id") or "",
            "period_ms": period_ms,
            "started_realtime_ns": time.time_ns(),
            "layouts": layouts_to_json(),
        }
        text = json.dumps(header).encode()
        self._write(_PREFIX.pack(MAGIC, VERSION, len(text)) + text + _CRC.pack(zlib.crc32(text)))

    def write(self, item: Item) -> None:
        """Append one item; it is the kernel's when this returns."""
        self._append(encode(item))
        self._count += 1

    def close(self) -> None:
        """Mark the recording as complete and put it on the disk."""
        if self._file.closed:
            return
        try:
            self._append(_end(self._count))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error
        finally:
            self._file.close()

    def _append(self, payload: bytes) -> None:
        self._write(_packed(payload, level=1))

    def _write(self, octets: bytes) -> None:
        try:
            if self._file.write(octets) != len(octets):
                raise RecordingError(f"{self._path}: the disk took only a part of an item. Is it full?")
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> RecordingError:
        return RecordingError(f"{self._path} can't be written: {error.strerror}; {self._count} items are in it.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or not issubclass(kind, RecordingError):
            self.close()
        else:
            self._file.close()


def laid_open(recording: bytes) -> bytes:
    """The same recording with its items unpacked (zlib's level 0): a packer of the whole file finds what they share.

    Items differ little from one to the next, so such a file packs six times as small. `recording` is a good one.
    """
    offset = _PREFIX.size + _PREFIX.unpack_from(recording)[2] + _CRC.size
    parts = [recording[:offset]]
    while offset < len(recording):
        start = offset + _ITEM.size + _CRC.size
        offset = start + _ITEM.unpack_from(recording, offset)[0]
        parts.append(_packed(zlib.decompress(recording[start:offset]), level=0))
    return b"".join(parts)


def _packed(payload: bytes, level: int) -> bytes:
    """An item as it lies in the file."""
    packed = zlib.compress(payload, level)
    head = _ITEM.pack(len(packed), zlib.crc32(packed))
    return head + _CRC.pack(zlib.crc32(head)) + packed


def _end(count: int) -> bytes:
    text = json.dumps({"kind": "end", "items": count}).encode()
    return _CRC.pack(len(text)) + text


def _create(path: Path, *, overwrite: bool) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(path, flags | (0 if overwrite else os.O_EXCL), 0o600)  # process names are private
    except FileExistsError as error:
        raise RecordingError(f"{path} exists; give another name, or --force to overwrite it.") from error
    except OSError as error:
        raise RecordingError(f"{path} can't be created: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordingError(f"{path} is no regular file.")
    if overwrite:
        os.ftruncate(fd, 0)
    return os.fdopen(fd, "wb", buffering=0)


class RecordingReader:
    """Reads a recording from the start. `notice` says after the last item if the end is missing, "" if all is there."""

    def __init__(self, path: Path) -> None:
        """Open the file and read its header. Raises RecordingError."""
        self._path = path
        self.notice = ""
        self._file = _open(path)
        try:
            self.header, self._layouts = self._header()
        except RecordingError:
            self._file.close()
            raise

    def items(self) -> Iterator[Item]:
        """Yield what is good, then end. Raises RecordingError at a damaged item."""
        count = 0
        with self._file:
            while True:
                offset = self._file.tell()
                payload = self._payload(offset)
                if payload is None:
                    self.notice = (
                        f"{self._path} is cut short at byte {offset}, after {count} items: "
                        "the recorder was interrupted."
                    )
                    return
                if _is_end(payload):
                    return
                try:
                    item = decode(payload, self._layouts)
                except ItemError as error:
                    raise self._damaged(offset, str(error)) from error
                count += 1
                yield item

    def close(self) -> None:
        self._file.close()

    def _payload(self, offset: int) -> bytes | None:
        """The next item's bytes, None if the file ends before its end."""
        head = self._read(_ITEM.size + _CRC.size)
        if len(head) < _ITEM.size + _CRC.size:
            return None
        length, crc = _ITEM.unpack_from(head)
        if zlib.crc32(head[: _ITEM.size]) != _CRC.unpack_from(head, _ITEM.size)[0]:
            raise self._damaged(offset, "its head's checksum is wrong")
        if length > MAX_ITEM_BYTES:
            raise self._damaged(offset, f"it has {length} bytes, at most {MAX_ITEM_BYTES} are accepted")
        packed = self._read(length)
        if len(packed) < length:
            return None
        if zlib.crc32(packed) != crc:
            raise self._damaged(offset, "its checksum is wrong")
        unpacker = zlib.decompressobj()
        try:
            payload = unpacker.decompress(packed, MAX_ITEM_BYTES)
        except zlib.error as error:
            raise self._damaged(offset, f"it can't be unpacked ({error})") from error
        if not unpacker.eof or unpacker.unused_data:
            raise self._damaged(offset, "it can't be unpacked (wrong length)")
        return payload

    def _header(self) -> tuple[RecordingHeader, Layouts]:
        prefix = self._read(_PREFIX.size)
        if len(prefix) < len(MAGIC) or not prefix.startswith(MAGIC):
            raise RecordingError(f"{self._path} is no SmoothTask recording.")
        if len(prefix) < _PREFIX.size:
            raise RecordingError(f"{self._path} is cut short in its header: nothing can be read from it.")
        _, version, length = _PREFIX.unpack(prefix)
        if version > VERSION:
            raise RecordingError(
                f"{self._path} has version {version}, this program reads up to {VERSION}: update SmoothTask."
            )
        if version == 0 or length > MAX_ITEM_BYTES:
            raise RecordingError(f"{self._path} is damaged in its header (version {version}, {length} bytes).")
        text = self._read(length)
        crc = self._read(_CRC.size)
        if len(text) < length or len(crc) < _CRC.size:
            raise RecordingError(f"{self._path} is cut short in its header: nothing can be read from it.")
        if zlib.crc32(text) != _CRC.unpack(crc)[0]:
            raise RecordingError(f"{self._path} is damaged in its header: its checksum is wrong.")
        try:
            found = parse_object(text)
            return _header_from_json(found), layouts_from_json(found.get("layouts"))
        except ItemError as error:
            raise RecordingError(f"{self._path} is damaged in its header: {error}.") from error

    def _read(self, count: int) -> bytes:
        try:
            return self._file.read(count)
        except OSError as error:
            raise RecordingError(f"{self._path} can't be read: {error.strerror}.") from error

    def _damaged(self, offset: int, what: str) -> RecordingError:
        return RecordingError(f"{self._path} is damaged: the item at byte {offset}: {what}.")


def _open(path: Path) -> BinaryIO:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would hang
    except OSError as error:
        raise RecordingError(f"{path} can't be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordingError(f"{path} is no regular file.")
    return os.fdopen(fd, "rb")


def _header_from_json(found: dict[str, Any]) -> RecordingHeader:
    match found:
        case {
            "made_by": str(made_by),
            "kernel": str(kernel),
            "boot_id": str(boot_id),
            "period_ms": int(period_ms),
            "started_realtime_ns": int(started_ns),
        }:
            return RecordingHeader(made_by, kernel, boot_id, period_ms, started_ns)
    raise ItemError("a field is absent or of the wrong type")


def _is_end(payload: bytes) -> bool:
    return payload[_CRC.size :].startswith(b'{"kind": "end"')


class RecordingSource:
    """`Source` over a recording, as fast as the consumer takes it; batches keep the name of their own source."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.notice = ""

    @property
    def name(self) -> str:
        return "recording"

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:  # noqa: ARG002 - a recording has its own period
        """Yield the items; afterwards `notice` says if the recording's end is missing. Raises RecordingError."""
        reader = RecordingReader(self._path)
        try:
            for item in reader.items():
                yield item
                await asyncio.sleep(0)
            self.notice = reader.notice
        finally:
            reader.close()

    async def change_period(self, period_ms: int) -> None:
        """A recording keeps the period it was made with."""
