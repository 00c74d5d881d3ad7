from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from smoothtask_gui.domain import app_window
from smoothtask_gui.domain.activity_rates import CpuFrequency
from smoothtask_gui.domain.app_window import AppWindow
from smoothtask_gui.domain.culprit import Culprits, Method
from smoothtask_gui.domain.incident import Share
from smoothtask_gui.domain.judging.app_table import AppRows
from smoothtask_gui.domain.judging.table import Columns
from smoothtask_gui.domain.wording import shares_line
from tests.fakes.batches import SECOND, App, Machine

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

MINUTE = 60 * SECOND


class Bench:
    """A window that is fed by a machine; `watts` is what its processor draws, None for no reading."""

    def __init__(self) -> None:
        self.window, self.machine = AppWindow(), Machine(cpus=4)
        self.before = self.machine.tick()

    def run(self, ticks: int, watts: float | None = None, clocks_khz: tuple[int, ...] | None = None) -> Sample:
        clocks = None if clocks_khz is None else tuple(CpuFrequency(at, khz, 0.0) for at, khz in enumerate(clocks_khz))
        for _ in range(ticks):
            after = self.machine.tick()
            sample = self.machine.sample(self.before, after)
            sample = replace(sample, system=replace(sample.system, package_watts=watts))
            sample = replace(sample, activity=replace(sample.activity, cpu_frequency=clocks))
            self.window.append(sample)
            self.before = after
        return sample

    def culprits(self, most: int = 3) -> Culprits:
        return self.window.culprits(self.machine.now_ns, MINUTE, most)


def ratios(culprits: Culprits) -> dict[str, float]:
    return {share.name: round(share.ratio, 3) for share in culprits.shares}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def child(bench: Bench, parent: App, comm: str, cores: float) -> App:
    return bench.machine.start(comm, cores, parent_pid=parent.pid)


def test_all_processes_of_an_app_are_one_share_and_its_oldest_is_what_stop_would_stop(bench: Bench) -> None:
    browser = bench.machine.start("firefox", 0.25)
    child(bench, browser, "Web Content", 1.0)
    child(bench, browser, "Isolated Web Co", 0.75)
    bench.machine.start("other", 2.0)
    bench.run(5)
    first, second = bench.culprits().shares
    assert {(first.name, first.ratio), (second.name, second.ratio)} == {("firefox", 0.5), ("other", 0.5)}
    share = first if first.name == "firefox" else second
    assert share.app_id == "command:firefox:1000"
    assert share.identity is not None
    assert (share.identity.pid, share.identity.comm) == (browser.pid, "firefox")


def test_without_energy_the_shares_are_of_cpu_time_and_say_so(bench: Bench) -> None:
    bench.machine.start("busy", 1.0)
    bench.run(5)
    found = bench.culprits()
    assert (found.method, found.watts) == (Method.CPU_TIME, None)
    assert shares_line(found) == "busy 100 % of CPU use in the last 5 s (estimated from CPU time)."


def test_where_energy_is_measured_a_second_at_full_power_weighs_more(bench: Bench) -> None:
    hungry = bench.machine.start("hungry", 1.0)
    bench.run(5, watts=30.0)
    hungry.cores = 0.0
    bench.machine.start("modest", 1.0)
    bench.run(5, watts=10.0)
    found = bench.culprits()
    assert found.method is Method.MEASURED
    assert found.watts == pytest.approx(20.0)
    assert ratios(found) == {"hungry": 0.75, "modest": 0.25}
    assert (
        shares_line(found) == "hungry 75 %, modest 25 % of CPU energy in the last 10 s (measured, split by CPU time)."
    )


def test_where_only_the_clock_is_known_a_second_at_full_clock_weighs_more(bench: Bench) -> None:
    hungry = bench.machine.start("hungry", 1.0)
    bench.run(5, clocks_khz=(800_000, 4_500_000))
    hungry.cores = 0.0
    bench.machine.start("modest", 1.0)
    bench.run(5, clocks_khz=(1_500_000, 800_000))
    found = bench.culprits()
    assert found.method is Method.FREQUENCY
    assert ratios(found) == {"hungry": 0.75, "modest": 0.25}
    assert shares_line(found).endswith("of CPU use in the last 10 s (estimated from CPU time and clock).")
    assert found.watts is None


def test_power_that_is_measured_comes_before_the_clock_and_a_tick_without_clock_leaves_cpu_time(bench: Bench) -> None:
    bench.machine.start("node", 1.0)
    bench.run(5, watts=10.0, clocks_khz=(800_000,))
    assert bench.culprits().method is Method.MEASURED
    bench.run(1, clocks_khz=(800_000,))
    assert bench.culprits().method is Method.FREQUENCY
    bench.run(1)
    assert bench.culprits().method is Method.CPU_TIME


def test_a_command_is_named_after_the_process_that_does_its_work_as_alerts_name_it(bench: Bench) -> None:
    script = bench.machine.start("encode.sh", 0.0)
    child(bench, script, "ffmpeg", 2.0)
    sample = bench.run(3)
    place = int(np.argmax(sample.apps.rows["cpu_ratio"]))
    assert sample.apps.apps[place].name == "encode.sh"
    assert [share.name for share in bench.culprits().shares] == ["ffmpeg"]
    assert AppRows(sample, Columns({}, {})).target(place).name == "ffmpeg"


