"""The box itself: it passes on what its command says, and leaves nothing behind however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bus.boxes import ROOT, wait_until

BOX = [sys.executable, str(ROOT / "packaging" / "dev" / "box.py"), "--no-helper"]
STAYING = "setsid sleep 1000 >/dev/null & echo $$ $!; exec sleep 1000"


def stat_fields(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) after the name; empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def runs(pid: int) -> bool:
    return stat_fields(pid)[:1] not in ([], ["Z"])


def test_the_exit_code_and_the_user_are_the_commands() -> None:
    outcome = subprocess.run(
        [*BOX, "--user", "alice", "--", "sh", "-c", "id -un; exit 7"], capture_output=True, text=True, check=False
    )
    assert (outcome.returncode, outcome.stdout) == (7, "alice\n")


def test_a_command_that_is_not_there_is_named() -> None:
    outcome = subprocess.run([*BOX, "--", "no-such-command"], capture_output=True, text=True, check=False)
    assert outcome.returncode == 127
    assert "no-such-command" in outcome.stderr


def test_its_accounts_and_its_bus_are_not_seen_outside() -> None:
    before = Path("/etc/passwd").read_bytes()
    subprocess.run([*BOX, "--", "test", "-S", "/run/dbus/system_bus_socket"], check=True)
    assert Path("/etc/passwd").read_bytes() == before
    assert not Path("/run/dbus/box").exists()


@pytest.mark.parametrize("victim", ["outer", "inner"])
def test_all_its_processes_end_even_when_it_is_killed(victim: str) -> None:
    with subprocess.Popen([*BOX, "--user", "bob", "--", "sh", "-c", STAYING], stdout=subprocess.PIPE, text=True) as box:
        assert box.stdout is not None
        command, orphan = map(int, box.stdout.readline().split())
        inner = int(stat_fields(command)[1])
        bus = [int(word) for word in Path(f"/proc/{inner}/task/{inner}/children").read_text().split()]
        os.kill(box.pid if victim == "outer" else inner, signal.SIGKILL)
        for pid in {command, orphan, inner, *bus}:
            wait_until(lambda pid=pid: not runs(pid))
