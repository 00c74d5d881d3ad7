"""Promises of `adapters/autostart.py`."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from smoothtask_gui.adapters.autostart import FILE_NAME, AutostartEntry, own_command, quote
from smoothtask_gui.adapters.files import FileError


def test_on_writes_an_entry_and_off_removes_it(tmp_path: Path) -> None:
    autostart = AutostartEntry(tmp_path / "autostart", ["/usr/bin/smoothtask"])
    assert not autostart.is_on()
    asyncio.run(autostart.turn(on=True))
    assert autostart.is_on()
    assert "Exec=/usr/bin/smoothtask --hidden\n" in (tmp_path / "autostart" / FILE_NAME).read_text()
    asyncio.run(autostart.turn(on=False))
    asyncio.run(autostart.turn(on=False))
    assert not autostart.is_on()


@pytest.mark.parametrize("line", ["Hidden=true", "Hidden = True", "X-GNOME-Autostart-enabled=false"])
def test_an_entry_that_the_desktop_switched_off_is_off(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE_NAME).write_text(f"[Desktop Entry]\nType=Application\n{line}\n")
    assert not AutostartEntry(tmp_path, ["smoothtask"]).is_on()


def test_a_pipe_in_place_of_the_entry_is_refused_without_a_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE_NAME)
    autostart = AutostartEntry(tmp_path, ["smoothtask"])
    with pytest.raises(FileError, match="is a pipe"):
        autostart.is_on()
    for on in (True, False):
        with pytest.raises(FileError, match="is a pipe"):
            asyncio.run(autostart.turn(on=on))


def test_an_odd_path_reaches_the_program_unchanged(tmp_path: Path) -> None:
    """GLib reads and runs the entry: an independent reader of the specification."""
    program = tmp_path / 'we"ird $HOME `x` \\ dir' / "smoothtask"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$0 $1" > {tmp_path}/said\n')
    program.chmod(0o755)
    asyncio.run(AutostartEntry(tmp_path, [str(program)]).turn(on=True))
    gio = shutil.which("gio")
    assert gio is not None
    subprocess.run([gio, "launch", str(tmp_path / FILE_NAME)], check=True, timeout=30)
    said = tmp_path / "said"
    while not (said.exists() and said.read_text().endswith("\n")):
        os.sched_yield()
    assert said.read_text() == f"{program} --hidden\n"


def test_plain_words_stay_unquoted() -> None:
    assert quote("/usr/bin/smoothtask") == "/usr/bin/smoothtask"


def test_the_launcher_is_started_by_its_path_and_a_source_tree_by_its_module() -> None:
    assert own_command("/opt/bin/smoothtask") == ["/opt/bin/smoothtask"]
    assert own_command("/src/smoothtask_gui/__main__.py")[1:] == ["-m", "smoothtask_gui"]
