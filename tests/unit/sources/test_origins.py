from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.sources.origins import AGAIN_NS, YOUNG_NS, OriginReader, OriginSource
from smoothtask_gui.sources.procfs import ProcessTable
from smoothtask_gui.sources.protocol import SourceChanged
from tests.fakes.batches import SECOND, batch, process, rows
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from smoothtask_gui.domain.origin import Origin
    from smoothtask_gui.sources.protocol import Item

TICK_NS = SECOND // os.sysconf("SC_CLK_TCK")
MAPS = Application("org.gnome.Maps", "Maps", "org.gnome.Maps")
EDITOR = Application("editor", "Editor", "")
LATER_NS = 10_000 * SECOND


class Desktop:
    """Two entries."""

    def by_id(self, ids: Sequence[str]) -> Application | None:
        return MAPS if MAPS.desktop_id in ids else None

    def by_program(self, executable: str) -> Application | None:
        return EDITOR if executable.endswith("/editor") else None


def proc(root: Path, pid: int, cgroup: str = "/", executable: str = "bin/editor", **values: int) -> None:
    """A process in a folder, as proc_pid_stat(5) and cgroups(7) show it; it started pid seconds after boot."""
    fields = ["S", "1", "1", str(values.get("session", 5)), str(values.get("terminal", 0)), *["0"] * 14]
    fields.append(str(values.get("start_ns", pid * SECOND) // TICK_NS))
    plant(root, {f"{pid}/stat": f"{pid} (a) b) {' '.join(fields)} 0", f"{pid}/cgroup": f"0::{cgroup}"})
    (root / f"{pid}/exe").unlink(missing_ok=True)
    plant(root, {f"{pid}/exe": root / executable})


def read(reader: OriginReader, *found: dict[str, Any], now_ns: int = LATER_NS) -> tuple[Origin, ...]:
    return reader.read(rows(*found), now_ns)


def test_the_origin_of_a_process_is_told_once(tmp_path: Path) -> None:
    proc(tmp_path, 7, "/user.slice/a.scope", session=7, terminal=34816)
    reader = OriginReader(Desktop(), tmp_path)
    (origin,) = read(reader, process(7))
    assert (origin.pid, origin.start_ns, origin.cgroup) == (7, 7 * SECOND, "/user.slice/a.scope")
    assert (origin.session_pid, origin.has_terminal) == (7, True)
    assert origin.executable == str(tmp_path / "bin/editor")
    assert origin.program_entry == EDITOR
    assert read(reader, process(7), now_ns=LATER_NS + SECOND) == ()
    assert read(reader, process(7), now_ns=LATER_NS + 2 * AGAIN_NS) == ()


def test_the_place_names_the_application_and_a_sandbox_has_programs_of_its_own(tmp_path: Path) -> None:
    proc(tmp_path, 7, "/user.slice/user@1000.service/app.slice/app-flatpak-org.gnome.Maps-9.scope")
    (origin,) = read(OriginReader(Desktop(), tmp_path), process(7))
    assert (origin.program_entry, origin.place_entry) == (None, MAPS)


def test_a_process_whose_number_now_belongs_to_another_has_no_origin(tmp_path: Path) -> None:
    proc(tmp_path, 7, start_ns=8 * SECOND)
    assert read(OriginReader(Desktop(), tmp_path), process(7)) == ()


@pytest.mark.parametrize(
    "broken", [{"7/stat": "7 (x"}, {"7/stat": "7 (x) S"}, {"7/stat": b"7 (x) S " + b"x " * 30}, {}]
)
def test_a_process_that_cannot_be_read_has_no_origin(tmp_path: Path, broken: dict[str, str | bytes]) -> None:
    plant(tmp_path, broken)
    assert read(OriginReader(Desktop(), tmp_path), process(7)) == ()


def test_a_young_process_is_looked_at_again_since_systemd_moves_it_after_the_start(tmp_path: Path) -> None:
    proc(tmp_path, 7, "/a.scope")
    reader = OriginReader(Desktop(), tmp_path)
    now_ns = 7 * SECOND + YOUNG_NS // 2
    read(reader, process(7), now_ns=now_ns)
    proc(tmp_path, 7, "/b.scope")
    (origin,) = read(reader, process(7), now_ns=now_ns + SECOND)
    assert origin.cgroup == "/b.scope"


def test_a_change_in_the_row_is_looked_at_and_an_old_process_again_after_long(tmp_path: Path) -> None:
    proc(tmp_path, 7, "/a.scope")
    reader = OriginReader(Desktop(), tmp_path)
    read(reader, process(7))
    proc(tmp_path, 7, "/b.scope")
    assert read(reader, process(7), now_ns=LATER_NS + SECOND) == ()
    (origin,) = read(reader, process(7, cgroup_id=5), now_ns=LATER_NS + 2 * SECOND)
    assert origin.cgroup == "/b.scope"
    proc(tmp_path, 7, "/b.scope", "bin/other")
    (origin,) = read(reader, process(7, cgroup_id=5, comm=b"other"), now_ns=LATER_NS + 3 * SECOND)
    assert origin.executable.endswith("/other")
    proc(tmp_path, 7, "/c.scope", "bin/other")
    (origin,) = read(reader, process(7, cgroup_id=5, comm=b"other"), now_ns=LATER_NS + 4 * SECOND + AGAIN_NS)
    assert origin.cgroup == "/c.scope"


def test_the_container_that_everything_runs_in_is_no_app(tmp_path: Path) -> None:
    own = f"/docker/{'0123456789abcdef' * 4}"
    for pid, path in ((1, own), (7, own), (8, f"{own}/system.slice/a.service"), (9, "/docker/other")):
        proc(tmp_path, pid, path)
    found = read(OriginReader(Desktop(), tmp_path), process(7), process(8), process(9))
    assert [origin.cgroup for origin in found] == ["/", "/system.slice/a.service", "/docker/other"]


def test_threads_of_the_kernel_are_not_looked_at(tmp_path: Path) -> None:
    proc(tmp_path, 7)
    assert read(OriginReader(Desktop(), tmp_path), process(7, is_kernel=True)) == ()


def test_what_has_ended_is_forgotten(tmp_path: Path) -> None:
    reader = OriginReader(Desktop(), tmp_path)
    proc(tmp_path, 7)
    read(reader, process(7))
    assert read(reader) == ()
    assert len(read(reader, process(7))) == 1


def test_a_real_child_has_its_origin() -> None:
    with subprocess.Popen(["/bin/sleep", "1000"]) as child:
        while b"/sleep" not in os.readlink(f"/proc/{child.pid}/exe".encode()):  # noqa: PTH115 - bytes, as exec goes on
            threading.Event().wait(0.001)
        table = ProcessTable().read()
        found = OriginReader(Desktop()).read(table, int(table["start_ns"].max()))
        child.kill()
    (origin,) = [origin for origin in found if origin.pid == child.pid]
    assert origin.executable.endswith("/sleep")
    assert origin.session_pid == os.getsid(0)
    assert origin.cgroup.startswith("/")


class Inner:
    """A source of two batches of one source and one of another."""

    name = "inner"
    period_ms = 0

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        self.period_ms = period_ms
        yield batch(LATER_NS, process(7))
        yield batch(LATER_NS + SECOND, process(7))
        yield SourceChanged("procfs", "gone")
        yield batch(LATER_NS + 2 * SECOND, process(7), source="procfs")

    async def change_period(self, period_ms: int) -> None:
        self.period_ms = period_ms


def test_each_batch_brings_what_is_new_and_all_of_it_after_a_change_of_source(tmp_path: Path) -> None:
    proc(tmp_path, 7)
    inner = Inner()
    source = OriginSource(inner, OriginReader(Desktop(), tmp_path))
    assert source.name == "inner"

    async def collect() -> list[Item]:
        async with aclosing(source.items(500)) as items:
            found = [item async for item in items]
        await source.change_period(700)
        return found

    found = asyncio.run(collect())
    assert [len(item.origins) for item in found if isinstance(item, Batch)] == [1, 0, 1]
    assert isinstance(found[2], SourceChanged)
    assert inner.period_ms == 700


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def wait_for(find: Callable[[], int | None]) -> int:
    deadline_s = time.monotonic() + 60
    while (found := find()) is None:
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)
    return found


def child_named(parent: int, comm: str) -> int | None:
    for pid in children(parent):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == comm:
                return pid
    return None


def test_what_a_person_starts_in_a_real_terminal_is_an_app_with_all_that_it_starts() -> None:
    spawn = "import pty; pty.spawn(['/bin/bash', '--norc', '-i'])"
    with subprocess.Popen([sys.executable, "-c", spawn], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as terminal:
        shell = wait_for(lambda: child_named(terminal.pid, "bash"))
        assert terminal.stdin is not None
        terminal.stdin.write(b"env -i /bin/sh -c '/bin/sleep 1000; true'\n")
        terminal.stdin.flush()
        job = wait_for(lambda: child_named(shell, "sh"))
        sleeper = wait_for(lambda: child_named(job, "sleep"))
        table = ProcessTable().read()
        grouper = AppGrouper()
        grouper.learn(OriginReader(Desktop()).read(table, int(table["start_ns"].max())))
        now_ns = int(table["start_ns"].max()) + SECOND
        seen = replace(batch(now_ns), processes=table)
        made = rates(seen, replace(seen, boottime_ns=now_ns + SECOND))
        assert made is not None
        apps = grouper.group(made).apps
        place = {pid: apps.app_of[list(table["pid"]).index(pid)] for pid in (terminal.pid, shell, job, sleeper)}
        os.kill(sleeper, signal.SIGKILL)
        terminal.kill()
    assert place[terminal.pid] == place[shell]
    assert apps.apps[place[job]].id == f"command:sh:{os.getuid()}"
    assert place[sleeper] == place[job] != place[shell]
