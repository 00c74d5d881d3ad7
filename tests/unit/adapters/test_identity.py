from __future__ import annotations

import os
import pwd
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.desktop_entries import DesktopEntries
from smoothtask_gui.adapters.identity import COMMAND_LINE_MOST, KEEP_S, IdentityCache
from smoothtask_gui.adapters.latest import LatestAnswer
from smoothtask_gui.domain.description import Description
from smoothtask_gui.domain.incident import ProcessIdentity
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from collections.abc import Iterator


class Timer:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def identity(pid: int) -> ProcessIdentity:
    ticks = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    start_ns = ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    return ProcessIdentity(pid, start_ns, os.getuid(), "sleep")


def settled(pid: int) -> None:
    """Wait until exec has put the command line in its place: it closes the parent's pipe a little earlier."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes():
        threading.Event().wait(0.001)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "1000"]) as child:
        settled(child.pid)
        yield child
        child.kill()


def cache(*folders: Path, **options: Any) -> IdentityCache:
    return IdentityCache(ApplicationNames(DesktopEntries(folders)), **options)


def test_a_real_child_is_described(sleeper: subprocess.Popen[bytes]) -> None:
    found = cache().describe(identity(sleeper.pid))
    assert found.executable is not None
    assert Path(found.executable).samefile("/bin/sleep")
    assert found.command_line == "/bin/sleep 1000"
    assert found.user == pwd.getpwuid(os.getuid()).pw_name
    assert "executable" not in dict(found.unknown)


def test_the_application_is_known_by_its_program(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    plant(tmp_path, {"s.desktop": "[Desktop Entry]\nType=Application\nName=Sandman\nExec=sleep 8\nIcon=z"})
    application = cache(tmp_path).describe(identity(sleeper.pid)).application
    assert application is not None
    assert (application.name, application.icon) == ("Sandman", "z")


def test_unit_and_container_come_from_its_cgroup(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    who = identity(sleeper.pid)
    stat = Path(f"/proc/{who.pid}/stat").read_bytes()
    path = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.a.B-5.scope"
    plant(tmp_path, {f"{who.pid}/stat": stat, f"{who.pid}/cgroup": path})
    found = cache(proc_root=tmp_path).describe(who)
    assert (found.unit, found.flatpak_id, found.container) == ("app-flatpak-org.a.B-5.scope", "org.a.B", None)


def test_the_second_question_is_a_hit_and_after_the_time_to_live_an_exec_shows() -> None:
    timer = Timer()
    kept = cache(timer=timer)
    with subprocess.Popen(["/bin/sh", "-c", "read x; exec /bin/sleep 1000"], stdin=subprocess.PIPE) as child:
        who = identity(child.pid)
        before = kept.describe(who)
        assert kept.describe(who) is before
        assert (kept.counts.hits, kept.counts.misses, kept.counts.hit_ratio) == (1, 1, 0.5)
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
        while "sleep" not in Path(f"/proc/{child.pid}/comm").read_text():
            threading.Event().wait(0.001)
        settled(child.pid)
        assert kept.describe(who) is before
        timer.now_s += KEEP_S
        assert kept.describe(who).command_line == "/bin/sleep 1000"
        child.kill()


def test_a_damaged_entry_is_dropped_counted_and_read_again(sleeper: subprocess.Popen[bytes]) -> None:
    kept, who = cache(), identity(sleeper.pid)
    good = kept.describe(who)
    other: Any = "garbage"
    for damage in (other, next(iter(kept._cache._entries.values()))):
        kept._cache._entries[who.pid, who.start_ns] = damage
        kept._cache._entries[1, 1] = damage
        assert kept.describe(who) == good
    assert kept.describe(ProcessIdentity(1, 1, 0, "init")).command_line is None  # not the sleeper's
    assert kept.counts.dropped == 2


def test_the_cache_is_bounded_in_entries_and_text() -> None:
    kept = cache(capacity=4)
    for pid in range(4_000_000, 4_000_100):
        kept.describe(ProcessIdentity(pid, 1, 0, "x"))
    assert kept.counts.entries == kept.counts.capacity == 4
    with subprocess.Popen(["/bin/sleep", "1000", *(["9"] * 5000)]) as child:
        settled(child.pid)
        command_line = kept.describe(identity(child.pid)).command_line
        child.kill()
    assert command_line is not None
    assert len(command_line) == COMMAND_LINE_MOST


def test_a_process_that_has_ended_is_unknown_with_the_reason() -> None:
    with subprocess.Popen(["/bin/true"]) as child:
        who = ProcessIdentity(child.pid, 5, 0, "true")
    found = cache().describe(who)
    assert found.executable is None
    assert found.why_unknown("executable") == f"Process {child.pid} has ended."


def test_a_reused_pid_is_never_described_as_the_one_before(sleeper: subprocess.Popen[bytes]) -> None:
    who = identity(sleeper.pid)
    found = cache().describe(ProcessIdentity(who.pid, who.start_ns + 10**9, who.uid, "old"))
    assert found.command_line is None
    assert "another process has its number" in found.why_unknown("command_line")


def test_a_step_that_fails_names_process_and_step_and_leaves_the_others(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    who = identity(sleeper.pid)
    plant(tmp_path, {f"{who.pid}/stat": Path(f"/proc/{who.pid}/stat").read_bytes()})
    found = cache(proc_root=tmp_path).describe(who)
    assert found.unit is None
    assert found.why_unknown("unit") == f"The unit of process {who.pid} is unknown: No such file or directory."
    assert found.command_line == "/bin/sleep 1000"


def test_the_describer_answers_the_latest_question_and_never_blocks_the_asker() -> None:
    asked: list[int] = []
    hold, done = threading.Event(), threading.Event()

    def slow(who: ProcessIdentity) -> Description:
        asked.append(who.pid)
        hold.wait(60)
        return Description(user=str(who.pid))

    answers: list[Description] = []

    def answer(found: Description) -> None:
        answers.append(found)
        if found.user == "9":
            done.set()

    describer = LatestAnswer(slow, "describer")
    describer.ask(ProcessIdentity(1, 1, 0, ""), answer)
    while not asked:
        threading.Event().wait(0.001)
    for pid in range(2, 10):
        describer.ask(ProcessIdentity(pid, 1, 0, ""), answer)
    hold.set()
    assert done.wait(60)
    assert asked == [1, 9]


def test_a_program_in_a_container_is_not_named_after_the_desktops_program_of_that_path(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    who = identity(sleeper.pid)
    entries, proc = tmp_path / "entries", tmp_path / "proc"
    plant(entries, {"s.desktop": "[Desktop Entry]\nType=Application\nName=Sandman\nExec=sleep 8\nIcon=z"})
    stat = Path(f"/proc/{who.pid}/stat").read_bytes()
    plant(proc, {f"{who.pid}/stat": stat, f"{who.pid}/cgroup": f"0::/system.slice/docker-{'ab' * 32}.scope"})
    found = cache(entries, proc_root=proc).describe(who)
    assert found.container
    assert found.application is None
