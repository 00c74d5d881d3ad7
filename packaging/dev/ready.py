"""Getting ready: Debian packages, the virtual environment, the BPF objects. A second call takes well under a second."""

import os

import environment
import places
import privilege
import steps
import system
from vm import images

BASE = {"python", "qt"}


def ensure(groups: set[str]) -> None:
    """Make everything in BASE and these groups ready: with "bpf" the objects are compiled, with "vm" guests made."""
    os.umask(0o022)  # the sampler's user must be able to read what is made here
    with steps.only_one():
        try:
            system.ensure(BASE | groups)
            environment.ensure()
            if "bpf" in groups:
                build_bpf()
            if "vm" in groups:
                images.ensure()
        finally:
            privilege.give_back()


def build_bpf() -> None:
    """Compile bpf/*.bpf.c into build/bpf; build_bpf.py skips what is up to date."""
    steps.logged("bpf", [places.PYTHON, places.TOOLS / "build_bpf.py"], "checking the BPF objects")
