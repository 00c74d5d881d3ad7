"""Debian's packages: smoothtask (app, Debian 13 and newer) and smoothtask-helper (Debian 12 and newer).

Built by debhelper from the source archive, judged by lintian: any word of it that packaging/debian doesn't override
fails the job. Built with a plain PATH: the packages' Python is the system's.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import places
from recipes import source
from steps import StepError, logged, say

FOLDER = source.FOLDER / "deb"
GROUPS = {"deb"}
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}


def build(out: Path = FOLDER) -> list[Path]:
    """The source package and the two binary ones, in `out`; only if their source has changed."""
    archive = source.archive()
    if not source.is_made(out, archive):
        _build(archive, out)
        source.made(out, archive)
    return sorted(out.glob("*.deb"))


def _build(archive: Path, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="smoothtask-deb-") as folder:
        work = Path(folder)
        shutil.copyfile(archive, work / f"smoothtask_{source.version()}.orig.tar.gz")
        subprocess.run(["tar", "-C", work, "-xf", archive], check=True)
        (tree,) = (path for path in work.iterdir() if path.is_dir())
        shutil.copytree(tree / "packaging" / "debian", tree / "debian")
        environment = PLAIN | {"SOURCE_DATE_EPOCH": str(source.commit_time_s())}
        command = ["env", "-C", tree, "dpkg-buildpackage", "-us", "-uc"]
        logged("deb", command, "building the Debian packages", env=environment)
        for path in work.iterdir():
            if path.is_file():
                shutil.copy2(path, out)


def check(out: Path = FOLDER) -> None:
    """StepError with lintian's words, if it has any."""
    say("lintian")
    (changes,) = out.glob("*.changes")
    command = ["lintian", "--allow-root", "--display-info", "--pedantic", "--tag-display-limit", "0", changes]
    done = subprocess.run(command, capture_output=True, text=True, env=PLAIN, check=False)
    words = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("N:")]
    if done.returncode or words:
        raise StepError("lintian has something to say:\n" + "\n".join(words) + f"\n({places.LOGS / 'deb.log'})")
