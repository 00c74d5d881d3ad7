"""Nothing that the sampler holds is reached around the bus: no descriptor, map, pin or file of it is open to others."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.bus.boxes import ROOT, Box

NOT_ON_DISK = ("socket:", "pipe:", "anon_inode:", "/memfd:")
PINNING = re.compile(r"obj_pin|__pin\b|_pin_(maps|programs)|PIN_BY_NAME|BPF_OBJ_PIN")


@pytest.mark.parametrize("user", ["alice", "bob"])
@pytest.mark.parametrize("secret", ["maps", "environ", "mem", "fd", "map_files", "stack"])
def test_no_user_looks_into_the_samplers_process_not_even_one_it_serves(box: Box, user: str, secret: str) -> None:
    caller = box.caller("alice")
    assert caller.open(period_ms=60_000, kinds=1)["error"] is None
    place = f"/proc/{box.owner_pid(caller)}/{secret}"
    command = box.held.command(
        "sh", "-c", 'if [ -d "$1" ]; then ls "$1"; else head -c 1 "$1"; fi', "sh", place, user=user
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "ermission denied" in done.stderr or "not permitted" in done.stderr


def file_of(path: Path) -> tuple[int, int]:
    """What a file is, whatever it is called where one looks from."""
    status = path.stat()
    return status.st_dev, status.st_ino


def test_the_sampler_has_no_file_open_for_writing_but_its_journal(box: Box) -> None:
    alice = box.caller()
    opened = alice.open(period_ms=100, kinds=0x7F)
    alice.read(stream=opened["stream"], count=3)
    pid = box.owner_pid(alice)
    harmless = {file_of(box.held.path(inside)) for inside in ("/dev/null", "/run/dbus/box/bus.log")}
    written = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target, flags = str(entry.readlink()), Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text()
        mode = int(re.search(r"^flags:\s+([0-7]+)", flags, re.MULTILINE)[1], 8) & os.O_ACCMODE
        if mode != os.O_RDONLY and not target.startswith(NOT_ON_DISK):
            written[target] = file_of(entry)  # in a chroot the name tells more than the path inside
    assert set(written.values()) <= harmless, f"the second stands for the journal; open are {list(written)}"


def test_nothing_is_pinned_where_others_could_open_it() -> None:
    sources = [
        path for room in ("helper", "bpf") for path in (ROOT / room).rglob("*") if path.suffix in {".py", ".c", ".h"}
    ]
    assert len(sources) > 100
    assert [path.name for path in sources if PINNING.search(path.read_text())] == []
