"""Arch's packages: smoothtask and smoothtask-helper, built by makepkg from the source archive.

makepkg refuses to run as root: it then runs as nobody in a folder of its own. Debian has it, but neither what the
PKGBUILD depends on nor namcap: what is judged is the PKGBUILD, by makepkg, and what the packages hold, by their lists.
What is made here is for looking at; on Arch, makepkg and the same PKGBUILD make the real ones.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import places
import privilege
from recipes import source
from recipes.deb import PLAIN
from steps import StepError, logged

FOLDER = source.FOLDER / "arch"
GROUPS = {"arch"}
PKGBUILD = places.TOP / "packaging" / "arch" / "PKGBUILD"
NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--")
WORK = Path("/var/tmp/smoothtask-makepkg")
"""One place, always: makepkg writes it into its packages. Outside the checkout, which may be closed to others."""
WANTED = {
    "smoothtask": ("usr/bin/smoothtask", "usr/lib/smoothtask/smoothtask_gui/__main__.py"),
    "smoothtask-helper": ("usr/lib/smoothtask-helper/smoothtask-sampler", "usr/lib/sysusers.d/smoothtask.conf"),
}


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """WORK, for this build alone; StepError while another one is in it."""
    try:
        WORK.mkdir()
    except FileExistsError as error:
        raise StepError(f"{WORK} is there: another build is at work, or broke off; then remove it") from error
    try:
        yield WORK
    finally:
        shutil.rmtree(WORK)


def packages(out: Path) -> list[Path]:
    """The binary packages in `out`."""
    return sorted(out.glob("*.pkg.tar.*"))


def build(out: Path = FOLDER) -> list[Path]:
    """The two packages with PKGBUILD and .SRCINFO, in `out`."""
    archive = source.archive()
    if source.is_made(out, archive):
        return packages(out)
    with workplace() as work:
        shutil.copy(archive, work)
        text = PKGBUILD.read_text().replace("@VERSION@", source.version()).replace("@SHA256@", source.digest(archive))
        (work / "PKGBUILD").write_text(text)
        (work / "bin").mkdir()
        (work / "bin" / "python").symlink_to("/usr/bin/python3")  # as Arch calls it
        if privilege.is_root():
            subprocess.run(["chown", "-R", "nobody", work], check=True)
        path = f"{work / 'bin'}:{PLAIN['PATH']}"
        environment = PLAIN | {"PATH": path, "HOME": str(work), "SOURCE_DATE_EPOCH": str(source.commit_time_s())}
        environment |= {"PKGEXT": ".pkg.tar.gz", "PACKAGER": "SmoothTask developers <smoothtask@example.org>"}
        command = [*(NOBODY if privilege.is_root() else ()), "env", "-C", work, "makepkg", "--nodeps", "--noconfirm"]
        logged("arch", command, "building the Arch packages", env=environment)
        ask = [*command, "--printsrcinfo"]
        printed = subprocess.run(ask, env=environment, capture_output=True, text=True, check=True)
        for package in work.glob("*.pkg.tar.*"):
            shutil.copyfile(package, out / package.name)
        shutil.copyfile(work / "PKGBUILD", out / "PKGBUILD")
        (out / "SRCINFO").write_text(printed.stdout)
    source.made(out, archive)
    return packages(out)


def check(out: Path = FOLDER) -> None:
    """StepError if a package lacks a file, holds one of another's, or may be written by others than root."""
    for name, wanted in WANTED.items():
        (package,) = out.glob(f"{name}-[0-9]*.pkg.tar.*")
        command = ["bsdtar", "-tvf", package]
        rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        names = {row.split(None, 8)[8].rstrip("/") for row in rows}
        if lacking := [path for path in wanted if path not in names]:
            raise StepError(f"{package.name} lacks {lacking[0]}")
        if loose := [row for row in rows if row.split()[2] != "root" or "w" in row[5] + row[8]]:
            raise StepError(f"{package.name}: not root's alone: {loose[0]}")
    if shutil.which("namcap"):  # on Arch itself
        logged("namcap", ["namcap", *out.glob("*.pkg.tar.*")], "namcap")
