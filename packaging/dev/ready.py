"""Getting ready: Debian packages, the virtual environment, the BPF objects. A second call takes well under a second."""

import os

import environment
import places
import privilege
import steps
import system
from recipes import deb, flatpak, wheel
from vm import images

BASE = {"python", "qt"}
TESTED = ((deb.GROUPS, deb.build), (flatpak.GROUPS, flatpak.repository), (wheel.GROUPS, wheel.build))
"""Packages that the lanes install."""


def ensure(groups: set[str]) -> None:
    """Make BASE and these groups ready: "bpf" compiles objects, "vm" makes guests, "packages" what they install."""
    os.umask(0o022)  # the sampler's user must be able to read what is made here
    with steps.only_one():
        try:
            recipes = TESTED if "packages" in groups else ()
            system.ensure((BASE | groups).union(*(its for its, _ in recipes)))
            environment.ensure()
            if "bpf" in groups:
                build_bpf()
            for _, build in recipes:
                build()
            if "vm" in groups:
                images.ensure()
        finally:
            privilege.give_back()


def build_bpf() -> None:
    """Compile bpf/*.bpf.c into build/bpf; build_bpf.py skips what is up to date."""
    steps.logged("bpf", [places.PYTHON, places.TOOLS / "build_bpf.py"], "checking the BPF objects")
