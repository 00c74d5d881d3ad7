"""Debian packages that a job needs, installed when they are missing.

Fails on a system without apt-get or without root: it then says which packages are needed and stops.
"""

import os
import platform
import re
import shutil
import subprocess

import places
import privilege
from steps import StepError, logged, say

LIST = places.TOOLS / "system-packages.txt"


def listed(groups: set[str]) -> list[str]:
    """The packages of these groups, in the order of system-packages.txt."""
    names: list[str] = []
    group = ""
    for line in LIST.read_text().replace("@ARCH@", architecture()).splitlines():
        text = line.partition("#")[0].strip()
        if heading := re.fullmatch(r"\[(\w+)\]", text):
            group = heading[1]
        elif text and group in groups:
            names.append(text)
    return list(dict.fromkeys(names))


def architecture() -> str:
    """Debian's name of this machine's architecture; the kernel's own where there is no dpkg."""
    if not shutil.which("dpkg"):
        return platform.machine()
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def missing(names: list[str]) -> list[str]:
    """Those not installed; a package that only provides the name doesn't count."""
    command = ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n", *names]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    there = {line.split()[1] for line in answer.splitlines() if line.startswith("ii")}
    return [name for name in names if name not in there]


def ensure(groups: set[str]) -> None:
    """Install the groups' missing packages; StepError where that can't be done."""
    names = listed(groups)
    if not shutil.which("dpkg-query") or not shutil.which("apt-get"):
        raise StepError(
            "this isn't a Debian system, so nothing was installed. Needed are its equivalents of these packages:\n"
            f"    {' '.join(names)}\nOn Debian 12 or newer ./dev installs them itself."
        )
    lacking = missing(names)
    if not lacking:
        return
    if not privilege.can_be_root():
        wish = f"apt-get install {' '.join(lacking)}"
        raise StepError(f"Debian packages are missing and there is no root or sudo here. Needed:\n    {wish}")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none"]
    if not all(known(name) for name in lacking):
        logged("apt-update", privilege.as_root([*quiet, "apt-get", "-q", "update"]), "reading Debian's package lists")
    install = [*quiet, "apt-get", "-qy", "-o", "Dpkg::Use-Pty=0", "install", "--no-install-recommends", *lacking]
    shown = " ".join(lacking) if len(lacking) < 8 else f"{' '.join(lacking[:6])} and {len(lacking) - 6} more"
    logged("apt-install", privilege.as_root(install), f"installing Debian packages: {shown}", env=dict(os.environ))
    if still := missing(lacking):
        say(f"  not installed after all: {' '.join(still)}")


def known(name: str) -> bool:
    """Whether apt's lists have an installable version (they are empty on a new system)."""
    answer = subprocess.run(["apt-cache", "show", "--no-all-versions", name], capture_output=True, check=False)
    return answer.returncode == 0 and bool(answer.stdout)
