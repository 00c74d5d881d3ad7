"""Objects built once, loaded by each guest's kernel, and what they tell against what /proc and ss tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from smoothtask_gui.domain.activity import UNIX_HOLDER, UNIX_SOCKET
from smoothtask_gui.domain.batch import OomKill
from smoothtask_gui.sources.packets import decode_packet
from smoothtask_gui.sources.records import SOCKET, TASK, TRAFFIC
from tests.bpf import unix
from tests.bpf.altered import altered
from tests.bpf.network import shown_by_ss, shown_by_us
from tests.vm.conftest import PLACE
from tests.vm.inside.sockets import DATAGRAM_BYTES, SENT_BYTES
from tests.vm.inside.unix_sockets import NAME as UNIX_NAME
from tests.vm.kernel_words import packet_with

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.conftest import Machine

pytestmark = pytest.mark.usefixtures("every_processor")

KERNELS: Final = {"debian12": "6.1.", "debian13": "6.12."}
NEWEST_BEYOND: Final = (6, 18)
"""The build machine's own, on which the other lanes run."""
ROUGH_BYTES: Final = 3 * 2 * 64 * 4096
"""rss: three kinds of page, two CPUs, up to 64 pages each that a kernel hasn't added up yet."""
STORM: Final = 300


def test_every_object_loads_on_the_kernel_of_the_distribution(machine: Machine) -> None:
    told = machine.inside("probes")
    if machine.name == "newest":
        assert tuple(map(int, told["kernel"].split(".")[:2])) > NEWEST_BEYOND
    else:
        assert told["kernel"].startswith(KERNELS[machine.name])
    assert len(told["probes"]) >= 8
    assert {name: one["error"] for name, one in told["probes"].items() if "error" in one} == {}
    assert {name: one["missing"] for name, one in told["probes"].items() if one["missing"]} == {}


def test_waits_for_a_card_s_fence_are_the_process_s_that_waited(machine: Machine) -> None:
    """A real card's driver without hardware; the scheduler of cards has its tracepoints and, here, no jobs."""
    told = machine.told_once("graphics")
    assert told["fences"] >= 1
    assert told["waits"] >= 1
    assert told["wait_ns"] / 1e9 <= told["waited_s"]
    assert told["wait_ns"] / 1e9 >= 0.2
    assert told["jobs"] == ""
    assert len(told["missing"]) == 3, "the names of one kernel or of the other"
    assert told["known"] == 1
    assert all(0 < offset < 1024 and offset % 8 == 0 for offset in told["offsets"])
    assert "no tracepoint gpu_mem:gpu_mem_total" in told["memory"]


def test_what_maps_take_is_what_was_reckoned_by_this_kernel_s_rule(machine: Machine) -> None:
    for name, (reckoned, told) in machine.told_once("graphics")["maps"].items():
        assert abs(told - reckoned) <= 0.05 * reckoned, name


def test_every_exit_of_a_storm_is_counted(machine: Machine) -> None:
    told = machine.inside("storm", str(STORM), "build/bpf")
    assert (told["counted"], told["lost"]) == (STORM, 0)
    assert told["forks"] >= STORM


@pytest.mark.parametrize("machine", ["debian12"], indirect=True)
def test_exits_are_counted_where_the_kernel_withholds_the_storage_of_tasks(machine: Machine, tmp_path: Path) -> None:
    """As one before 6.2 does now and then, here always: unlocked_storage() of bpf/core_fixes.bpf.h."""
    altered(
        tmp_path, "*who = bpf_task_storage_get(&identities, task, 0, 0);\n\tconst void", "*who = NULL;\n\tconst void"
    )
    machine.guest.send(tmp_path, ["objects"], f"{PLACE}/build/withheld")
    told = machine.inside("storm", str(STORM), "build/withheld/objects")
    assert (told["counted"], told["lost"]) == (STORM, 0)


