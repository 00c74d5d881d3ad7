"""RAPL through perf events: what is opened, how coarsely it is told, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from helper.loaders.errors import LoaderError
from helper.probes.energy import ENERGY, Energy
from tests.fakes.counters import FakeCounters
from tests.fakes.trees import plant

OWN_FILES = Path("/proc/self/fd")
UNIT = "bus/event_source/devices/power"
SECOND_NS = 10**9
COUNTS_PER_JOULE = 2**32
SCALE = "2.3283064365386962890625e-10"


class Desk:
    """Two packages, whose first CPUs are 0 and 8, and a clock that a test moves."""

    def __init__(self, root: Path, **changed: str) -> None:
        files = {
            "type": "23",
            "cpumask": "0,8",
            "events/energy-pkg": "event=0x02",
            "events/energy-pkg.scale": "2.3283064365386962890625e-10",
        }
        plant(root, {f"{UNIT}/{name}": text + "\n" for name, text in (files | changed).items()})
        self.now_ns = 100 * SECOND_NS
        self.counters = FakeCounters()
        self.probe = Energy(self.counters, root, lambda: self.now_ns)

    def read(self, *joules: float) -> tuple[int, int, int]:
        """(packages, read_ns, energy_uj) of a tick in which the packages' counters say so much."""
        self.counters.counts = {cpu: int(each * COUNTS_PER_JOULE) for cpu, each in zip((0, 8), joules, strict=True)}
        [table] = self.probe.tables()
        packages, _, read_ns, energy_uj = ENERGY.unpack(table.rows)
        return packages, read_ns, energy_uj


def test_a_counter_a_package_is_opened_where_the_kernel_says_and_their_sum_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.probe.open()
    assert desk.counters.opened == [(23, 2, 0), (23, 2, 8)]
    assert desk.read(10.0, 5.0) == (2, desk.now_ns, 15_000_000)
    desk.probe.close()


def test_it_is_told_in_tenths_of_a_joule_and_at_most_once_in_each_second(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.probe.open()
    assert desk.read(1.0, 0.19) == (2, 100 * SECOND_NS, 1_100_000)
    for _ in range(9):
        desk.now_ns += SECOND_NS // 10
        assert desk.read(7.0, 7.0) == (2, 100 * SECOND_NS, 1_100_000)
    assert desk.counters.read_times == 2
    desk.now_ns = 101 * SECOND_NS - 1_000_000  # a tick that comes a little early
    assert desk.read(2.0, 2.0) == (2, desk.now_ns, 4_000_000)
    desk.probe.close()


def test_a_probe_that_is_opened_again_in_the_same_second_reads_anew(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.probe.open()
    assert desk.read(1.0, 0.0)[2] == 1_000_000
    desk.probe.close()
    desk.probe.open()
    assert desk.read(2.0, 0.0)[2] == 2_000_000
    desk.probe.close()


def test_a_machine_without_rapl_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="no RAPL counter of packages here") as caught:
        Energy(FakeCounters(), tmp_path).open()
    assert caught.value.step == "hardware"


def test_a_refused_counter_is_the_reason_and_leaves_nothing_open(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.counters.refused = 13
    before = len(list(OWN_FILES.iterdir()))
    with pytest.raises(LoaderError, match=r"^energy: the kernel refused"):
        desk.probe.open()
    assert len(list(OWN_FILES.iterdir())) == before


@pytest.mark.parametrize(
    "changed", [{"type": "x"}, {"cpumask": ""}, {"events/energy-pkg": "umask=2"}, {"events/energy-pkg.scale": "?"}]
)
def test_a_description_that_is_not_understood_is_an_error(tmp_path: Path, changed: dict[str, str]) -> None:
    with pytest.raises(LoaderError, match="unknown way"):
        Desk(tmp_path, **changed).probe.open()
