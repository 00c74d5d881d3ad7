#!/usr/bin/python3
"""The one install step: every package, and the test guests, put SmoothTask on a system with it.

    install.py app|helper [--destdir FOLDER] [--prefix /usr] [--sysconfdir /etc] [--libexecdir FOLDER]
        [--zsh-folder FOLDER] [--objects FOLDER]

`app` is the part of the person: private folder, launcher, desktop entry, icons, metainfo, autostart entry (off), manual
page, completions. `helper` is the part of the system: private folder, eBPF objects (compiled here unless --objects has
them), launchers, units, bus, polkit, system user, manual page. Both are owned by whoever runs this, which a package's
builder turns into root, and can be written by that owner only. Needs nothing but Python's standard library; `helper`
needs clang and libbpf's headers as well. Fails with the name of the file that is missing; what it has installed stays.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP), str(TOP / "packaging"), str(TOP / "packaging" / "dev")]
sys.dont_write_bytecode = True

import build_bpf  # noqa: E402  the checkout's own modules are on the path only now
import command_line_pages  # noqa: E402

APP_FOLDER: Final = "{prefix}/lib/smoothtask"
HELPER_FOLDER: Final = "{prefix}/lib/smoothtask-helper"
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".gitignore")


@dataclass(frozen=True, slots=True)
class Files:
    """`pattern` below the checkout (a glob) goes into the folder `target`; `.in` is dropped from a name."""

    pattern: str
    target: str


@dataclass(frozen=True, slots=True)
class Launcher:
    """An isolated Python that starts `module`.main() from `folder`, with `arguments` before the caller's."""

    target: str
    folder: str
    module: str
    arguments: tuple[str, ...] = ()


APP: Final = (
    Files("smoothtask_gui", APP_FOLDER),
    Files("vendor/*", APP_FOLDER),
    Files("resources/applications/*.desktop", "{prefix}/share/applications"),
    Files("resources/autostart/*.desktop", "{sysconfdir}/xdg/autostart"),
    Files("resources/icons/hicolor", "{prefix}/share/icons"),
    Files("resources/metainfo/*.metainfo.xml", "{prefix}/share/metainfo"),
    Files("resources/rules/default.toml", "{prefix}/share/smoothtask/rules"),
)
HELPER: Final = (
    Files("helper", HELPER_FOLDER),
    Files("bpf/bcc", f"{HELPER_FOLDER}/bpf"),
    Files("bpf/records.h", f"{HELPER_FOLDER}/bpf"),
    Files("bpf/settings.h", f"{HELPER_FOLDER}/bpf"),
    Files("resources/dbus/*.xml", "{prefix}/share/dbus-1/interfaces"),
    Files("resources/dbus/*.conf", "{prefix}/share/dbus-1/system.d"),
    Files("resources/dbus/*.service.in", "{prefix}/share/dbus-1/system-services"),
    Files("resources/polkit/*.policy", "{prefix}/share/polkit-1/actions"),
    Files("resources/systemd/*.service.in", "{prefix}/lib/systemd/system"),
    Files("resources/systemd/*.conf.example", "{prefix}/share/doc/smoothtask-helper/examples"),
    Files("resources/sysusers/*.conf", "{prefix}/lib/sysusers.d"),
    Files("resources/man/*.8", "{prefix}/share/man/man8"),
)
LAUNCHERS: Final = {
    "app": (Launcher("{prefix}/bin/smoothtask", APP_FOLDER, "smoothtask_gui.cli.main"),),
    "helper": (
        Launcher(
            "{libexecdir}/smoothtask-sampler",
            HELPER_FOLDER,
            "helper.__main__",
            (
                "--object-dir",
                f"{HELPER_FOLDER}/objects",
                "--bcc-dir",
                f"{HELPER_FOLDER}/bpf/bcc",
                "--interface-file",
                "{prefix}/share/dbus-1/interfaces/io.github.smoothtask.Sampler1.xml",
            ),
        ),
        Launcher(
            "{libexecdir}/smoothtask-control",
            HELPER_FOLDER,
            "helper.control.__main__",
            ("--interface-file", "{prefix}/share/dbus-1/interfaces/io.github.smoothtask.Control1.xml"),
        ),
    ),
}


