"""What seccomp and security modules deny, as the kernel's audit tells it and the journal keeps it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

HOSTILE: Final = "st-hostile"
"""What the processes of inside/hostile.py are called."""
AUDIT_SECCOMP: Final = "1326"  # include/uapi/linux/audit.h
WORDS: Final = ('apparmor="DENIED"', "avc:  denied", f"type={AUDIT_SECCOMP}", "status=31/SYS")
"""In lines of the kernel's log (where nobody listens to audit) and of systemd's."""


def denials(machine: Machine) -> list[str]:
    """Lines of this boot's journal that tell of one."""
    machine.sh("journalctl --sync")
    lines = machine.sh("journalctl --quiet --no-pager -o json --output-fields=MESSAGE,_AUDIT_TYPE --boot").splitlines()
    found = []
    for entry in map(json.loads, lines):
        said = entry.get("MESSAGE") or ""
        text = said if isinstance(said, str) else bytes(said).decode(errors="replace")
        if entry.get("_AUDIT_TYPE") == AUDIT_SECCOMP or any(word in text for word in WORDS):
            found.append(text)
    return found
