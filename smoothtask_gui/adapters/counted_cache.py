"""A cache that says what it did and survives damage: LRU + TTL, bounded, for several threads.

An entry holds the key it belongs to. One that isn't what was put in (damaged memory, a bug elsewhere) is dropped,
counted and made again: a wrong answer would be worse than a slow one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import TTLCache

from smoothtask_gui.domain.description import CacheCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Entry(Generic[K, V]):
    """A value with the key it belongs to, so that a mix-up shows."""

    key: K
    value: V


class CountedCache(Generic[K, V]):
    """Values of the type `kind` by key; `timer` counts seconds and doesn't step."""

    def __init__(
        self, kind: type[V], capacity: int, keep_s: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._kind = kind
        self._entries: TTLCache[K, Entry[K, V], float] = TTLCache(capacity, keep_s, timer)
        self._lock = Lock()
        self._hits = self._misses = self._dropped = 0

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of `key`, made by `make` (outside the lock) when there is none; what `make` raises is raised."""
        with self._lock:
            entry = self._entries.get(key)
            if isinstance(entry, Entry) and entry.key == key and isinstance(entry.value, self._kind):
                self._hits += 1
                return entry.value
            if entry is not None:
                self._dropped += 1
                self._entries.pop(key, None)
            self._misses += 1
        value = make()
        with self._lock:
            self._entries[key] = Entry(key, value)
        return value

    @property
    def counts(self) -> CacheCounts:
        """For the page of SmoothTask's own cost."""
        with self._lock:
            entries, capacity = len(self._entries), int(self._entries.maxsize)
            return CacheCounts(self._hits, self._misses, self._dropped, entries, capacity)