class Installer:
    """Puts files below `destdir`; `places` fill in the {names} of targets and the @NAMES@ of files ending in .in."""

    def __init__(self, destdir: Path, places: dict[str, str]) -> None:
        self._destdir = destdir
        self._places = places

    def folder(self, target: str) -> Path:
        """The folder below destdir, made if need be."""
        path = self._destdir / target.format(**self._places).lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, path: Path, text: str, mode: int = 0o644) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def copy(self, files: Files) -> None:
        """Every match of the pattern; SystemExit if there is none (but a source archive alone has a vendor folder)."""
        found = sorted(TOP.glob(files.pattern))
        if not found and not files.pattern.startswith("vendor/"):
            sys.exit(f"install: {TOP / files.pattern} is missing: this isn't a whole source tree")
        folder = self.folder(files.target)
        for source in found:
            target = folder / source.name.removesuffix(".in")
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=LEFT_OUT, copy_function=shutil.copyfile)
                set_modes(target)
            elif source.suffix == ".in":
                self.write(target, self.filled(source.read_text(encoding="utf-8")))
            else:
                shutil.copyfile(source, target)
                target.chmod(0o644)

    def filled(self, text: str) -> str:
        """The text with @PREFIX@, @LIBEXECDIR@ and so on filled in; SystemExit at a name that nobody knows."""
        for name, value in self._places.items():
            text = text.replace(f"@{name.upper()}@", value)
        if unknown := re.search(r"@[A-Z]+@", text):
            sys.exit(f"install: nothing is known of {unknown[0]}")
        return text

    def launch(self, launcher: Launcher) -> None:
        target = self._destdir / launcher.target.format(**self._places).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = launcher.folder.format(**self._places)
        given = [argument.format(**self._places) for argument in launcher.arguments]
        fixed = f"sys.argv[1:1] = {given!r}\n" if given else ""
        text = (
            f"#!/usr/bin/python3 -I\nimport sys\n\nsys.path.insert(0, {folder!r})\n{fixed}"
            f"from {launcher.module} import main\n\nsys.exit(main())\n"
        )
        self.write(target, text, 0o755)


def set_modes(tree: Path) -> None:
    """Readable by all, writable by the owner only, whatever the checkout's modes are."""
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def project() -> tuple[str, str]:
    """(version, summary) of pyproject.toml."""
    table = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table["version"], table["description"]


def install_app(installer: Installer, given: argparse.Namespace) -> None:
    """The app with what is made for it: its metadata, which `smoothtask --version` reads, manual page, completions."""
    for files in APP:
        installer.copy(files)
    version, summary = project()
    metadata = installer.folder(f"{APP_FOLDER}/smoothtask-{version}.dist-info") / "METADATA"
    installer.write(metadata, f"Metadata-Version: 2.1\nName: smoothtask\nVersion: {version}\nSummary: {summary}\n")
    made = {
        "{prefix}/share/man/man1/smoothtask.1": command_line_pages.manual(version),
        "{prefix}/share/bash-completion/completions/smoothtask": command_line_pages.bash(),
        f"{given.zsh_folder}/_smoothtask": command_line_pages.zsh(),
        "{prefix}/share/fish/vendor_completions.d/smoothtask.fish": command_line_pages.fish(),
    }
    for target, text in made.items():
        folder, _, name = target.rpartition("/")
        installer.write(installer.folder(folder) / name, text)


def install_helper(installer: Installer, given: argparse.Namespace) -> None:
    for files in HELPER:
        installer.copy(files)
    objects = installer.folder(f"{HELPER_FOLDER}/objects")
    if given.objects is None:
        build_bpf.build(TOP / "bpf", objects)
    else:
        shutil.copytree(given.objects, objects, dirs_exist_ok=True, copy_function=shutil.copyfile)
    set_modes(objects)


def main() -> None:
    parser = argparse.ArgumentParser(description="Install SmoothTask's app or its helper.")
    parser.add_argument("part", choices=("app", "helper"))
    parser.add_argument("--destdir", type=Path, default=Path("/"), help="put everything below this folder")
    parser.add_argument("--prefix", default="/usr")
    parser.add_argument("--sysconfdir", default="/etc")
    parser.add_argument("--libexecdir", help="default: PREFIX/libexec")
    parser.add_argument("--zsh-folder", default="{prefix}/share/zsh/site-functions", help="zsh's completions")
    parser.add_argument("--objects", type=Path, help="a folder of compiled eBPF objects")
    given = parser.parse_args()
    places = {
        "prefix": given.prefix,
        "sysconfdir": given.sysconfdir,
        "libexecdir": given.libexecdir or f"{given.prefix}/libexec",
    }
    installer = Installer(given.destdir, places)
    (install_app if given.part == "app" else install_helper)(installer, given)
    for launcher in LAUNCHERS[given.part]:
        installer.launch(launcher)


if __name__ == "__main__":
    main()
