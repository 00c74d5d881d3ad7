"""The examples of the README that live on the helper, beside a real sampler."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bus.boxes import ROOT, Box

EXAMPLES = ROOT / "examples"
SENT = 654_321
BURN = "import os; print(os.getpid(), flush=True)\nwhile True: os.getppid()"


def run(box: Box, *words: str | Path) -> str:
    """What the command prints when alice runs it in an active session."""
    command = box.held.command("env", f"PYTHONPATH={ROOT}", *map(str, words))
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(box: Box, name: str, *words: str) -> str:
    return run(box, sys.executable, "-P", "-c", STARTER, str(EXAMPLES), name, "--source", "helper", *words)


STARTER = (
    "import runpy, sys; folder, name, *sys.argv[1:] = sys.argv[1:]; sys.path.insert(0, folder)\n"
    "sys.argv[0] = name; runpy.run_path(f'{folder}/{name}', run_name='__main__')"
)
"""As `python3 examples/NAME` would; the checkout's own folder comes after it on the path."""


def test_top_by_network_names_the_sender_and_its_pace(box: Box) -> None:
    with subprocess.Popen(box.held.command(sys.executable, "-c", TALK), stdout=subprocess.PIPE) as talker:
        try:
            assert talker.stdout is not None
            pid = talker.stdout.readline().decode().strip()
            told = example(box, "top_by_network.py", "--period-ms", "500", "--count", "8")
        finally:
            talker.kill()
    lines = [line.split() for line in told.splitlines() if line.split()[0] == pid]
    assert lines, told
    assert "sent" in lines[-1]


TALK = """
import os, socket
listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far = listener.accept()[0]
print(os.getpid(), flush=True)
while True:
    near.sendall(bytes(65536))
    left = 65536
    while left:
        left -= len(far.recv(left))
"""


def test_connections_are_logged_with_the_bytes_that_were_sent(box: Box, tmp_path: Path) -> None:
    alice = box.caller()
    talk = alice.talk(sent=SENT, received=10)
    folder = box.held.path("/tmp") / f"csv-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o777)
    inside = f"/tmp/{folder.name}/log.csv"
    example(box, "connections_to_csv.py", "--period-ms", "300", "--count", "8", inside)
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    mine = [row for row in rows if row["local"] == f"127.0.0.1:{talk['near']}"]
    assert mine, rows
    assert mine[-1]["sent_bytes"] == str(SENT)
    assert mine[-1]["pid"] == str(talk["pid"])
    assert (mine[-1]["protocol"], mine[-1]["state"]) == ("tcp", "ESTABLISHED")


@pytest.fixture(scope="session")
def stream_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/stream_client.c, compiled as it says, where every user may run it."""
    program = ROOT / "build" / "examples" / "stream_client"
    program.parent.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-I", ROOT / "bpf", "-o", program]
    subprocess.run([*command, EXAMPLES / "stream_client.c", "-lsystemd"], check=True)
    return program


def test_a_client_without_our_python_sees_who_is_busy(box: Box, stream_client: Path) -> None:
    with subprocess.Popen(box.held.command(sys.executable, "-c", BURN), stdout=subprocess.PIPE) as stove:
        try:
            assert stove.stdout is not None
            pid = stove.stdout.readline().decode().strip()
            told = [line.split() for line in run(box, stream_client, "20").splitlines()]
        finally:
            stove.kill()
    cores = [float(words[1]) for words in told if words[0] == pid]
    assert cores, told
    assert 0 < max(cores) <= 1.1
    assert sum(words[0] == "--" for words in told) == 20
