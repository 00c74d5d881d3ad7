"""The Flatpak: the app alone, against KDE's runtime; the helper comes from the system's own package.

The manifest is the one in flatpak/, unchanged, beside the list of modules (modules.py) and the source archive. Where
that runtime would be, a stand-in made from Debian takes its place (standin/make.py): the app has no compiled part but
the modules' own wheels, so what is built is the same. Everything lies in build/flatpak and build/packages/flatpak; the
person's own Flatpak installation isn't touched.
"""

import functools
import hashlib
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import places
import privilege
import rooted
from recipes import modules, source
from recipes.signing import Key
from steps import StepError, logged

FOLDER = source.FOLDER / "flatpak"
GROUPS = {"flatpak"}
ID = "io.github.smoothtask.SmoothTask"
MANIFEST = places.TOP / "flatpak" / f"{ID}.json"
STAND_IN = places.BUILD / "flatpak"
PUBLIC_KEY = "smoothtask.gpg"
MAKER = places.TOOLS / "standin"


@functools.cache
def can_sandbox() -> bool:
    """Whether bwrap makes a sandbox here and mounts what a descriptor refers to, as Flatpak has it do.

    In a chroot it doesn't.
    """
    folder = os.open("/usr", os.O_PATH | os.O_DIRECTORY)
    command = ["/usr/bin/bwrap", "--ro-bind", "/", "/", "--ro-bind-fd", str(folder), "/usr", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False, pass_fds=(folder,)).returncode == 0
    finally:
        os.close(folder)


def placed(words: list[str | Path], **more: str) -> list[str | Path]:
    """The words with the surroundings and `more` variables, where there can be a sandbox."""
    whole = ["env", "-i", *(f"{name}={value}" for name, value in (surroundings() | more).items()), *words]
    return whole if can_sandbox() else [*rooted.command(whole)]


def surroundings() -> dict[str, str]:
    """An installation of our own."""
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(STAND_IN / "home"),
        "FLATPAK_USER_DIR": str(STAND_IN / "user"),
        "LC_ALL": "C.UTF-8",
    }


def ensure_runtime() -> None:
    """Make and install the stand-in runtime, unless it is there and of this recipe."""
    branch = json.loads(MANIFEST.read_text())["runtime-version"]
    parts = [branch, *(path.read_text() for path in sorted(MAKER.iterdir()) if path.is_file())]
    recipe = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    stamp = STAND_IN / "made-of"
    if stamp.exists() and stamp.read_text() == recipe:
        return
    subprocess.run(privilege.as_root(["rm", "-rf", STAND_IN]), check=True)
    (STAND_IN / "home").mkdir(parents=True)
    make = ["nice", "/usr/bin/python3", "-B", MAKER / "make.py", STAND_IN, branch]
    logged("standin", privilege.as_root(make), "making a stand-in for KDE's runtime out of Debian")
    privilege.give_back()
    flatpak = ["flatpak", "--user"]
    remote = [*flatpak, "remote-add", "--no-gpg-verify", "standin", f"file://{STAND_IN}/repo"]
    logged("standin-remote", placed(remote), "naming the stand-in's repository")
    refs = [f"{name}//{branch}" for name in ("org.kde.Platform", "org.kde.Sdk", "io.qt.PySide.BaseApp")]
    install = [*flatpak, "install", "-y", "--noninteractive", "standin", *refs]
    logged("standin-install", placed(install), "installing the stand-in")
    stamp.write_text(recipe)


def build(out: Path = FOLDER, key: Key | None = None) -> list[Path]:
    """A bundle of what `repository` has; half a minute more. With a key, whoever installs it checks updates by it."""
    repository(out, key)
    bundle = out / f"smoothtask-{source.version()}-{platform.machine()}.flatpak"
    if not bundle.exists():
        checked_by = [f"--gpg-keys={key.write_public(out / PUBLIC_KEY)}"] if key else []
        command = ["flatpak", "build-bundle", *checked_by, out / "repo", bundle, ID]
        logged("bundle", placed(command), "bundling the Flatpak")
    return [bundle]


def repository(out: Path = FOLDER, key: Key | None = None) -> Path:
    """A Flatpak repository in `out`, signed if there is a key."""
    archive = source.archive()
    ensure_runtime()
    if not source.is_made(out, archive):
        _build(archive, out, key.options() if key else ())
        source.made(out, archive)
    return out / "repo"


def _build(archive: Path, out: Path, signing: tuple[str, ...]) -> None:
    shutil.copyfile(MANIFEST, out / MANIFEST.name)
    shutil.copyfile(archive, out / "smoothtask.tar.gz")
    modules.write(out)
    modules.fetch(out, platform.machine())
    work = STAND_IN / "work"
    command = ["flatpak-builder", "--user", "--force-clean", "--disable-rofiles-fuse", f"--extra-sources={out}"]
    command += [f"--state-dir={work / 'state'}", f"--repo={out / 'repo'}", *signing]
    command += ["--disable-cache"]  # it knows a local archive by its name: a later source would be taken for an earlier
    words = placed([*command, work / "app", out / MANIFEST.name], SOURCE_DATE_EPOCH=str(source.commit_time_s()))
    logged("flatpak", words, "building the Flatpak")


def tree(out: Path = FOLDER) -> str:
    """The checksum of all files in the repository's app: a commit's own also has the time at which it was made."""
    ref = f"app/{ID}/{platform.machine()}/master"
    command = ["ostree", "ls", f"--repo={out / 'repo'}", "-d", "-C", ref, "/"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check(out: Path = FOLDER, public_key: Path | None = None) -> None:
    """Install it beside the stand-in and start it; StepError with what it said otherwise.

    With `public_key` nothing is installed that isn't signed with its other half.
    """
    flatpak = ["flatpak", "--user"]
    for words in (["uninstall", "-y", "--noninteractive", ID], ["remote-delete", "--force", "ours"]):
        subprocess.run(placed([*flatpak, *words]), capture_output=True, check=False)  # there may be none
    verified = f"--gpg-import={public_key}" if public_key else "--no-gpg-verify"
    remote = [*flatpak, "remote-add", verified, "ours", f"file://{out}/repo"]
    logged("flatpak-remote", placed(remote), "naming our repository")
    install = [*flatpak, "install", "-y", "--noninteractive", "ours", ID]
    logged("flatpak-install", placed(install), "installing the Flatpak beside the stand-in")
    (STAND_IN / "user").chmod(0o755)  # tests run it as other users too
    said = run("--version")
    if said.returncode or source.version() not in said.stdout:
        raise StepError(f"the Flatpak doesn't start: {said.stdout}{said.stderr}")


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """The app with these words in the sandbox, with two empty buses of its own: the session's and the system's."""
    # the outer bus stands for the system's, the inner one is the session's
    inner = 'DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS exec dbus-run-session -- "$@"'
    command = ["dbus-run-session", "--", "sh", "-c", inner, "sh", "flatpak", "--user", "run", ID, *words]
    return subprocess.run(placed(command), capture_output=True, text=True, timeout=120, check=False)
