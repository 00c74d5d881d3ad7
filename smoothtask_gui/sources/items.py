"""Items of a source as bytes and back, for recordings (docs/api/recording-format.md).

An item is a JSON object and, for a batch, the columns of its tables after it. Nothing is pickled: what is read back
can only become the dataclasses named here, each field checked against its declared type. What doesn't fit raises
`ItemError`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import struct
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain import activity
from smoothtask_gui.domain.batch import (
    EXITED,
    PROCESS,
    Batch,
    CoolingEvent,
    Lost,
    OomKill,
    PressureEvent,
    ProcessExit,
    SensorReading,
    SystemReading,
    ThermalEvent,
)
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.focus import Focus
from smoothtask_gui.domain.gpu_reading import EngineUse, GpuReading, GpuUse
from smoothtask_gui.domain.network import BLOCK_IO, SOCKET, TRAFFIC, Network
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.domain.parts import TRAITS, ClockReading, DiskReading, FanReading, FileSystemReading, Parts
from smoothtask_gui.sources.protocol import SourceChanged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smoothtask_gui.sources.protocol import Item

Layouts = dict[str, np.dtype[np.void]]
T = TypeVar("T")

TABLES: Final = {
    "processes": PROCESS,
    "exited": EXITED,
    "sockets": SOCKET,
    "traffic": TRAFFIC,
    "closes": SOCKET,
    "block_io": BLOCK_IO,
    **dict(activity.TABLES),
    "traits": TRAITS,
}
NEEDED: Final = ("processes", "exited")
"""Tables of every recording; version 2 added the others."""
_FLAT: Final[dict[str, type[Any]]] = {
    "process_exit": ProcessExit,
    "oom_kill": OomKill,
    "thermal": ThermalEvent,
    "cooling": CoolingEvent,
    "pressure": PressureEvent,
    "source_changed": SourceChanged,
}
_NAMES: Final = {kind: name for name, kind in _FLAT.items()}
_FORMAT: Final = re.compile(r"<[ui][1248]|\|u1|\|S(1|16)|\|b1|\|V(4|16|112)|\(32,\)<u8")
_LENGTH: Final = struct.Struct("<I")
_PARTS: Final = (DiskReading, FanReading, FileSystemReading, Parts)
_NESTED: Final = (
    SystemReading,
    SensorReading,
    Lost,
    GpuReading,
    GpuUse,
    EngineUse,
    Application,
    Origin,
    Focus,
    ClockReading,
    *_PARTS,
)
_NAMED: Final = {"Application": Application}  # those that a module names for the type checker only
_HINTS: Final = {kind: get_type_hints(kind, localns=_NAMED) for kind in (*_FLAT.values(), *_NESTED)}
_OPTIONAL: Final = {
    kind: {item.name for item in dataclasses.fields(kind) if item.default is not dataclasses.MISSING} for kind in _HINTS
}
"""Fields that came later have a default, which stands where an older recording lacks them."""


class ItemError(ValueError):
    """Bytes that are no item; the message says what doesn't fit."""


def layouts_to_json() -> dict[str, list[list[str]]]:
    """The columns written by this version: name and numpy format, little-endian."""
    return {table: [[name, _format(dtype[name])] for name in dtype.names or ()] for table, dtype in TABLES.items()}


def layouts_from_json(found: object) -> Layouts:
    """The columns of a recording. Raises ItemError if a column of ours is absent or has an unknown format."""
    if not isinstance(found, dict):
        raise ItemError("the layouts are no object")
    layouts = {}
    for table, dtype in TABLES.items():
        columns = found.get(table)
        if columns is None and table not in NEEDED:
            continue
        if not isinstance(columns, list) or len(columns) > 256:
            raise ItemError(f"the layout of {table} is no list of columns")
        fields = [_column(table, column) for column in columns]
        absent = set(dtype.names or ()) - {name for name, _ in fields}
        if absent:
            raise ItemError(f"the layout of {table} lacks {', '.join(sorted(absent))}")
        try:
            layouts[table] = np.dtype(fields)
        except ValueError as error:
            raise ItemError(f"the layout of {table}: {error}") from error
        _check(table, layouts[table], dtype)
    return layouts


def _format(dtype: np.dtype[Any]) -> str:
    code = dtype.base.newbyteorder("<").str
    return f"({dtype.shape[0]},){code}" if dtype.shape else code


