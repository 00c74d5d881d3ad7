"""Buckets as bytes: a chunk of one level's successive buckets, in columns, compressed.

Numbers are 16 bits: temperatures in hundredths of a degree, everything else by its logarithm, to one part in 3,000. A
chunk tells its own level and serials, so that one that a damaged file shows in a wrong place is recognised; zlib's own
checksum finds flipped bits. docs/history.md describes the format.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.history.answers import Rows
from smoothtask_gui.domain.history.apps import VALUES, AppName
from smoothtask_gui.domain.history.series import LEVELS, SERIES
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from smoothtask_gui.domain.history.buckets import Bucket

_HEAD: Final = struct.Struct("<BBHHHHIQq")  # level, 0, buckets, series, values, names, apps, serial, start_s
LARGEST_BYTES: Final = 1 << 22
"""No chunk is larger when unpacked: 60 buckets of 8 apps with the longest names make 100 kB."""

NAME_BYTES: Final = 64
_MISSING: Final = 65_535
_LARGEST: Final = 65_534
_COUNT: Final = 65_535
_EFFORT: Final = 4
_PER_OCTAVE: Final = 1024
_STEPS: Final = {"ratio": 1e-5, "cores": 1e-5, "w": 1e-3, "bytes": 1.0, "bps": 1.0, "c": 0.01}
_ABSOLUTE_ZERO_C: Final = -273.15


class FrameError(ValueError):
    """These bytes are no chunk; the message says what is wrong."""


def pack(values: npt.NDArray[np.float64], scale: Scale) -> npt.NDArray[np.uint16]:
    """Values of shape (rows, columns) as 16-bit codes; NaN, infinite and below the scale's lowest are missing."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        steps = (values - scale.lowest) / scale.steps
        codes = np.rint(np.where(scale.linear, steps, np.log2(1.0 + steps) * _PER_OCTAVE))
        kept = np.isfinite(codes) & (codes >= 0)
        return np.where(kept, np.minimum(np.nan_to_num(codes), _LARGEST), _MISSING).astype("<u2")


def unpack(codes: npt.NDArray[np.uint16], scale: Scale) -> npt.NDArray[np.float64]:
    """What `pack` made, NaN for missing."""
    whole = codes.astype(np.float64)
    steps = np.where(scale.linear, whole, np.exp2(whole / _PER_OCTAVE) - 1.0)
    return np.where(codes == _MISSING, np.nan, steps * scale.steps + scale.lowest)


@dataclass(frozen=True, slots=True)
class Scale:
    """How each of some columns is coded."""

    linear: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.float64]  # one step; for logarithms what is told from nothing
    lowest: npt.NDArray[np.float64]


def scale_of(names: Sequence[str]) -> Scale:
    """The scale of these columns, by their units: the last words of their names."""
    units = [name.rpartition("_")[2] for name in names]
    linear = np.array([unit == "c" for unit in units], bool)
    steps = np.array([_STEPS[unit] for unit in units])
    return Scale(linear, steps, np.where(linear, _ABSOLUTE_ZERO_C, 0.0))


def encode(buckets: Sequence[Bucket]) -> bytes:
    """A chunk of one level's buckets, oldest first; at least one."""
    first = buckets[0]
    names: dict[AppName, int] = {}
    entries = [(row, bucket) for bucket in buckets for row in range(len(bucket.apps))]
    places = [names.setdefault(bucket.apps.names[row], len(names)) for row, bucket in entries]
    tables = [bucket.apps for bucket in buckets]
    values = np.concatenate([table.values for table in tables])
    means, peaks = np.stack([bucket.means for bucket in buckets]), np.stack([bucket.peaks for bucket in buckets])
    low, high = (pack(part, _SERIES_SCALE) for part in (means, peaks))
    columns = [
        np.array([bucket.measured_ms for bucket in buckets]).clip(0, _COUNT).astype("<u2"),
        np.array([len(table) for table in tables], "<u2"),
        low.T.ravel(),
        (high - low).T.ravel(),  # modulo 65,536; small where a value holds still
        np.array(places, "<u2"),
        *(np.concatenate([getattr(table, each) for table in tables]).clip(0, _COUNT).astype("<u2") for each in _COUNTS),
        pack(values, _APP_SCALE).T.ravel(),
    ]
    offsets = np.array([(bucket.serial - first.serial, bucket.start_s - first.start_s) for bucket in buckets], "<i4")
    head = _HEAD.pack(
        first.level, 0, len(buckets), len(SERIES), len(VALUES), len(names), len(entries), first.serial, first.start_s
    )
    words = "\n".join(f"{_short(name.key)}\t{_short(name.name)}" for name in names).encode()
    plain = b"".join((head, offsets.T.tobytes(), _split(np.concatenate(columns)), words))
    return zlib.compress(plain, _EFFORT)


