"""A real suspend to memory (S3): boot time goes on, monotonic time and every counter stand still.

The host wakes the guest. Asleep a guest takes no processor, so the time that it must sleep to count as asleep (15 s)
costs the others nothing.
"""

from __future__ import annotations

import base64
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.cli.alerts import judge
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.effects import Notify
from smoothtask_gui.domain.monitor import SUSPENDED_NS, Monitor
from smoothtask_gui.sources.recording import RecordingReader
from tests.vm.services import ALICES, SAMPLER, ping

if TYPE_CHECKING:
    from pathlib import Path

    from smoothtask_gui.domain.sample import Sample
    from tests.vm.conftest import Machine

pytestmark = pytest.mark.parametrize("machine", ["debian13"], indirect=True)

ASLEEP_S: Final = 20.0
PATIENCE_S: Final = 240.0
RECORDING: Final = "/tmp/st-suspend.strec"
HERS: Final = f"{ALICES} systemctl --user"
RECORD: Final = (
    f"{ALICES} systemd-run --quiet --user --collect --unit st-suspend "
    f"smoothtask record {RECORDING} --force --source helper --seconds 600"
)
SIZE: Final = f"$(stat -c %s {RECORDING} 2>/dev/null || echo 0)"
TICKS_BYTES: Final = 5000
"""What some ticks take, one by one; the first has all processes."""
ABSURD: Final = 2.0
"""Times all processors: under emulation a pass over all tasks takes a part of the second, and is no single moment."""


def until_it_grew(machine: Machine, before: int) -> int:
    """The recording's size once it has some ticks more; the guest waits by itself: looks from outside cost it."""
    waiting = f"until [ {SIZE} -ge {before + TICKS_BYTES} ]; do sleep 1; done; echo {SIZE}"
    words = "journalctl --no-pager --lines 40"
    return int(machine.sh(f"timeout {PATIENCE_S:.0f} sh -c '{waiting}' || {{ {words}; false; }}"))


def sleep_and_wake(machine: Machine) -> None:
    """By way of systemd, as a lid does it."""
    machine.sh("systemd-run --quiet --no-block systemctl suspend")
    deadline = time.monotonic() + PATIENCE_S
    while machine.guest.monitor.ask("query-status")["status"] != "suspended":
        assert time.monotonic() < deadline, machine.sh("journalctl --no-pager --lines 40")
        time.sleep(0.1)
    time.sleep(ASLEEP_S)  # the thing itself
    machine.guest.monitor.ask("system_wakeup")


@pytest.fixture(scope="module")
def recording(installed: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What alice's recorder had of the sampler while the guest slept."""
    ping(installed, SAMPLER)  # else the recorder may give up before it is there
    installed.sh(RECORD)
    size = until_it_grew(installed, 0)
    sleep_and_wake(installed)
    until_it_grew(installed, size)
    installed.sh(f"{HERS} stop st-suspend")
    path = tmp_path_factory.mktemp("suspend") / "suspend.strec"
    path.write_bytes(base64.b64decode(installed.sh(f"base64 {RECORDING}")))
    return path


@pytest.mark.usefixtures("machine")
def test_a_suspend_is_a_gap_of_boot_time_and_no_rate_around_it_is_absurd(recording: Path) -> None:
    monitor = Monitor(shipped_rules())
    times_ns: list[int] = []
    for item in RecordingReader(recording).items():
        judge(monitor, item)
        if isinstance(item, Batch):
            times_ns.append(item.boottime_ns)
        if monitor.sample is not None:
            _check(monitor.sample)
    gaps_ns = sorted(later - earlier for earlier, later in pairwise(times_ns))
    assert gaps_ns[-1] > max(SUSPENDED_NS, ASLEEP_S * 0.9e9)
    assert gaps_ns[-2] < SUSPENDED_NS, "one sleep is one gap"


@pytest.mark.usefixtures("machine")
def test_nothing_is_alerted_around_a_suspend(recording: Path) -> None:
    monitor = Monitor(shipped_rules())
    effects = [effect for item in RecordingReader(recording).items() for effect in judge(monitor, item)]
    assert [effect.incident.title for effect in effects if isinstance(effect, Notify)] == []


def _check(sample: Sample) -> None:
    cpus = sample.system.cpus
    used = np.nan_to_num(sample.processes["cpu_ratio"], nan=0.0)
    assert (used >= 0).all()
    assert used.sum() <= cpus * ABSURD, (sample.boottime_ns, sample.interval_ns, used.max())
    assert sample.system.cpu_busy_ratio is None or 0 <= sample.system.cpu_busy_ratio <= 1
