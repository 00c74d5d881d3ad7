from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.counted_cache import CountedCache, Entry
from smoothtask_gui.adapters.desktop_entries import DesktopEntries
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path


class Timer:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_same_question_is_answered_from_memory_also_where_there_is_no_application(tmp_path: Path) -> None:
    plant(tmp_path, {"x.desktop": "[Desktop Entry]\nType=Application\nName=X\nExec=x-program"})
    names = ApplicationNames(DesktopEntries([tmp_path]))
    for _ in range(3):
        found = names.by_program("/usr/bin/x-program")
        assert found is not None
        assert found == names.by_id(["x"])
        assert names.by_program("/usr/bin/other") is None
        assert names.by_id([]) is None
    assert (names.counts.hits, names.counts.misses, names.counts.entries) == (6, 3, 3)


def test_a_value_is_made_again_after_its_time_and_the_oldest_gives_way() -> None:
    timer = Timer()
    cache: CountedCache[int, str] = CountedCache(str, 2, 10.0, timer)
    made: list[int] = []

    def ask(key: int) -> str:
        def make() -> str:
            made.append(key)
            return str(key)

        return cache.get(key, make)

    assert [ask(key) for key in (1, 2, 1)] == ["1", "2", "1"]
    ask(3)  # 2 was asked for the longest ago
    ask(1)
    assert made == [1, 2, 3]
    timer.now_s += 10.0
    ask(1)
    assert made == [1, 2, 3, 1]
    assert cache.counts.capacity == 2


def test_a_damaged_entry_is_dropped_counted_and_made_again() -> None:
    cache: CountedCache[int, str] = CountedCache(str, 8, 10.0)
    damaged: list[Any] = ["garbage", Entry(2, "another's"), Entry(1, 5)]
    for damage in damaged:
        cache._entries[1] = damage
        assert cache.get(1, lambda: "good") == "good"
    assert cache.counts.dropped == 3


def test_what_fails_to_be_made_is_not_kept() -> None:
    cache: CountedCache[int, str] = CountedCache(str, 8, 10.0)

    def fail() -> str:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        cache.get(1, fail)
    assert cache.get(1, lambda: "now") == "now"
