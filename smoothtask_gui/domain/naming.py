"""What a process is called in front of people: kernel threads and forced idling named as what they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import ExitedRate

# intel_powerclamp: kidle_inj/N (drivers/thermal/intel/intel_powerclamp.c before 6.3), then idle_inject/N
# (drivers/powercap/idle_inject.c). Their run time is the cooling, not the heat.
_IDLE_INJECTION: Final = re.compile(rb"k?idle_inj(ect)?/\d+")


SHORT_LIVED: Final = "short-lived processes"


def is_idle_injection(comm: bytes, *, is_kernel: bool) -> bool:
    """Whether this kernel thread only forces a CPU to idle, in order to cool it."""
    return is_kernel and _IDLE_INJECTION.match(comm) is not None


def process_name(comm: bytes, *, is_kernel: bool) -> str:
    """A name that may be shown: kernel threads as "kernel (kswapd0)", all of it safe plain text."""
    if is_idle_injection(comm, is_kernel=is_kernel):
        return "forced idle (cooling)"
    name = safe_text(comm) or "(no name)"
    return f"kernel ({name})" if is_kernel else name


def exited_name(row: ExitedRate) -> str:
    """A name for processes that are gone.

    The helper's roll-up holds so many kinds; the time of all others is in one row without name and parent
    (bpf/records.h, struct st_exited), on busy machines a large part of it.
    """
    return safe_text(row.comm) or ("(no name)" if row.parent_pid else SHORT_LIVED)
