"""The Flatpak's Python modules: a list with addresses, made at build time from the lock file's names and hashes.

Nothing here or in the repository knows where packages come from: pip asks the index that this machine is set up with,
and tells the addresses. Every hash is one of the lock file's. Fails where a module has no wheel for an architecture.
"""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import places
from recipes import source
from steps import StepError, logged, say

PYTHON = "3.13"
"""Of the runtime that the manifest names."""
ARCHITECTURES = ("x86_64", "aarch64")
GLIBC = ("2_34", "2_28", "2_17")
"""manylinux tags that the runtime's glibc fulfils."""
IN_THE_BASE = {"pyside6-essentials", "shiboken6"}
"""io.qt.PySide.BaseApp has them."""
INSTALL = (
    "pip3 install --exists-action=i --no-index --no-deps --ignore-installed --find-links=file://${PWD} "
    "--prefix=${FLATPAK_DEST} --no-build-isolation "
)


def names() -> list[str]:
    """What the app depends on, with what that depends on in turn, as the lock file's own comments tell."""
    project = tomllib.loads((places.TOP / "pyproject.toml").read_text())["project"]
    direct = {re.split(r"[<>=;\s\[]", line, maxsplit=1)[0].lower() for line in project["dependencies"]}
    via = {
        found[1]: set(found[2].split(", "))
        for found in re.finditer(r"^([\w.-]+)==[^#]*# via ([^\n]*)$", places.LOCK_FILE.read_text(), re.MULTILINE)
    }
    wanted = direct - IN_THE_BASE
    while more := {name for name, users in via.items() if users & wanted} - wanted - IN_THE_BASE:
        wanted |= more
    return sorted(wanted)


def pip_options(architecture: str) -> list[str]:
    """For a wheel of the runtime's Python on `architecture`, checked by the lock file's hashes."""
    platforms = [word for glibc in GLIBC for word in ("--platform", f"manylinux_{glibc}_{architecture}")]
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON]
    return [*options, "--implementation", "cp", *platforms, "--platform", f"manylinux2014_{architecture}"]


def resolved(architecture: str, wanted: Path) -> list[dict[str, Any]]:
    """The report that pip makes on each module."""
    pip = [places.PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--dry-run"]
    command = [*pip, "--ignore-installed", "--target", "/nonexistent", "--report", "-", *pip_options(architecture)]
    done = subprocess.run([*command, "-r", wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepError(f"not every module has a wheel for {architecture}:\n{done.stderr.strip()[-1500:]}")
    report: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return report


def write(folder: Path) -> None:
    """python3-modules.json in `folder`, and this machine's wheels where flatpak-builder looks before it downloads."""
    say("asking pip where the Flatpak's modules are")
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(source.pinned(name) for name in names()))
    files: dict[str, dict[str, Any]] = {}
    for architecture in ARCHITECTURES:
        for module in resolved(architecture, wanted):
            found = module["download_info"]
            digest = found["archive_info"]["hashes"]["sha256"]
            entry = files.setdefault(digest, {"type": "file", "url": found["url"], "sha256": digest, "only-arches": []})
            entry["only-arches"].append(architecture)
    for entry in files.values():
        if entry["only-arches"] == list(ARCHITECTURES):
            del entry["only-arches"]
    module_list = {
        "name": "python3-modules",
        "buildsystem": "simple",
        "build-commands": [INSTALL + " ".join(names())],
        "sources": [files[digest] for digest in sorted(files)],
    }
    (folder / "python3-modules.json").write_text(json.dumps(module_list, indent=2) + "\n")


def fetch(folder: Path, architecture: str) -> None:
    """The wheels for `architecture`, in flatpak-builder's layout of extra sources: downloads/SHA256/NAME."""
    pip = [places.PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "-d", folder / "wheels"]
    command = [*pip, *pip_options(architecture), "-r", folder / "wanted.txt"]
    logged("flatpak-modules", command, "fetching the Flatpak's modules")
    for wheel in (folder / "wheels").iterdir():
        place = folder / "downloads" / source.digest(wheel)
        place.mkdir(parents=True, exist_ok=True)
        wheel.rename(place / wheel.name)
