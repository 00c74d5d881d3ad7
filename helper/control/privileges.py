"""Control runs with two capabilities and no more: it refuses to live with others, so that no start-up can give it them.

Its systemd unit takes the others away. A bus without systemd would start it as a root that may do anything.
"""

from pathlib import Path
from typing import Final

CAP_KILL: Final = 5  # include/uapi/linux/capability.h
CAP_SYS_NICE: Final = 23
WANTED: Final = 1 << CAP_KILL | 1 << CAP_SYS_NICE


def why_unfit(status: Path = Path("/proc/self/status")) -> str:
    """Why this process shouldn't be Control, "" if it is fit: proc_pid_status(5)."""
    fields = dict(line.split(":\t", 1) for line in status.read_text(errors="replace").splitlines() if ":\t" in line)
    has = int(fields["CapEff"], 16) | int(fields["CapPrm"], 16)
    if has & ~WANTED:
        return (
            f"it has more capabilities ({has:#x}) than the two it needs ({WANTED:#x}); its systemd unit starts it right"
        )
    if has != WANTED:
        return f"it lacks capabilities: it has {has:#x} and needs {WANTED:#x}"
    return ""
