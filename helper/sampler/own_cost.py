"""What the sampler itself costs and what this kernel offers: the rows of the properties OwnCost and KernelFacts."""

import os
import resource
from pathlib import Path

from helper.sampler.visibility import ProcMount

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_ns() -> int:
    """CPU time of this process, all threads: getrusage(2)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def resident_bytes() -> int:
    """The second number of /proc/self/statm: proc_pid_statm(5)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def kernel_facts(proc_mount: ProcMount, root: Path = Path("/")) -> list[list[str]]:
    """Name, value, explanation; `root` is the folder that holds proc and sys."""
    return [
        ["release", os.uname().release, "the running kernel"],
        _btf(root / "sys/kernel/btf/vmlinux"),
        _lockdown(root / "sys/kernel/security/lockdown"),
        _stats(root / "proc/sys/kernel/bpf_stats_enabled"),
        [
            "hidepid",
            str(proc_mount.hidepid),
            _HIDEPID_MEANS.get(proc_mount.hidepid, "/proc hides other users' processes"),
        ],
    ]


_HIDEPID_MEANS = {0: "/proc shows every user all processes, and so do streams"}


def _btf(path: Path) -> list[str]:
    if os.access(path, os.R_OK):
        return ["btf", "yes", "/sys/kernel/btf/vmlinux can be read"]
    return [
        "btf",
        "no",
        "this kernel was built without CONFIG_DEBUG_INFO_BTF: the compiled programs can't be fitted to it",
    ]


def _lockdown(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        return ["lockdown", "unknown", f"{path}: {error.strerror}"]
    state = text.partition("[")[2].partition("]")[0]
    return ["lockdown", state, "confidentiality forbids BPF to read kernel memory; the others don't matter"]


def _stats(path: Path) -> list[str]:
    try:
        value = path.read_text(encoding="ascii").strip()
    except OSError as error:
        return ["bpf_stats", "unknown", f"{path}: {error.strerror}"]
    meaning = "counts" if value == "1" else "doesn't count"
    return ["bpf_stats", value, f"the kernel {meaning} the run time of BPF programs (sysctl kernel.bpf_stats_enabled)"]