def _check(table: str, layout: np.dtype[np.void], dtype: np.dtype[np.void]) -> None:
    """A column of ours that is of another kind of value can't be read."""
    for name in dtype.names or ():
        theirs, ours = layout[name], dtype[name]
        wrong = theirs.base.kind != ours.base.kind or theirs.shape != ours.shape
        if wrong or (ours.kind == "V" and theirs.itemsize != ours.itemsize):
            raise ItemError(f"the layout of {table} has the column {name} as {_format(theirs)}")


def _column(table: str, column: object) -> tuple[str, str]:
    match column:
        case [str(name), str(code)] if name and _FORMAT.fullmatch(code):
            return name, code
    raise ItemError(f"the layout of {table} has the column {str(column)[:60]!r}")


def encode(item: Item) -> bytes:
    """One item as bytes."""
    if not isinstance(item, Batch):
        return _pack({"kind": _NAMES[type(item)], **dataclasses.asdict(item)})
    flat: dict[str, object] = {
        "kind": "batch",
        "boottime_ns": item.boottime_ns,
        "realtime_ns": item.realtime_ns,
        "source": item.source,
        "system": dataclasses.asdict(item.system),
        "sensors": [dataclasses.asdict(sensor) for sensor in item.sensors],
        "exits": [dataclasses.asdict(leaving) for leaving in item.exits],
        "lost": dataclasses.asdict(item.lost),
        "unavailable": item.unavailable,
        "network": None,
        "gpus": [dataclasses.asdict(gpu) for gpu in item.gpus],
        "parts": dataclasses.asdict(item.parts),
        "origins": [dataclasses.asdict(origin) for origin in item.origins],
        "focus": None if item.focus is None else dataclasses.asdict(item.focus),
        "clocks": [dataclasses.asdict(clock) for clock in item.clocks],
    }
    network = item.network
    if network is not None:
        flat["network"] = {"own_uid": network.own_uid, "truncated": network.truncated}
    tables = {
        "processes": item.processes,
        "exited": item.exited,
        "sockets": None if network is None else network.sockets,
        "traffic": None if network is None else network.traffic,
        "closes": None if network is None else network.closes,
        "block_io": item.block_io,
        **{name: getattr(item.activity, name) for name, _ in activity.TABLES},
        "traits": item.traits,
    }
    flat |= {table: None if rows is None else len(rows) for table, rows in tables.items()}
    return _pack(flat) + b"".join(_columns(rows, TABLES[table]) for table, rows in tables.items() if rows is not None)


def decode(payload: bytes, layouts: Layouts) -> Item:
    """The item that `encode` made. Raises ItemError."""
    if len(payload) < _LENGTH.size:
        raise ItemError(f"an item of {len(payload)} bytes")
    (length,) = _LENGTH.unpack_from(payload)
    if length > len(payload) - _LENGTH.size:
        raise ItemError(f"an item's head of {length} bytes in {len(payload)}")
    flat = parse_object(payload[_LENGTH.size : _LENGTH.size + length])
    kind = flat.pop("kind", None)
    if kind == "batch":
        return _batch(flat, memoryview(payload)[_LENGTH.size + length :], layouts)
    if not isinstance(kind, str) or kind not in _FLAT:
        raise ItemError(f"an item of the kind {str(kind)[:60]!r}")
    item: Item = build(_FLAT[kind], flat)
    return item


def parse_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises ItemError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ItemError(f"no JSON: {str(error)[:80]}") from error
    if not isinstance(found, dict):
        raise ItemError("no JSON object")
    return found


def build(kind: type[T], flat: object) -> T:
    """A dataclass, or a tree of them, from a JSON object; unknown names are left out. Raises ItemError."""
    if not isinstance(flat, dict):
        raise ItemError(f"{kind.__name__} is no object")
    values: dict[str, Any] = {}
    for name, declared in _HINTS[kind].items():
        if name not in flat:
            if name in _OPTIONAL[kind]:
                continue
            raise ItemError(f"{kind.__name__} has no {name}")
        value = flat[name]
        if get_origin(declared) is tuple:
            values[name] = _several(get_args(declared)[0], value)
            continue
        if declared == Application | None and isinstance(value, dict):
            values[name] = build(Application, value)
            continue
        if not isinstance(value, declared) or (isinstance(value, bool) and declared is int):
            raise ItemError(f"{kind.__name__}.{name} is {str(value)[:40]!r}")
        values[name] = value
    return kind(**values)


