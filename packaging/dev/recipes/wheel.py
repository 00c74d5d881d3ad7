"""The wheel: the app alone, for pip and pipx. The helper is a service of the system, and is never part of it.

Built by the system's setuptools from the source archive, without the vendored library, which pip brings.
Judged by what is in it and by installing it (tests/packages).
"""

import subprocess
import tempfile
import zipfile
from pathlib import Path

from recipes import source
from steps import StepError, logged

FOLDER = source.FOLDER / "wheel"
OPTIONS = ("--no-deps", "--no-build-isolation", "--no-index")
GROUPS = {"wheel"}
NEVER = ("helper/", "vendor/", "desktop_notifier/", "tests/", "benchmarks/", "bpf/")
WANTED = ("share/applications/", "share/icons/", "share/metainfo/", "dist-info/entry_points.txt")


def packages(out: Path) -> list[Path]:
    """The binary packages in `out`."""
    return sorted(out.glob("*.whl"))


def build(out: Path = FOLDER) -> list[Path]:
    """The wheel, in `out`; the same bytes for the same source."""
    archive = source.archive()
    if source.is_made(out, archive):
        return packages(out)
    with tempfile.TemporaryDirectory(prefix="smoothtask-wheel-") as folder:
        subprocess.run(["tar", "-C", folder, "-xf", archive], check=True)
        (tree,) = Path(folder).iterdir()
        command = ["/usr/bin/python3", "-m", "pip", "wheel", *OPTIONS, "-w", out, tree]
        environment = {"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": str(source.commit_time_s()), "HOME": folder}
        logged("wheel", command, "building the wheel", env=environment)
    source.made(out, archive)
    return packages(out)


def check(out: Path = FOLDER) -> None:
    """StepError if the wheel holds what it mustn't or lacks what it needs."""
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if foreign := [name for name in names if name.startswith(NEVER)]:
        raise StepError(f"{wheel.name} holds {foreign[0]}, which isn't the app's")
    if lacking := [part for part in WANTED if not any(part in name for name in names)]:
        raise StepError(f"{wheel.name} lacks {lacking[0]}")
