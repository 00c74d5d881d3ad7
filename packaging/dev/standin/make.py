"""Makes a stand-in for KDE's Flatpak runtime out of Debian, so that the real manifest is built and run without Flathub.

The refs carry the real names (org.kde.Platform, org.kde.Sdk, io.qt.PySide.BaseApp) in a repository of their own, with
Debian's Python and PySide6 in them. What differs from the real ones is put right here, each line with its reason; what
can't be: versions of libraries, KDE's themes and plugins. Root only, run by recipes/flatpak.py. Fails with the words of
mmdebstrap or flatpak (build/log).

    make.py FOLDER BRANCH
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vm"))

from debian_archive import KEYRING, mirrors

HERE = Path(__file__).parent
SUITE = "trixie"  # Python 3.13, as KDE's runtime of this branch
NAMES = ("org.kde.Sdk", "org.kde.Platform")
BASE_APP = "io.qt.PySide.BaseApp"
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/i18n/*")
NOT_WANTED = ("share/doc", "share/man", "share/info", "share/lintian", "share/bug", "etc/ssl/private", "etc/shadow",
              "etc/shadow-", "etc/gshadow", "etc/gshadow-", "etc/passwd", "etc/passwd-", "etc/group", "etc/group-",
              "etc/resolv.conf", "etc/hostname", "etc/hosts", "etc/machine-id", "etc/mtab", "etc/apt")  # fmt: skip
# flatpak-builder 1.2 moves the metainfo to where appstreamcli no longer looks, and calls it by its old name
COMPOSE = """#!/bin/sh
for word in "$@"; do case $word in --*) ;; *) id=$word ;; esac; done
if [ -e "/app/share/appdata/$id.appdata.xml" ]; then
    mkdir -p /app/share/metainfo; mv "/app/share/appdata/$id.appdata.xml" "/app/share/metainfo/$id.metainfo.xml"
fi
exec appstreamcli compose --print-report=full --no-net --origin="$id" --components="$id" --prefix=/ \\
    --result-root=/app --data-dir=/app/share/app-info/xmls --icons-dir=/app/share/app-info/icons/flatpak /app
"""
METADATA = """[{kind}]
name={name}
runtime=org.kde.Platform/{arch}/{branch}
sdk=org.kde.Sdk/{arch}/{branch}
"""
ENVIRONMENT = """
[Environment]
PATH=/app/bin:/usr/bin
LD_LIBRARY_PATH=/app/lib
XDG_DATA_DIRS=/app/share:/usr/share:/usr/share/runtime/share:/run/host/user-share:/run/host/share
"""


def unpack(root: Path) -> None:
    """Debian into `root`."""
    archive, security = mirrors()
    names = ",".join((HERE / "packages.txt").read_text().split())
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--keyring={KEYRING}", f"--include={names}"]
    command += ['--aptopt=APT::Install-Recommends "false"', *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT)]
    sources = [f"deb {archive} {SUITE} main", f"deb {security} {SUITE}-security main"]
    subprocess.run([*command, SUITE, root, *sources], check=True)


def reshape(root: Path, usr: Path) -> None:
    """What Flatpak expects of a runtime, and the real one's Python of its own."""
    (root / "usr").rename(usr)
    (root / "etc").rename(usr / "etc")  # a runtime's etc is shown as /etc
    for name in NOT_WANTED:
        path = usr / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    subprocess.run(["find", usr, "(", "-type", "b", "-o", "-type", "c", "-o", "-type", "p", ")", "-delete"], check=True)
    subprocess.run(["chmod", "-R", "u+rwX,go+rX,u-s,g-s", usr], check=True)
    if not (usr / "bin/ldconfig").exists():
        (usr / "bin/ldconfig").symlink_to("../sbin/ldconfig")  # flatpak looks for it in its own PATH
    (usr / "etc/ld.so.conf.d/00-app.conf").write_text("/app/lib\n")
    (usr / "bin/appstream-compose").write_text(COMPOSE)
    (usr / "bin/appstream-compose").chmod(0o755)
    python = next(usr.glob("lib/python3.[0-9]*"))
    (python / "EXTERNALLY-MANAGED").unlink(missing_ok=True)  # the real one lets pip install
    scheme = python / "sysconfig" / "__init__.py"  # Debian's would install into /app/local
    scheme.write_text(scheme.read_text().replace("prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'"))
    for compiled in scheme.parent.rglob("*.pyc"):
        compiled.unlink()
    (usr / "lib/python3/dist-packages/flatpak-app.pth").write_text(f"/app/lib/{python.name}/site-packages\n")


def export(folder: Path, branch: str) -> None:
    """The refs, into folder/repo."""
    arch = subprocess.run(["flatpak", "--default-arch"], capture_output=True, text=True, check=True).stdout.strip()
    repository = folder / "repo"
    for name in NAMES:
        text = METADATA.format(kind="Runtime", name=name, arch=arch, branch=branch) + ENVIRONMENT
        (folder / "runtime" / "metadata").write_text(text)
        words = ["--runtime", "--files=usr", "--subject=a stand-in made from Debian for tests"]
        subprocess.run(["flatpak", "build-export", *words, repository, folder / "runtime", branch], check=True)
    base = folder / "base"
    (base / "files").mkdir(parents=True)
    (base / "export").mkdir()
    (base / "metadata").write_text(METADATA.format(kind="Application", name=BASE_APP, arch=arch, branch=branch))
    cleanup = base / "files" / "cleanup-BaseApp.sh"  # the real one drops what an app doesn't use
    cleanup.write_text("#!/bin/sh\nexit 0\n")
    cleanup.chmod(0o755)
    subprocess.run(["flatpak", "build-export", repository, base, branch], check=True)
    subprocess.run(["flatpak", "build-update-repo", repository], check=True)


def main(folder: Path, branch: str) -> None:
    os.umask(0o022)
    root = folder / "root"
    unpack(root)
    (folder / "runtime" / "files").mkdir(parents=True)
    reshape(root, folder / "runtime" / "usr")
    export(folder, branch)
    for name in ("root", "runtime", "base"):
        shutil.rmtree(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
