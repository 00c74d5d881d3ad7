#!/usr/bin/python3
"""Compiles bpf/*.bpf.c into build/bpf/*.bpf.o, only those whose sources changed.

A source that another one includes is compiled as part of that one only.

Needs clang, llvm-strip and the headers of libbpf-dev. Debug sections are stripped, BTF is kept: libbpf needs it to
relocate the programs to the running kernel. Fails with the compiler's own words, and with the package's name where
a tool is missing.

    build_bpf.py [--sources FOLDER] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = {"clang": "clang", "llvm-strip": "llvm"}
INCLUDED_SOURCE: Final = re.compile(r'^#include "([^"/]+\.bpf\.c)"$', re.MULTILINE)
TARGET_ARCH: Final = {"x86_64": "x86", "aarch64": "arm64", "riscv64": "riscv", "ppc64le": "powerpc", "s390x": "s390"}
WITHOUT: Final = {
    "without-task-iterator": (b"bpf_iter_task_new", ("-DST_WITHOUT_TASK_ITERATOR",)),
    "without-kfuncs": (b"bpf_rdonly_cast", ("-DST_WITHOUT_KFUNCS", "-DST_WITHOUT_TASK_ITERATOR")),
}
"""Folders of the objects for kernels before 6.7 and 6.2: what of these an object calls, and how it's compiled without
(helper/loaders/kernel_types.py)."""


def build(source_folder: Path, out_folder: Path) -> list[Path]:
    """Compiles each `*.bpf.c` that is newer than its object (or whose headers are); returns the objects it wrote.

    Raises:
        SystemExit: a tool or header is missing, or the compiler refused a source.
    """
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            sys.exit(f"build_bpf: {tool} is not installed (Debian package: {package})")
    out_folder.mkdir(parents=True, exist_ok=True)
    shared = max(path.stat().st_mtime_ns for path in [*source_folder.glob("*.h"), Path(__file__)])
    sources = sorted(source_folder.glob("*.bpf.c"))
    included = {source: _included_sources(source) for source in sources}
    for source in {part for parts in included.values() for part in parts}:
        (out_folder / f"{source.name.removesuffix('.c')}.o").unlink(missing_ok=True)  # from before it was included
    written = []
    for source in sorted(set(sources).difference(*included.values())):
        target = out_folder / f"{source.name.removesuffix('.c')}.o"
        newest = max(shared, *(path.stat().st_mtime_ns for path in (source, *included[source])))
        if not target.exists() or target.stat().st_mtime_ns < newest:
            _compile(source, target)
            written.append(target)
            for folder, (function, definitions) in WITHOUT.items():
                if function in target.read_bytes():
                    without = out_folder / folder / target.name
                    without.parent.mkdir(exist_ok=True)
                    _compile(source, without, *definitions)
                    written.append(without)
    return written


def _included_sources(source: Path) -> list[Path]:
    return [source.parent / name for name in INCLUDED_SOURCE.findall(source.read_text(encoding="utf-8"))]


def _compile(source: Path, target: Path, *definitions: str) -> None:
    machine = platform.machine()
    partial = target.with_suffix(".partial")
    commands = [
        [
            "clang",
            "-g",
            "-O2",
            "-target",
            "bpf",
            f"-D__TARGET_ARCH_{TARGET_ARCH.get(machine, machine)}",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-parameter",
            f"-I{source.parent}",
            f"-ffile-prefix-map={source.parent}=bpf",  # the same bytes wherever the checkout lies
            "-fdebug-compilation-dir=.",
            *definitions,
            "-c",
            source,
            "-o",
            partial,
        ],
        ["llvm-strip", "-g", partial],
    ]
    for command in commands:
        if subprocess.run(command, check=False).returncode:
            partial.unlink(missing_ok=True)
            sys.exit(f"build_bpf: {source.name} could not be compiled (headers come from Debian's libbpf-dev)")
    partial.replace(target)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile the eBPF programs.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bpf", help="folder of the objects")
    parser.add_argument("--sources", type=Path, default=ROOT / "bpf", help="folder of the sources")
    given = parser.parse_args()
    for target in build(given.sources, given.out):
        print(f"compiled {target.name}")


if __name__ == "__main__":
    main()
