"""Promises of the history on a disk that is really full or really read-only: a small tmpfs in a mount namespace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRIVATE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
CHILD = """
import json, subprocess, sys
from pathlib import Path
from smoothtask_gui.adapters.history import reader, schema
from smoothtask_gui.adapters.history.keeper import Keeper
from smoothtask_gui.domain.history.question import Question
from tests.fakes.batches import Machine
from tests.fakes.history import samples

folder, options, cure = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], check=True)
told, now_s = [], 0
keeper = Keeper(folder, told.append)
machine = Machine()
for number in range(12):
    machine.start(f"app{number}", number / 20, rss_bytes=number * 123_456_789)

def go_on(seconds):
    global now_s
    for sample in samples(machine, seconds):
        now_s += 1
        keeper.take(sample, now_s)
        keeper.tend(now_s)

go_on(30)
if options:  # the kernel makes nothing read-only that is open for writing
    keeper.close(now_s)
    keeper = Keeper(folder, told.append)
    subprocess.run(["mount", "-o", "remount," + options, folder], check=True)
go_on(1200)
before = reader.ask(folder / schema.NAME, Question(0, 1e11)).recorded_s
subprocess.run(["mount", "-o", "remount," + cure, folder], check=True)
go_on(100)
keeper.close(now_s)
answer = reader.ask(folder / schema.NAME, Question(0, 1e11))
print(json.dumps({
    "told": told, "before_s": before, "recorded_s": answer.recorded_s, "now_s": now_s,
    "notes": [note.text for note in answer.notes], "damaged": answer.damaged,
}))
"""


@pytest.mark.parametrize(
    ("options", "cure", "reason"),
    [("", "size=8m", "the disk is full"), ("ro", "rw,size=8m", "it is read-only")],
    ids=["full", "read-only"],
)
def test_what_stands_is_kept_and_recording_goes_on_once_it_can(
    tmp_path: Path, options: str, cure: str, reason: str
) -> None:
    command = [*PRIVATE, sys.executable, "-c", CHILD, str(tmp_path), options, cure]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [reason in line for line in found["told"]] == [True, False], found["told"]
    assert "again" in found["told"][1]
    assert found["before_s"] >= 20
    assert found["recorded_s"] == pytest.approx(found["now_s"], abs=70), "what waited is written, at least by minutes"
    assert any(reason in text for text in found["notes"])
    assert found["damaged"] == 0
