from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.domain import memory_window
from smoothtask_gui.domain.memory_window import MemoryCulprits, MemoryWindow
from smoothtask_gui.domain.wording import growth_line, waits_line
from tests.fakes.batches import SECOND, App, Machine

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

GB = 1_000_000_000
FIVE_MINUTES = 300 * SECOND


class Bench:
    def __init__(self) -> None:
        self.window, self.machine = MemoryWindow(), Machine()
        self.before = self.machine.tick()

    def app(self, comm: str, rss_bytes: int) -> App:
        return self.machine.start(comm, rss_bytes=rss_bytes)

    def run(self, seconds: int, used_bytes: int | None = None) -> Sample:
        for _ in range(seconds):
            after = self.machine.tick()
            sample = self.machine.sample(self.before, after)
            system = replace(sample.system, memory_total_bytes=32 * GB, memory_used_bytes=used_bytes)
            sample = replace(sample, system=system)
            self.window.append(sample)
            self.before = after
        return sample

    def culprits(self) -> MemoryCulprits:
        return self.window.culprits(FIVE_MINUTES, 3)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_app_that_grew_most_is_first_with_what_it_has_now_and_what_nobody_explains(bench: Bench) -> None:
    browser, editor = bench.app("chromium", 6_700_000_000), bench.app("editor", GB)
    bench.app("steady", 9 * GB)
    bench.run(10, used_bytes=20 * GB)
    browser.row["rss_bytes"], editor.row["rss_bytes"] = 9_800_000_000, 1_200_000_000
    bench.run(290, used_bytes=24 * GB)
    found = bench.culprits()
    assert [(one.name, one.grew_bytes, one.now_bytes) for one in found.grew] == [
        ("chromium", 3_100_000_000, 9_800_000_000),
        ("editor", 200_000_000, 1_200_000_000),
    ]
    assert found.grew[0].identity is not None
    assert found.grew[0].identity.pid == browser.pid
    assert found.rest_bytes == pytest.approx(700_000_000)
    assert growth_line(found) == (
        "chromium grew 3.1 GB in 4 min 59 s (9.8 GB now), editor 200 MB, no app 700 MB. 8 GB are left."
    )
    assert found.method == "measured"


def test_an_app_that_came_within_the_window_grew_from_nothing(bench: Bench) -> None:
    bench.run(10)
    bench.app("leaker", GB)
    bench.run(10)
    (one,) = bench.culprits().grew
    assert (one.name, one.grew_bytes) == ("leaker", GB)


def test_who_reads_pages_back_waits_for_memory(bench: Bench) -> None:
    editor = bench.app("editor", GB)
    bench.app("idle", GB)
    bench.run(5)
    for second in range(1, 21):
        editor.row["major_faults"] = second * 50
        bench.run(1)
    (waiting,) = bench.culprits().waits
    assert waiting.name == "editor"
    assert waiting.major_faults_per_s == pytest.approx(20 * 50 / 24)
    assert waits_line(bench.culprits()) == "editor waits for memory."


def test_growth_is_never_overstated_for_an_app_too_small_to_have_been_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_window, "MOST_ROWS", 2)
    for number in range(5):
        bench.app(f"big{number}", (5 - number) * GB)
    small = bench.app("small", GB // 2)
    bench.run(6)
    small.row["rss_bytes"] = 6 * GB
    bench.run(1)
    (one,) = bench.culprits().grew
    assert (one.name, one.grew_bytes) == ("small", 3 * GB)


def test_nothing_is_known_before_two_points(bench: Bench) -> None:
    assert bench.culprits() == MemoryCulprits()
    bench.app("one", GB)
    bench.run(1)
    assert bench.culprits().grew == ()
    assert growth_line(MemoryCulprits()) == waits_line(MemoryCulprits()) == ""


def test_memory_stays_bounded(bench: Bench) -> None:
    for number in range(150):
        bench.app(f"app{number}", GB)
    bench.run(700)
    full = bench.window.memory_bytes
    bench.run(100)
    assert bench.window.memory_bytes == full
    assert full < 1_000_000
