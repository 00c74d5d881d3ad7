from dataclasses import replace

import numpy as np
import pytest

from smoothtask_gui.domain.batch import EXITED
from smoothtask_gui.domain.store import Series, Store
from tests.fakes.batches import SECOND, Machine, exited_row, rows


def feed(store: Store, machine: Machine, ticks: int) -> None:
    before = machine.tick()
    for _ in range(ticks):
        after = machine.tick()
        store.append(machine.sample(before, after))
        before = after


def test_the_rings_keep_the_latest_points_oldest_first() -> None:
    store, machine = Store(capacity=5), Machine()
    machine.hot(50)
    feed(store, machine, 12)
    assert len(store) == 5
    assert np.diff(store.times_ns).tolist() == [SECOND] * 4
    assert store.times_ns[-1] == machine.now_ns
    assert store.series(Series.CPU_TEMPERATURE_C).tolist() == [50] * 5


def test_what_was_not_measured_is_a_gap() -> None:
    store, machine = Store(), Machine()
    feed(store, machine, 3)
    assert np.isnan(store.series(Series.CPU_TEMPERATURE_C)).all()
    store.gap(machine.now_ns)
    assert np.isnan(store.series(Series.CPU_BUSY_RATIO)[-1])


def test_a_suspend_breaks_the_graph() -> None:
    store, machine = Store(), Machine()
    feed(store, machine, 3)
    before = machine.tick()
    store.append(machine.sample(before, machine.tick(3600)))
    busy = store.series(Series.CPU_BUSY_RATIO)
    assert len(busy) == 5
    assert np.isnan(busy[-2])


def test_the_top_three_are_named_with_their_shares_and_the_rest_is_shown() -> None:
    store, machine = Store(), Machine()
    for comm, cores in (("one", 2.0), ("two", 1.0), ("three", 0.5), ("four", 0.5)):
        machine.start(comm, cores)
    feed(store, machine, 70)
    found = store.culprits(machine.now_ns)
    assert [(share.name, round(share.ratio, 3)) for share in found.shares] == [
        ("one", 0.5),
        ("two", 0.25),
        ("three", 0.125),
    ]
    assert found.rest_ratio == pytest.approx(0.125)
    assert found.window_ns == 60 * SECOND
    assert found.busy_cores == pytest.approx(4.0)
    assert found.blamed.name == "one"
    assert found.shares[0].identity.uid == 1000


def test_time_that_no_process_accounts_for_is_in_the_rest() -> None:
    store, machine = Store(), Machine()
    machine.start("one", 1.0)
    before = machine.tick()
    machine.busy_ns += SECOND
    store.append(machine.sample(before, machine.tick()))
    assert store.culprits(machine.now_ns).rest_ratio == pytest.approx(0.5)


def test_short_lived_processes_are_named() -> None:
    store, machine = Store(), Machine()
    before = machine.tick()
    for second in range(5):
        machine.busy_ns += SECOND
        row = exited_row(b"cc1", machine.now_ns, (second + 1) * SECOND, parent_pid=7)
        after = replace(
            machine.tick(), exited=rows(row | {"first_ns": 101 * SECOND, "count": second + 1}, dtype=EXITED)
        )
        store.append(machine.sample(before, after))
        before = after
    (share,) = store.culprits(machine.now_ns).shares
    assert (share.name, share.identity) == ("cc1", None)
    assert share.ratio == pytest.approx(1.0)


@pytest.mark.parametrize(("parent_pid", "name"), [(0, "short-lived processes"), (7, "(no name)")])
def test_the_row_of_all_that_the_roll_up_has_no_room_for_is_named(parent_pid: int, name: str) -> None:
    store, machine = Store(), Machine()
    before = machine.tick()
    machine.busy_ns += SECOND
    row = exited_row(b"", machine.now_ns, SECOND, parent_pid=parent_pid)
    store.append(machine.sample(before, replace(machine.tick(), exited=rows(row, dtype=EXITED))))
    (share,) = store.culprits(machine.now_ns).shares
    assert (share.name, share.identity) == (name, None)


def test_a_process_that_is_gone_is_named_but_not_offered() -> None:
    store, machine = Store(), Machine()
    app = machine.start("builder", 2.0)
    feed(store, machine, 5)
    before = machine.tick()
    machine.end(app)
    store.append(machine.sample(before, machine.tick()))
    (share,) = store.culprits(machine.now_ns).shares
    assert (share.name, share.identity) == ("builder", None)


def test_nobody_is_blamed_for_little() -> None:
    store, machine = Store(), Machine()
    for number in range(8):
        machine.start(f"app{number}", 0.4)
    feed(store, machine, 10)
    assert store.culprits(machine.now_ns).blamed is None


def test_nobody_is_blamed_while_the_cpu_is_hardly_busy() -> None:
    store, machine = Store(), Machine()
    machine.start("clock", 0.05)
    feed(store, machine, 10)
    found = store.culprits(machine.now_ns)
    assert found.shares[0].ratio == pytest.approx(1.0)
    assert found.blamed is None


def test_forced_idling_is_never_a_culprit() -> None:
    store, machine = Store(), Machine()
    machine.start("idle_inject/0", 3.0, is_kernel=True)
    machine.start("kswapd0", 1.0, is_kernel=True)
    feed(store, machine, 10)
    (share,) = store.culprits(machine.now_ns).shares
    assert (share.name, share.identity) == ("Linux kernel", None)


def test_nothing_measured_is_unknown_and_not_zero() -> None:
    found = Store().culprits(5)
    assert (found.shares, found.rest_ratio, found.busy_cores) == ((), None, None)


def test_memory_stays_bounded_however_long_and_busy_the_machine_is() -> None:
    store, machine = Store(), Machine(cpus=256)
    for number in range(200):
        machine.start(f"app{number}", 1.0)
    feed(store, machine, 650)
    full = store.memory_bytes
    feed(store, machine, 50)
    assert store.memory_bytes <= full
    assert full < 1_000_000
