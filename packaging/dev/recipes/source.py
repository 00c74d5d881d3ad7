"""The source archive that every package is built from: what git tracks, and the one library that is vendored.

The same files give the same bytes: names sorted, owners, modes and times fixed (the time is the last commit's). The
library is fetched by pip with the hashes of the lock file, unpacked, and isn't in the repository. Fails where there is
no git checkout, or the package index can't be reached and nothing was fetched before.
"""

import gzip
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import places
from steps import StepError, logged

FOLDER = places.BUILD / "packages"
FETCHED = FOLDER / "fetched"
VENDORED = "desktop-notifier"
"""Pure Python under the Expat licence; Debian, Fedora and Arch don't have it."""
NOT_INSTALLED = ("RECORD", "WHEEL", "INSTALLER", "top_level.txt")


def version() -> str:
    """Of pyproject.toml, where it stands for all."""
    table = tomllib.loads((places.TOP / "pyproject.toml").read_text())
    found: str = table["project"]["version"]
    return found


def git(*words: str) -> str:
    """What git says about the checkout; StepError where it isn't one."""
    command = ["git", "-c", "safe.directory=*", "-C", places.TOP, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepError(f"packages are built from a git checkout: git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def commit_time_s() -> int:
    """When the last commit was made: the time that all packages carry."""
    return int(git("log", "-1", "--format=%ct"))


def tracked() -> list[Path]:
    """What git tracks or would track, sorted."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({places.TOP / name for name in names if name and (places.TOP / name).is_file()})


def pinned(name: str) -> str:
    """The lock file's lines of a package."""
    found = re.search(rf"^{re.escape(name)}==.*?(?=^\S|\Z)", places.LOCK_FILE.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise StepError(f"{places.LOCK_FILE.name} has no {name}: run ./dev lock")
    return found[0]


def vendored() -> dict[str, bytes]:
    """Path below vendor/ → content."""
    wanted = FETCHED / "vendored.txt"
    text = pinned(VENDORED)
    if not wanted.exists() or wanted.read_text() != text:
        shutil.rmtree(FETCHED, ignore_errors=True)
        FETCHED.mkdir(parents=True)
        fetch = [places.PYTHON, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        (FETCHED / "wanted.txt").write_text(text)
        logged("vendored", [*fetch, "-d", FETCHED, "-r", FETCHED / "wanted.txt"], f"fetching {VENDORED}")
        (FETCHED / "wanted.txt").rename(wanted)
    (wheel,) = FETCHED.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if Path(name).name not in NOT_INSTALLED and name[-1] != "/"]
        return {f"vendor/{name}": archive.read(name) for name in names}


def archive() -> Path:
    """Write build/packages/smoothtask-VERSION.tar.gz, and say where it is."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    top = f"smoothtask-{version()}"
    contents = {str(path.relative_to(places.TOP)): path.read_bytes() for path in tracked()} | vendored()
    executable = {str(path.relative_to(places.TOP)) for path in tracked() if path.stat().st_mode & 0o100}
    when_s = commit_time_s()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(contents):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime, entry.mode = len(contents[name]), when_s, 0o755 if name in executable else 0o644
            tar.addfile(entry, io.BytesIO(contents[name]))
    target = FOLDER / f"{top}.tar.gz"
    target.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
    return target


def is_made(out: Path, of: Path) -> bool:
    """Whether `out` has what was built from the archive `of`; otherwise it is an empty folder now."""
    stamp = out / "made-of"
    if stamp.exists() and stamp.read_text() == digest(of):
        return True
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return False


def made(out: Path, of: Path) -> None:
    """Note that `out` has all that is built from `of`."""
    (out / "made-of").write_text(digest(of))


def digest(path: Path) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