def test_what_the_processor_draws_while_idle_is_nobodys_share(bench: Bench) -> None:
    bench.run(3, watts=5.0)
    bench.machine.now_ns += 2 * MINUTE
    bench.before = bench.machine.tick()
    bench.machine.start("busy", 4.0)
    bench.run(10, watts=25.0)
    found = bench.culprits()
    assert ratios(found) == {"busy": 0.8}
    assert found.rest_ratio == pytest.approx(0.2)


def test_one_tick_without_energy_makes_the_whole_window_an_estimate(bench: Bench) -> None:
    bench.machine.start("busy", 1.0)
    bench.run(5, watts=20.0)
    bench.run(1)
    assert bench.culprits().method is Method.CPU_TIME


def test_the_graphics_card_is_told_beside_the_processor(bench: Bench) -> None:
    game = bench.machine.start("game", 1.0)
    sample = bench.run(1)
    rows = sample.apps.rows.copy()
    rows["gpu_ratio"] = 0.9
    bench.window = AppWindow()
    bench.window.append(replace(sample, apps=replace(sample.apps, rows=rows)))
    (share,) = bench.culprits().shares
    assert share.identity is not None
    assert (share.identity.pid, share.gpu_ratio) == (game.pid, pytest.approx(0.9))
    assert shares_line(bench.culprits()).startswith("game 100 % (GPU 90 %) of")
    quiet = Culprits((Share("game", 1.0, None, "", 0.01),), 0.0, MINUTE, 1.0)
    assert "GPU" not in shares_line(quiet)


def test_apps_beyond_those_kept_are_in_the_rest(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_window, "MOST_ROWS", 2)
    for number in range(4):
        bench.machine.start(f"app{number}", 1.0 - number / 10)
    bench.run(3)
    found = bench.culprits()
    assert set(ratios(found)) == {"app0", "app1"}
    assert found.rest_ratio == pytest.approx(1.5 / 3.4)


def test_names_are_forgotten_with_the_ticks_that_need_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_window, "MOST_APPS", 8)
    monkeypatch.setattr(app_window, "WINDOW_NS", 5 * SECOND)
    for number in range(40):
        app = bench.machine.start(f"app{number}", 1.0)
        bench.run(1)
        bench.machine.end(app)
    assert len(bench.window._apps) <= 9
    assert ratios(bench.culprits()) != {}


def test_energy_is_split_by_cpu_time_and_the_clock_that_it_was_spent_at(bench: Bench) -> None:
    fast, slow = bench.machine.start("fast", 1.0), bench.machine.start("slow", 1.0)
    bench.machine.clocks_khz = {fast.pid: 4_500_000, slow.pid: 1_500_000}
    bench.run(10, watts=20.0)
    found = bench.culprits()
    assert found.method is Method.MEASURED_CLOCK
    assert ratios(found) == {"fast": 0.75, "slow": 0.25}
    assert shares_line(found) == (
        "fast 75 %, slow 25 % of CPU energy in the last 10 s (measured, split by CPU time and clock)."
    )


def test_without_energy_cpu_time_is_split_by_the_clock_as_well(bench: Bench) -> None:
    fast, slow = bench.machine.start("fast", 1.0), bench.machine.start("slow", 2.0)
    bench.machine.clocks_khz = {fast.pid: 4_000_000, slow.pid: 1_000_000}
    bench.run(10)
    found = bench.culprits()
    assert found.method is Method.FREQUENCY
    assert ratios(found) == {"fast": 0.667, "slow": 0.333}


def test_who_is_not_looked_at_counts_with_the_mean_clock_of_the_others(bench: Bench) -> None:
    fast, slow = bench.machine.start("fast", 1.0), bench.machine.start("slow", 1.0)
    bench.machine.start("unseen", 1.0)
    bench.machine.clocks_khz = {fast.pid: 3_000_000, slow.pid: 1_000_000}
    bench.run(10, watts=20.0)
    assert ratios(bench.culprits()) == {"fast": 0.5, "unseen": 0.333, "slow": 0.167}


def test_a_few_ticks_without_clocks_leave_the_split_and_many_make_it_cpu_time(bench: Bench) -> None:
    fast, slow = bench.machine.start("fast", 1.0), bench.machine.start("slow", 1.0)
    clocks = {fast.pid: 4_500_000, slow.pid: 1_500_000}
    bench.machine.clocks_khz = clocks
    bench.run(19, watts=20.0)
    bench.machine.clocks_khz = {}
    bench.run(1, watts=20.0)
    assert bench.culprits().method is Method.MEASURED_CLOCK
    bench.run(10, watts=20.0)
    assert bench.culprits().method is Method.MEASURED
    assert ratios(bench.culprits()) == {"fast": 0.5, "slow": 0.5}


def test_a_clock_of_a_process_that_is_gone_counts_for_nobody(bench: Bench) -> None:
    bench.machine.start("node", 1.0)
    ended = bench.machine.start("ended", 1.0)
    bench.machine.clocks_khz = {ended.pid: 4_500_000}
    before = bench.machine.tick()
    after = replace(bench.machine.tick(), processes=before.processes[:1])
    bench.window.append(bench.machine.sample(before, after))
    assert bench.culprits().method is Method.CPU_TIME
