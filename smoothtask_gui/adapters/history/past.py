"""Incidents as bytes: everything an `Incident` holds, as versioned JSON, compressed so that a flipped bit shows.

Reading is lenient in one direction: fields that this version doesn't know are left out, fields that an older one
didn't have get their default. What can't be understood at all is FrameError.
"""

from __future__ import annotations

import json
import types
import typing
import zlib
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.history.frames import FrameError
from smoothtask_gui.domain import incident as incidents
from smoothtask_gui.domain.incident import Incident

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
LARGEST_BYTES: Final = 64 * 1024


def encode(incident: Incident) -> bytes:
    """The incident as bytes. Raises FrameError for one that is absurdly large."""
    text = json.dumps({"version": VERSION, "incident": asdict(incident)}, default=str).encode()
    if len(text) > LARGEST_BYTES:
        raise FrameError(f"incident {incident.id} takes {len(text)} bytes")
    return zlib.compress(text, 6)


def decode(packed: bytes) -> Incident:
    """What `encode` made, of this or an older version; raises FrameError."""
    engine = zlib.decompressobj()
    try:
        text = engine.decompress(packed, LARGEST_BYTES)
        if not engine.eof:
            raise FrameError("an incident is cut short")
        found = json.loads(text)
        return from_fields(found["incident"])
    except (zlib.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FrameError(f"an incident can't be read ({error})") from error


def from_fields(found: Mapping[str, Any]) -> Incident:
    """An incident from its fields, as `dataclasses.asdict` and JSON leave them."""
    made = _value(Incident, found)
    if not isinstance(made, Incident):
        raise FrameError("this is no incident")
    return made


def _value(kind: Any, found: Any) -> Any:
    """`found`, which JSON made, as a value of the type `kind`; ValueError where it can't be one."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if found is None and type(None) in inner:
            return None
        return _value(next(each for each in inner if each is not type(None)), found)
    if origin is tuple:
        return tuple(_value(inner[0], each) for each in _expect(list, found))
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, _expect(dict, found))
    if kind is float or (isinstance(kind, type) and issubclass(kind, Enum)):
        return kind(found)
    return _expect(kind, found)


def _dataclass(kind: type[Any], found: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind, vars(incidents))
    made = {}
    for entry in fields(kind):
        if entry.name in found:
            made[entry.name] = _value(hints[entry.name], found[entry.name])
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise FrameError(f"{entry.name} is missing")
    return kind(**made)


def _expect(kind: Any, found: Any) -> Any:
    if not isinstance(found, kind):
        raise FrameError(f"{found!r} is no {kind.__name__}")
    return found
