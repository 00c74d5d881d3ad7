"""The guests of the vm lane and what they are made of; made when their recipe changes, in half a minute each.

Needs mirrors that still have both releases; works on amd64 only: an emulated PC is what the recipe makes.
"""

import hashlib
import platform
from pathlib import Path

import places
import privilege
from steps import StepError, logged

HERE = Path(__file__).parent
DISKS = {"debian12": "bookworm", "debian13": "trixie"}
FOLDER = places.BUILD / "vm"
GUESTS = {**{name: FOLDER / name for name in DISKS}, "newest": FOLDER / "debian13" / "newest"}
"""Where each lies; the last is Debian 13 with the newest kernel that Debian has for it."""
CPUS = {"debian12": 2, "debian13": 1, "newest": 1}
"""What is counted by processor is put together on one of them, on which the lane asks least (guest.py)."""
KEY = FOLDER / "key"
ACPI_TABLE = FOLDER / "thermal.aml"


def ensure() -> None:
    """Make the key, the ACPI table and each guest's image, where they aren't there or are of another recipe."""
    if platform.machine() != "x86_64":
        raise StepError(f"the vm lane makes a PC out of amd64 packages; this machine is {platform.machine()}.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not KEY.exists():
        logged("vm-key", ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY], "making a key for the guests")
    logged("vm-acpi", ["iasl", "-p", ACPI_TABLE.with_suffix(""), HERE / "thermal.asl"], "checking the ACPI table")
    for name, suite in DISKS.items():
        folder = FOLDER / name
        stamp = folder / "made-of"
        recipe = _recipe(suite)
        if stamp.exists() and stamp.read_text() == recipe:
            continue
        logged(f"vm-{name}-old", privilege.as_root(["rm", "-rf", folder]), f"making room for {name}")
        folder.mkdir()
        words = ["nice", "/usr/bin/python3", "-B", HERE / "image.py", suite, folder, KEY.with_suffix(".pub")]
        logged(f"vm-{name}", privilege.as_root(words), f"making the guest {name}: Debian's {suite} with its kernel")
        stamp.write_text(recipe)


def counting() -> Path:
    """Debian 13 once more, to be started with a clock of its own and kept so (guest.py); what it is of is there."""
    folder = GUESTS["debian13"] / "counting"
    folder.mkdir(exist_ok=True)
    for name in ("disk.raw", "vmlinuz", "initrd"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"../{name}")
    return folder


def _recipe(suite: str) -> str:
    sources = [HERE / "image.py", HERE / "initrd.py", KEY.with_suffix(".pub")]
    parts = [suite, *(path.read_text() for path in sources)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
