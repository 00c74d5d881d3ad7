"""Where Debian's packages come from: the mirrors in this machine's own apt settings."""

import subprocess
import sys

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def mirrors() -> tuple[str, str]:
    """(archive, security) of the machine's own apt; exits with a sentence if there is none."""
    wanted = "$(LABEL)|$(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = dict(reversed([line.split("|", 1) for line in lines]))
    if "Debian" not in found or "Debian-Security" not in found:
        sys.exit("apt's settings name no mirror of Debian and of its security updates (after apt-get update)")
    return found["Debian"].rstrip("/"), found["Debian-Security"].rstrip("/")