def test_memory_time_and_cgroup_of_a_task_are_what_proc_tells(machine: Machine) -> None:
    told = machine.inside("tasks")
    rows = np.frombuffer(bytes.fromhex(told["rows"]), TASK)
    processes = rows[rows["pid"] == rows["tgid"]]
    for pid, truth in told["truth"].items():
        row = processes[processes["pid"] == int(pid)][0]
        assert abs(int(row["rss_bytes"]) - truth["rss_bytes"]) <= ROUGH_BYTES
        assert row["run_ns"] == truth["run_ns"]
        assert row["run_delay_ns"] == truth["run_delay_ns"]
        assert row["minor_faults"] == truth["minor_faults"]
        assert row["cgroup_id"] == told["cgroups"][pid]
        assert row["parent_pid"] == told["own"]
        assert row["state"] == truth["state"].encode()
        assert row["missing"] == 0
        assert row["comm"] == b"st-sleeper"


def test_the_victim_of_an_oom_kill_is_named_with_its_size(machine: Machine) -> None:
    told = machine.inside("oom")
    assert told["signal"] == 9
    (record,) = told["records"]
    kill = decode_packet(packet_with(bytes.fromhex(record)))
    assert kill is not None
    assert kill.pid == told["pid"]
    # Both kernels tell all: 72ba14deb40a (6.9) is in Debian's 6.1 too.
    assert isinstance(kill, OomKill)
    assert (kill.comm, kill.uid) == ("st-glutton", 65534)
    assert told["limit_bytes"] / 2 < kill.rss_bytes < 2 * told["limit_bytes"]


def test_the_table_of_sockets_is_the_one_that_ss_shows(machine: Machine) -> None:
    told = machine.told_once("sockets")
    rows = np.frombuffer(bytes.fromhex(told["rows"]), SOCKET)
    assert sorted(map(shown_by_us, rows)) == sorted(map(shown_by_ss, told["ss"]))
    own = rows[np.isin(rows["inode"], told["inodes"])]
    assert len(own) == len(told["inodes"])
    assert set(own["pid"]) == {told["own"]}


def test_unix_sockets_are_those_that_ss_shows_each_with_its_holder_and_its_name(machine: Machine) -> None:
    told = machine.inside("unix_sockets")
    rows = np.frombuffer(bytes.fromhex(told["rows"]), UNIX_SOCKET)
    assert unix.shown_by_us(rows[rows["inode"] != 0]) == unix.shown_by_ss(told["ss"])
    assert len(rows) == len(told["inodes"]) + 1, "one waits to be accepted, which ss leaves out"
    holders = np.frombuffer(bytes.fromhex(told["holders"]), UNIX_HOLDER)
    assert sorted(holders["inode"][holders["pid"] == told["own"]].tolist()) == sorted(told["inodes"])
    names = {int(row["inode"]): unix.name_of(row) for row in rows}
    listener, client, accepted, waiting, datagrams = told["inodes"][-5:]
    assert names[listener] == names[client] == names[accepted] == names[waiting] == UNIX_NAME
    assert names[datagrams][:1] == b"\0"
    assert len(names[datagrams]) == 6, "unix(7), autobind"


def test_the_remembered_sockets_have_the_very_rows_of_the_kernels_tables(machine: Machine) -> None:
    told = machine.told_once("sockets")
    tables = (np.frombuffer(bytes.fromhex(told[name]), SOCKET) for name in ("known", "rows"))
    known, walked = (np.sort(rows[np.isin(rows["inode"], told["inodes"])], order="cookie") for rows in tables)
    assert len(walked) == len(told["inodes"])
    assert known.tolist() == walked.tolist()


def test_bytes_of_open_and_of_closed_connections_are_the_senders_count(machine: Machine) -> None:
    told = machine.told_once("sockets")
    rows = np.frombuffer(bytes.fromhex(told["rows"]), SOCKET)
    sender = rows[rows["inode"] == told["inodes"][2]][0]
    receiver = rows[rows["inode"] == told["inodes"][3]][0]
    assert sender["sent_bytes"] == receiver["received_bytes"] == SENT_BYTES
    traffic = np.frombuffer(bytes.fromhex(told["traffic"]), TRAFFIC)
    closed = traffic[traffic["pid"] == told["own"]][0]
    assert closed["tcp_sent_bytes"] == closed["tcp_received_bytes"] == SENT_BYTES
    assert closed["udp_sent_bytes"] == 2 * DATAGRAM_BYTES