_COUNTS: Final = ("processes", "ended")
_SERIES_SCALE: Final = scale_of(SERIES)
_APP_SCALE: Final = scale_of(VALUES)


def decode(frame: bytes) -> Rows:
    """The buckets of a chunk. Raises FrameError for anything that `encode` of this or an older version didn't make."""
    plain = _inflate(frame)
    if len(plain) < _HEAD.size:
        raise FrameError("it is too short")
    level, _, buckets, series, values, named, apps, serial, start_s = _HEAD.unpack_from(plain)
    if level >= len(LEVELS) or not buckets or values != len(VALUES) or series > len(SERIES):
        raise FrameError("its head is damaged")
    parts = _Parts(plain, _HEAD.size)
    offsets = parts.take(2 * buckets, "<i4").reshape(2, buckets).astype(np.int64)
    words = parts.halves(buckets * (2 + 2 * series) + apps * (1 + len(_COUNTS) + values))
    measured, sizes = words.take(buckets), words.take(buckets).astype(np.intp)
    lines = words.take(2 * series * buckets).reshape(2, series, buckets)
    names = _names(parts.rest(), named)
    app_name = words.take(apps).astype(np.intp)
    if sizes.sum() != apps or (apps and app_name.max() >= named):
        raise FrameError("its apps don't fit its buckets")
    known = np.full((2, buckets, len(SERIES)), _MISSING, "<u2")
    known[:, :, :series] = lines.transpose(0, 2, 1)
    known[1, :, :series] += known[0, :, :series]
    means, peaks = (unpack(part, _SERIES_SCALE) for part in known)
    processes, ended = (words.take(apps).astype(np.int64) for _ in _COUNTS)
    found = unpack(words.take(apps * values).reshape(values, apps).T, _APP_SCALE)
    return Rows(
        level=level,
        serials=serial + offsets[0],
        start_s=start_s + offsets[1],
        measured_ms=measured.astype(np.int64),
        means=means,
        peaks=peaks,
        names=names,
        app_bucket=np.repeat(np.arange(buckets), sizes),
        app_name=app_name,
        app_values=found,
        processes=processes,
        ended=ended,
    )


def _inflate(frame: bytes) -> bytes:
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(frame, LARGEST_BYTES)
    except zlib.error as error:
        raise FrameError(f"it can't be unpacked ({error})") from error
    if not engine.eof:
        raise FrameError("it is cut short or too large")
    return plain


def _names(text: bytes, count: int) -> tuple[AppName, ...]:
    try:
        rows = [row.partition("\t") for row in text.decode().split("\n")] if count else []
    except UnicodeDecodeError as error:
        raise FrameError("its names are damaged") from error
    if len(rows) != count:
        raise FrameError("names are missing")
    return tuple(AppName(key, name) for key, _, name in rows)


def _short(text: str) -> str:
    """One line without tabs; names are safe text already, keys may come from files."""
    return safe_text(text, NAME_BYTES)


def _split(words: npt.NDArray[np.uint16]) -> bytes:
    """All low bytes, then all high ones: they compress a quarter better apart."""
    return words.view(np.uint8).reshape(-1, 2).T.tobytes()


class _Parts:
    """Reads a chunk front to back."""

    def __init__(self, plain: bytes, at: int) -> None:
        self._plain, self._at = plain, at

    def take(self, count: int, dtype: str) -> npt.NDArray[np.int64]:
        end = self._at + count * np.dtype(dtype).itemsize
        if end > len(self._plain):
            raise FrameError("it is cut short")
        found = np.frombuffer(self._plain, dtype, count, self._at)
        self._at = end
        return found

    def halves(self, count: int) -> _Words:
        both = self.take(2 * count, "u1").reshape(2, count)
        return _Words(np.ascontiguousarray(both.T).view("<u2").ravel())

    def rest(self) -> bytes:
        return self._plain[self._at :]


class _Words:
    """Reads 16-bit codes front to back; there are as many as asked for."""

    def __init__(self, words: npt.NDArray[np.uint16]) -> None:
        self._words, self._at = words, 0

    def take(self, count: int) -> npt.NDArray[np.uint16]:
        self._at += count
        return self._words[self._at - count : self._at]
