"""What pip makes of the wheel: the app alone, in the desktop's menu on demand, out of it again."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

NAME: Final = "io.github.smoothtask.SmoothTask"
OWN: Final = next((ROOT / "build" / "venv").glob("lib/python3*/site-packages"))
"""The libraries that pip would fetch, as they are pinned."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("pipx") / "a b"
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
    (wheel,) = (ROOT / "build" / "packages" / "wheel").glob("*.whl")
    install = [folder / "bin" / "pip", "--quiet", "install", "--no-index", "--no-deps", wheel]
    subprocess.run(install, check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "libraries.pth").write_text(f"{OWN}\n")
    return folder


def smoothtask(environment: Path, home: Path, *words: str) -> CompletedProcess[str]:
    surroundings = {"HOME": str(home), "PATH": os.environ["PATH"], "XDG_DATA_HOME": str(home / "share")}
    command = [environment / "bin" / "smoothtask", *words]
    return subprocess.run(command, capture_output=True, text=True, env=surroundings, cwd="/", check=False)


def test_the_wheel_installs_the_app_alone(environment: Path, tmp_path: Path) -> None:
    done = smoothtask(environment, tmp_path, "--version")
    assert done.stdout.startswith("smoothtask ")
    assert "unknown" not in done.stdout
    packages = next(environment.glob("lib/python3*/site-packages"))
    assert (packages / "smoothtask_gui").is_dir()
    assert not (packages / "helper").exists()


def test_the_menu_entry_starts_this_installation_and_its_undo_leaves_nothing(environment: Path, tmp_path: Path) -> None:
    made = smoothtask(environment, tmp_path, "--install-desktop")
    assert made.returncode == 0, made.stderr
    assert "smoothtask-helper" in made.stdout
    entry = tmp_path / "share" / "applications" / f"{NAME}.desktop"
    checked = subprocess.run(["desktop-file-validate", entry], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")
    lines = entry.read_text().splitlines()
    assert f'Exec="{environment}/bin/smoothtask"' in lines
    assert f'Exec="{environment}/bin/smoothtask" --settings' in lines
    assert f"TryExec={environment}/bin/smoothtask" in lines
    assert {path.suffix for path in tmp_path.rglob("*.*") if path.is_file()} == {".desktop", ".svg"}
    undone = smoothtask(environment, tmp_path, "--uninstall-desktop")
    assert undone.returncode == 0, undone.stderr
    assert list((tmp_path / "share").iterdir()) == []


def test_a_foreign_folder_in_the_entry_s_place_is_named_and_kept(environment: Path, tmp_path: Path) -> None:
    place = tmp_path / "share" / "applications" / f"{NAME}.desktop"
    place.mkdir(parents=True)
    for wish in ("--install-desktop", "--uninstall-desktop"):
        done = smoothtask(environment, tmp_path, wish)
        assert done.returncode == 1
        assert str(place) in done.stderr
        assert place.is_dir()


def test_an_installation_without_a_wheel_says_that_there_is_nothing_to_copy(tmp_path: Path) -> None:
    command = [ROOT / "build" / "venv" / "bin" / "smoothtask", "--install-desktop"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"XDG_DATA_HOME": str(tmp_path)}, check=False
    )
    assert done.returncode == 1
    assert "wasn't installed with pip" in done.stderr
    assert list(tmp_path.iterdir()) == []
