"""What a process is called in front of people: kernel threads and forced idling named as what they are."""

from __future__ import annotations

import re
from typing import Final

from smoothtask_gui.domain.text import safe_text

# intel_powerclamp: kidle_inj/N (drivers/thermal/intel/intel_powerclamp.c before 6.3), then idle_inject/N
# (drivers/powercap/idle_inject.c). Their run time is the cooling, not the heat.
_IDLE_INJECTION: Final = re.compile(rb"k?idle_inj(ect)?/\d+")


def is_idle_injection(comm: bytes, *, is_kernel: bool) -> bool:
    """Whether this kernel thread only forces a CPU to idle, in order to cool it."""
    return is_kernel and _IDLE_INJECTION.match(comm) is not None


def process_name(comm: bytes, *, is_kernel: bool) -> str:
    """A name that may be shown: kernel threads as "kernel (kswapd0)", all of it safe plain text."""
    if is_idle_injection(comm, is_kernel=is_kernel):
        return "forced idle (cooling)"
    name = safe_text(comm) or "(no name)"
    return f"kernel ({name})" if is_kernel else name
