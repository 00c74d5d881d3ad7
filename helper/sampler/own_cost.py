"""What the sampler itself costs and what this kernel offers: the rows of the properties OwnCost and KernelFacts."""

import os
import resource
from collections.abc import Iterable
from pathlib import Path

from helper.kernel_facts import Fact
from helper.loaders.choice import Choice
from helper.sampler.visibility import ProcMount

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_ns() -> int:
    """CPU time of this process, all threads: getrusage(2)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def resident_bytes() -> int:
    """The second number of /proc/self/statm: proc_pid_statm(5)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def facts_for_people(proc_mount: ProcMount, facts: Iterable[Fact], choice: Choice) -> list[list[str]]:
    """The rows of KernelFacts: the kernel's, the loader chosen for it, and how /proc is mounted: what streams show."""
    shown = "streams show every user all processes, as /proc does"
    hidden = "/proc hides other users' processes, and so do streams"
    hidepid = ["hidepid", str(proc_mount.hidepid), hidden if proc_mount.hidepid else shown]
    loader = ["loader", choice.loader, choice.reason]
    return [*([fact.name, fact.value, fact.explanation] for fact in facts), loader, hidepid]
