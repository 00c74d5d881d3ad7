from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from smoothtask_gui.sources.gpu.clients import DESCRIPTORS_A_TICK, ROUND_NS, ROUNDS_PASSED_OVER, DrmClients, start_ns_of
from tests.fakes.graphics import close, drm_file, process

if TYPE_CHECKING:
    from pathlib import Path

SLOT = "0000:00:02.0"


def opened(folder: Path, descriptor: int, client: int, busy_ns: int, **more: str | int) -> None:
    keys: dict[str, str | int] = {"driver": "i915", "pdev": SLOT, "client_id": client}
    drm_file(folder, descriptor, **keys, **{"engine_render": f"{busy_ns} ns", **more})


def busy(clients: DrmClients, now_ns: int) -> dict[int, int]:
    return {use.pid: use.engines[0].busy for use in clients.read(now_ns).get(SLOT, ())}


def test_a_process_counts_from_first_sight_over_all_its_clients(tmp_path: Path) -> None:
    one = process(tmp_path, 10)
    opened(one, 4, 1, 500)
    opened(one, 5, 2, 700)
    clients = DrmClients(tmp_path)
    assert busy(clients, 0) == {10: 0}
    opened(one, 4, 1, 540)
    opened(one, 5, 2, 702)
    assert busy(clients, 1) == {10: 42}


def test_a_client_that_opens_or_closes_makes_no_jump(tmp_path: Path) -> None:
    one = process(tmp_path, 10)
    opened(one, 4, 1, 500)
    clients = DrmClients(tmp_path)
    busy(clients, 0)
    opened(one, 4, 1, 510)
    opened(one, 5, 2, 10**12)
    assert busy(clients, ROUND_NS) == {10: 10}
    close(one, 4)
    opened(one, 5, 2, 10**12 + 7)
    assert busy(clients, ROUND_NS + 1) == {10: 17}


def test_a_shared_file_counts_once_whoever_holds_it(tmp_path: Path) -> None:
    one, other = process(tmp_path, 10), process(tmp_path, 11)
    for folder, descriptor in ((one, 4), (one, 9), (other, 4)):
        opened(folder, descriptor, 1, 500, resident_system0="4 KiB")
    clients = DrmClients(tmp_path)
    for now_ns in (0, 1, ROUND_NS, ROUND_NS + 1):
        (use,) = clients.read(now_ns)[SLOT]
        assert (use.pid, use.memory_bytes) == (10, 4096)


def test_the_same_client_number_on_two_cards_is_two_clients(tmp_path: Path) -> None:
    one = process(tmp_path, 10)
    opened(one, 4, 1, 500)
    drm_file(one, 5, driver="v3d", client_id=1, engine_bin="7 ns")
    found = DrmClients(tmp_path).read(0)
    assert set(found) == {SLOT, "v3d"}


def test_a_process_that_has_gone_or_gave_its_pid_away_is_forgotten(tmp_path: Path) -> None:
    one = process(tmp_path, 10)
    opened(one, 4, 1, 500)
    clients = DrmClients(tmp_path)
    busy(clients, 0)
    close(one, 4)
    assert clients.read(1) == {}
    process(tmp_path, 10, start_ticks=900)
    opened(one, 4, 2, 10**9)
    (use,) = clients.read(ROUND_NS)[SLOT]
    assert (use.start_ns, use.engines[0].busy) == (start_ns_of(tmp_path, 10), 0)


def test_descriptors_are_looked_through_in_rounds_and_so_many_a_tick(tmp_path: Path) -> None:
    many = process(tmp_path, 10)
    for number in range(1, DESCRIPTORS_A_TICK + 10):
        (many / f"fd/{number}").symlink_to("/tmp/x")
    opened(process(tmp_path, 9), 4, 1, 0)
    clients = DrmClients(tmp_path)
    ticks = 0
    while not clients.read(ticks):
        ticks += 1
    assert ticks <= 1
    late = process(tmp_path, 11)
    opened(late, 4, 5, 0)
    assert len(clients.read(ROUND_NS - 1)[SLOT]) == 1
    while len(clients.read(ROUND_NS + ticks)[SLOT]) == 1:
        ticks += 1
    assert ticks <= 3


def test_a_process_without_a_card_is_passed_over_ever_longer_but_never_forgotten(tmp_path: Path) -> None:
    late = process(tmp_path, 10)
    clients = DrmClients(tmp_path)
    for now in range(20):
        clients.read(now * ROUND_NS)
    opened(late, 4, 1, 500)
    rounds = next(count for count in range(10) if clients.read((20 + count) * ROUND_NS))
    assert rounds <= ROUNDS_PASSED_OVER


def test_other_users_processes_are_not_looked_at(tmp_path: Path) -> None:
    opened(process(tmp_path, 10), 4, 1, 500)
    assert DrmClients(tmp_path, uid=os.getuid() + 1).read(0) == {}


def test_this_machines_own_proc_can_be_looked_through() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert (start_ns_of("/proc", child.pid) or 0) > 0
        DrmClients().read(0)
        child.kill()
