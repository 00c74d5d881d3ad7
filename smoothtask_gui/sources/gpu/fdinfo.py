"""One DRM client as /proc/PID/fdinfo/FD shows it: the parser (Documentation/gpu/drm-usage-stats.rst).

Keys that the document doesn't know, or whose values aren't numbers where it promises numbers, are left out. A text
without drm-driver is no DRM client's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from smoothtask_gui.domain.gpu_reading import EngineUse

_UNITS: Final = {b"": 1, b"ns": 1, b"KiB": 1 << 10, b"MiB": 1 << 20, b"GiB": 1 << 30}
_MEMORY_KEYS: Final = (b"drm-resident-", b"drm-memory-", b"drm-total-")
"""drm-memory- is the older name of drm-resident-; drivers that can't tell what is resident give the total."""
_OWN_MEMORY: Final = (b"vram", b"local")
"""Regions on the card itself: amdgpu, xe and nouveau say vram, i915 local."""


@dataclass(frozen=True, slots=True)
class DrmClient:
    """What one open DRM file has used so far. `place` is the card's PCI slot, "" for drivers that give none."""

    driver: str
    place: str
    client_id: str
    engines: tuple[EngineUse, ...] = ()
    memory_bytes: int | None = None


@dataclass(slots=True)
class _Found:
    busy_ns: dict[str, int] = field(default_factory=dict)
    cycles: dict[str, int] = field(default_factory=dict)
    total_cycles: dict[str, int] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)
    memory: dict[bytes, dict[bytes, int]] = field(default_factory=dict)
    words: dict[bytes, str] = field(default_factory=dict)


def parse_fdinfo(text: bytes) -> DrmClient | None:
    """The client, None if this isn't one's text. Memory is the card's own where it has some, else the system's."""
    found = _Found()
    for line in text.split(b"\n"):
        if line.startswith(b"drm-"):
            key, _, value = line.partition(b":")
            _take(found, key, value.strip())
    driver = found.words.get(b"drm-driver")
    if driver is None:
        return None
    return DrmClient(
        driver=driver,
        place=found.words.get(b"drm-pdev", ""),
        client_id=found.words.get(b"drm-client-id", ""),
        engines=_engines(found),
        memory_bytes=_memory(found),
    )


def _take(found: _Found, key: bytes, value: bytes) -> None:
    if key in (b"drm-driver", b"drm-pdev", b"drm-client-id"):
        found.words[key] = value.decode("utf-8", "replace")
        return
    number = _number(value)
    if number is None:
        return
    # Longest prefix first: drm-engine-capacity- also begins with drm-engine-.
    for prefix, kept in (
        (b"drm-engine-capacity-", found.capacity),
        (b"drm-engine-", found.busy_ns),
        (b"drm-total-cycles-", found.total_cycles),
        (b"drm-cycles-", found.cycles),
    ):
        if key.startswith(prefix):
            kept[key.removeprefix(prefix).decode("utf-8", "replace")] = number
            return
    for prefix in _MEMORY_KEYS:
        if key.startswith(prefix):
            found.memory.setdefault(prefix, {})[key.removeprefix(prefix)] = number
            return


def _number(value: bytes) -> int | None:
    digits, _, unit = value.partition(b" ")
    scale = _UNITS.get(unit.strip())
    return int(digits) * scale if digits.isdigit() and scale is not None else None


def _engines(found: _Found) -> tuple[EngineUse, ...]:
    engines = [EngineUse(name, busy, None, found.capacity.get(name, 1)) for name, busy in found.busy_ns.items()]
    engines += [
        EngineUse(name, busy, found.total_cycles[name], found.capacity.get(name, 1))
        for name, busy in found.cycles.items()
        if name not in found.busy_ns and name in found.total_cycles
    ]
    return tuple(sorted(engines, key=lambda use: use.engine))


def _memory(found: _Found) -> int | None:
    regions = next((found.memory[key] for key in _MEMORY_KEYS if key in found.memory), None)
    if regions is None:
        return None
    own = [size for region, size in regions.items() if region.startswith(_OWN_MEMORY)]
    return sum(own) if own else sum(regions.values())