def _several(kind: type[T], found: object) -> tuple[T, ...]:
    if not isinstance(found, list):
        raise ItemError(f"no list of {kind.__name__}")
    if kind is int:
        if not all(type(one) is int for one in found):
            raise ItemError(f"no list of int: {str(found)[:40]}")
        return tuple(found)
    return tuple(build(kind, flat) for flat in found)


def _in_order(processes: npt.NDArray[np.void] | None, rest: memoryview) -> npt.NDArray[np.void]:
    if processes is None or len(rest):
        raise ItemError(f"{len(rest)} bytes follow the last table")
    if np.any(processes["pid"][1:] <= processes["pid"][:-1]):
        raise ItemError("the processes are not ordered by pid")
    return processes


def _maybe(kind: type[T], found: object) -> T | None:
    return None if found is None else build(kind, found)


def _pack(flat: Mapping[str, object]) -> bytes:
    text = json.dumps(flat, separators=(",", ":"), allow_nan=False).encode()
    return _LENGTH.pack(len(text)) + text


def _columns(rows: npt.NDArray[np.void], dtype: np.dtype[np.void]) -> bytes:
    """Column after column: likes lie together, which halves the compressed size."""
    return b"".join(rows[name].astype(dtype[name].base.newbyteorder("<")).tobytes() for name in dtype.names or ())


def _batch(flat: dict[str, Any], rest: memoryview, layouts: Layouts) -> Batch:
    tables: dict[str, npt.NDArray[np.void] | None] = {}
    for table, dtype in TABLES.items():
        count = flat.get(table)
        if count is None and table != "processes":
            tables[table] = None
            continue
        if table not in layouts:
            raise ItemError(f"{table} has rows, but no layout")
        if type(count) is not int or count < 0:
            raise ItemError(f"{table} has {str(count)[:40]!r} rows")
        layout = layouts[table]
        if count * layout.itemsize > len(rest):
            raise ItemError(f"{table} has {count} rows of {layout.itemsize} bytes, only {len(rest)} bytes are there")
        tables[table] = _table(rest[: count * layout.itemsize], count, layout, dtype)
        rest = rest[count * layout.itemsize :]
    return Batch(
        boottime_ns=_typed(flat, "boottime_ns", int),
        realtime_ns=_typed(flat, "realtime_ns", int),
        source=_typed(flat, "source", str),
        processes=_in_order(tables["processes"], rest),
        exited=tables["exited"],
        system=build(SystemReading, flat.get("system")),
        sensors=tuple(build(SensorReading, sensor) for sensor in _typed(flat, "sensors", list)),
        exits=tuple(build(ProcessExit, leaving) for leaving in _typed(flat, "exits", list)),
        lost=build(Lost, flat.get("lost")),
        unavailable={str(key): str(why) for key, why in _typed(flat, "unavailable", dict).items()},
        network=_network(flat.get("network"), tables),
        block_io=tables["block_io"],
        activity=activity.Activity(**{name: tables[name] for name, _ in activity.TABLES}),
        gpus=_several(GpuReading, flat.get("gpus", [])),
        parts=build(Parts, flat.get("parts", {})),
        traits=tables["traits"],
        origins=_several(Origin, flat.get("origins", [])),
        focus=_maybe(Focus, flat.get("focus")),
        clocks=_several(ClockReading, flat.get("clocks", [])),
    )


def _network(flat: object, tables: Mapping[str, npt.NDArray[np.void] | None]) -> Network | None:
    sockets, traffic, closes = tables["sockets"], tables["traffic"], tables["closes"]
    if flat is None and sockets is None and traffic is None and closes is None:
        return None
    match flat:
        case {"own_uid": int() | None as own_uid, "truncated": bool(truncated)}:
            if sockets is not None and traffic is not None and closes is not None:
                return Network(sockets, traffic, closes, own_uid, truncated)
    raise ItemError(f"network is {str(flat)[:40]!r}")


def _typed(flat: dict[str, Any], name: str, kind: type[T]) -> T:
    value = flat.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ItemError(f"{name} is {str(value)[:40]!r}")
    return value


def _table(octets: memoryview, count: int, layout: np.dtype[np.void], dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    rows = np.zeros(count, dtype)
    offset = 0
    for name in layout.names or ():
        width = layout[name].itemsize * count
        if name in (dtype.names or ()):
            rows[name] = np.frombuffer(octets[offset : offset + width], layout[name])
        offset += width
    return rows
