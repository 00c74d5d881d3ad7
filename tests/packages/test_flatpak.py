"""The Flatpak in its sandbox, against a stand-in of KDE's runtime; its manifest against Flathub's policy."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from tests.contract.layout import ROOT
from tests.vm.conftest import tool

RECIPE: Final[Any] = tool("recipes.flatpak")
MODULES: Final[Any] = tool("recipes.modules")
MANIFEST: Final[dict[str, Any]] = json.loads(RECIPE.MANIFEST.read_text())
ARGUMENTS: Final[list[str]] = MANIFEST["finish-args"]
ALLOWED: Final = (
    "--share=ipc",
    "--socket=wayland",
    "--socket=fallback-x11",
    r"--talk-name=org\.kde\.StatusNotifierWatcher",
    r"--talk-name=org\.freedesktop\.Notifications",
    r"--system-talk-name=io\.github\.smoothtask\.(Sampler1|Control1)",
)
"""Nothing else: no files, no network, no devices, no session of the bus as a whole, no name with a wildcard."""


def test_the_sandbox_gets_no_permission_but_those_that_are_reasoned_for() -> None:
    assert [word for word in ARGUMENTS if not any(re.fullmatch(allowed, word) for allowed in ALLOWED)] == []
    assert len(set(ARGUMENTS)) == len(ARGUMENTS)


def test_the_manifest_keeps_to_what_flathub_s_linter_asks() -> None:
    assert MANIFEST["id"].startswith("io.github.")
    assert len(MANIFEST["id"].split(".")) >= 4  # appid-code-hosting-too-few-components
    assert MANIFEST["runtime-version"] == MANIFEST["base-version"]
    assert "--socket=x11" not in ARGUMENTS  # finish-args-contains-both-x11-and-fallback
    assert "--share=ipc" in ARGUMENTS  # finish-args-x11-without-ipc
    assert not any("*" in word or "=host" in word or "=home" in word for word in ARGUMENTS)
    assert "build-args" not in json.dumps(MANIFEST)  # module-build-network-access
    names = [module if isinstance(module, str) else module["name"] for module in MANIFEST["modules"]]
    assert names == ["python3-modules.json", "smoothtask"]


def test_no_address_is_in_the_repository_and_every_module_is_pinned() -> None:
    assert "://" not in RECIPE.MANIFEST.read_text()
    assert set(MODULES.names()) >= {"dbus-fast", "desktop-notifier", "numpy", "psutil", "tomlkit", "bidict"}
    assert not {"pyside6-essentials", "pytest", "ruff"} & set(MODULES.names())
    made = json.loads((RECIPE.FOLDER / "python3-modules.json").read_text())
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    assert all(f"sha256:{entry['sha256']}" in lock for entry in made["sources"])
    for architecture in MODULES.ARCHITECTURES:
        for_it = [entry for entry in made["sources"] if architecture in entry.get("only-arches", [architecture])]
        assert len(for_it) == len(MODULES.names())


@pytest.fixture(scope="module")
def sandboxed() -> Any:
    """The app, installed from its repository: sandboxed(WORD…) runs it."""
    RECIPE.check()
    return RECIPE.run


def test_the_app_starts_in_its_sandbox_and_sees_its_own_processes_only(sandboxed: Any) -> None:
    told = sandboxed("top", "--json", "--count", "1", "--source", "procfs")
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["processes"]) < 10


def test_without_the_helper_the_sandboxed_app_says_which_package_brings_it(sandboxed: Any) -> None:
    rows = json.loads(sandboxed("doctor", "--json").stdout)
    (helper,) = (row for row in rows if row["check"] == "helper")
    assert helper["state"] != "ok"
    assert "smoothtask-helper" in helper["remedy"], helper


def test_the_sandbox_holds_the_menu_entry_the_icons_and_the_metainfo() -> None:
    files = RECIPE.STAND_IN / "work" / "app" / "export" / "share"
    assert (files / "applications" / f"{RECIPE.ID}.desktop").is_file()
    assert (files / "icons" / "hicolor" / "scalable" / "apps" / f"{RECIPE.ID}.svg").is_file()
    assert (RECIPE.STAND_IN / "work" / "app" / "files" / "share" / "metainfo").is_dir()
