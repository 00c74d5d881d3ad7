"""The package's own programs with a line changed: how they fare where a kernel lacks or refuses something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from helper.loaders.libbpf import Libbpf
from tests.contract.layout import BPF_FOLDER, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def altered(folder: Path, old: str, new: str) -> Libbpf:
    """Compiles the sources with every `old` replaced; `folder` is empty."""
    sources = folder / "sources"
    shutil.copytree(BPF_FOLDER, sources)
    for source in sources.glob("*.bpf.c"):
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace(old, new), encoding="utf-8")
    assert any(new in source.read_text(encoding="utf-8") for source in sources.glob("*.bpf.c"))
    script = ROOT / "packaging" / "dev" / "build_bpf.py"
    subprocess.run([sys.executable, script, "--sources", sources, "--out", folder / "objects"], check=True)
    return Libbpf(folder / "objects")
