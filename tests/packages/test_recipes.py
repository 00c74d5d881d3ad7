"""The one install step and the recipes on it: nothing is forgotten, versions agree, builds can be repeated."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.contract.layout import ROOT
from tests.vm.conftest import tool

if TYPE_CHECKING:
    from pathlib import Path

SOURCE: Final[Any] = tool("recipes.source")
FOR_DEVELOPERS: Final = {"README.md"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both parts, installed below a folder."""
    folder = tmp_path_factory.mktemp("installed")
    for part in ("app", "helper"):
        command = ["/usr/bin/python3", "-B", ROOT / "packaging" / "install.py", part, "--destdir", folder]
        objects = ["--objects", ROOT / "build" / "bpf"] if part == "helper" else []
        subprocess.run([*command, *objects], check=True)
    return folder


def test_every_resource_is_installed(tree: Path) -> None:
    names = {path.name for path in tree.rglob("*") if path.is_file()}
    resources = {path.name for path in (ROOT / "resources").rglob("*") if path.is_file()}
    assert resources >= {"default.toml", "io.github.smoothtask.Control1.policy", "smoothtask-control.service.in"}
    assert {name for name in resources if name.removesuffix(".in") not in names} == FOR_DEVELOPERS


def test_nothing_is_left_to_be_filled_in(tree: Path) -> None:
    filled = [path for path in tree.rglob("*") if path.suffix in {".service", ".conf", ".1", ".8", ".desktop"}]
    assert len(filled) >= 6
    assert [path.name for path in filled if re.search(r"@[A-Z]+@", path.read_text())] == []


def test_every_bus_service_and_unit_starts_a_launcher_that_is_there(tree: Path) -> None:
    places = [*tree.glob("usr/share/dbus-1/system-services/*"), *tree.glob("usr/lib/systemd/system/*")]
    started = [line for path in places for line in path.read_text().splitlines() if re.match("Exec(Start)?=", line)]
    assert len(started) >= 2
    for line in started:
        program = tree / line.split("=", 1)[1].split()[0].lstrip("/")
        assert program.stat().st_mode & 0o777 == 0o755, line
        assert program.read_text().startswith("#!/usr/bin/python3 -I\n")


def test_the_autostart_entry_is_off_and_the_entries_are_valid(tree: Path) -> None:
    (autostart,) = tree.glob("etc/xdg/autostart/*.desktop")
    assert "Hidden=true" in autostart.read_text().splitlines()
    for entry in (autostart, *tree.glob("usr/share/applications/*.desktop")):
        assert subprocess.run(["desktop-file-validate", entry], check=False).returncode == 0
    (metainfo,) = tree.glob("usr/share/metainfo/*.xml")
    told = subprocess.run(
        ["appstreamcli", "validate", "--no-net", metainfo], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("language", ["de", "ru"])
def test_what_the_system_shows_of_us_is_there_in_every_language(tree: Path, language: str) -> None:
    texts = {path: path.read_text() for path in (*tree.rglob("*.desktop"), *tree.rglob("*.policy"))}
    (metainfo,) = tree.glob("usr/share/metainfo/*.xml")
    texts[metainfo] = metainfo.read_text()
    assert len(texts) == 5
    for path, text in texts.items():
        untold = re.findall(r"^(?:GenericName|Comment|Keywords)=|^Name=Settings", text, re.MULTILINE)
        untold += re.findall(r"<(?:summary|caption|p|li|message)>|<description>[^<\s]", text)
        told = re.findall(rf"^[A-Za-z]+\[{language}\]=|xml:lang=\"{language}\"", text, re.MULTILINE)
        assert len(told) == len(untold) > 0, (path.name, told, untold)


def test_the_version_is_the_same_everywhere() -> None:
    version = SOURCE.version()
    assert (ROOT / "packaging/debian/changelog").read_text().startswith(f"smoothtask ({version}-")
    metainfo = (ROOT / "resources/metainfo/io.github.smoothtask.SmoothTask.metainfo.xml").read_text()
    assert re.findall(r'<release version="([^"]+)"', metainfo)[0] == version
    assert f"/v{version}/" in metainfo


@pytest.mark.parametrize("kind", ["deb", "wheel"])
def test_the_same_source_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    recipe = tool(f"recipes.{kind}")
    again = {path.name: SOURCE.digest(path) for path in recipe.build(tmp_path / kind)}
    assert again == {path.name: SOURCE.digest(path) for path in recipe.build()}


def test_the_list_of_parts_names_what_is_vendored_with_its_hashes() -> None:
    told = json.loads(tool("recipes.sbom").text())
    assert told["metadata"]["component"]["version"] == SOURCE.version()
    parts = {part["name"]: part for part in told["components"]}
    assert parts["desktop-notifier"]["hashes"]
    assert set(told["dependencies"][0]["dependsOn"]) == {part["bom-ref"] for part in told["components"]}
