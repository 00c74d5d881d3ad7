"""Which loader runs here, and why: CO-RE where the kernel describes its types, else BCC where it is installed."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from helper.loaders.libbpf import KERNEL_BTF

SYSTEM_PYTHON: Final = Path("/usr/bin/python3")
LOADERS: Final = ("auto", "core", "bcc")
FIND_BCC: Final = "import importlib.util, sys; sys.exit(importlib.util.find_spec('bcc') is None)"
LONGEST_S: Final = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """`loader` is "core", "bcc" or "none"; `reason` is a sentence for people."""

    loader: str
    reason: str


def choose(wanted: str, kernel_btf: Path = KERNEL_BTF, python: Path = SYSTEM_PYTHON) -> Choice:
    """The loader for `wanted`, one of LOADERS. Nothing of BCC is touched where the kernel describes its types."""
    if wanted != "auto":
        return Choice(wanted, f"the sampler was started with --loader {wanted}")
    if os.access(kernel_btf, os.R_OK):
        return Choice("core", f"the kernel describes its types ({kernel_btf}): ready-made programs are fitted to it")
    without = f"the kernel doesn't describe its types (no {kernel_btf})"
    if has_bcc(python):
        return Choice("bcc", f"{without}: programs are compiled here from arguments of tracepoints, and see less")
    return Choice("none", f"{without}, and {python} has no bcc: install python3-bpfcc and the kernel's headers")


def has_bcc(python: Path) -> bool:
    """Whether that Python finds the module bcc; it isn't imported."""
    try:
        asked = subprocess.run([python, "-I", "-c", FIND_BCC], timeout=LONGEST_S, capture_output=True, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
