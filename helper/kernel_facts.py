"""What this kernel offers and allows: one row a fact, with the explanation a person needs.

Only reads; a file that isn't there or can't be read is itself the fact ("unknown" and why). `root` stands for / so that
tests can build a kernel in a folder.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CAPABILITIES: Final = {38: "CAP_PERFMON", 39: "CAP_BPF", 21: "CAP_SYS_ADMIN"}  # include/uapi/linux/capability.h
JIT_STATES: Final = {"0": "off", "1": "on", "2": "on, with debug traces"}
UNPRIVILEGED_STATES: Final = {"0": "allowed", "1": "forbidden until reboot", "2": "forbidden"}


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    explanation: str


def read_kernel_facts(root: Path = Path("/")) -> tuple[Fact, ...]:
    """All facts, always in the same order."""
    return (
        Fact("release", platform.release(), "the running kernel, as uname tells"),
        _btf(root),
        _lockdown(root),
        _sysctl(root, "bpf_stats_enabled", "kernel/bpf_stats_enabled", "1 counts runs and run time of eBPF programs"),
        _sysctl(root, "unprivileged_bpf", "kernel/unprivileged_bpf_disabled", "", UNPRIVILEGED_STATES.get),
        _sysctl(root, "jit", "net/core/bpf_jit_enable", "without it eBPF programs are interpreted", JIT_STATES.get),
        _psi(root),
        _capabilities(root),
    )


def _read(path: Path) -> tuple[str, str]:
    """Text and an empty reason, or an empty text and the reason."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip(), ""
    except OSError as reason:
        return "", f"{path} can't be read: {reason.strerror}"


def _btf(root: Path) -> Fact:
    path = root / "sys/kernel/btf/vmlinux"
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as reason:
        return Fact("btf", "no", f"{path}: {reason.strerror}; eBPF programs can't be fitted to this kernel without it")
    return Fact("btf", "yes", f"{path} can be read")


def _lockdown(root: Path) -> Fact:
    text, reason = _read(root / "sys/kernel/security/lockdown")
    if reason:
        return Fact("lockdown", "unknown", f"{reason}; most likely no lockdown")
    state = text.partition("[")[2].partition("]")[0] or "unknown"
    if state == "confidentiality":
        return Fact("lockdown", state, "forbids eBPF to read kernel memory: the probes can't load")
    return Fact("lockdown", state, "doesn't hinder the probes")


def _sysctl(
    root: Path, name: str, path: str, explanation: str, meaning: Callable[[str], str | None] = lambda _: None
) -> Fact:
    value, reason = _read(root / "proc/sys" / path)
    if reason:
        return Fact(name, "unknown", reason)
    words = [word for word in (meaning(value), explanation, f"sysctl {path.replace('/', '.')}") if word]
    return Fact(name, value, "; ".join(words))


def _psi(root: Path) -> Fact:
    _, reason = _read(root / "proc/pressure/cpu")
    if reason:
        return Fact("psi", "no", f"{reason}; the kernel tells no pressure (boot parameter psi=1)")
    return Fact("psi", "yes", "pressure of CPU, memory and disk can be read in /proc/pressure")


def _capabilities(root: Path) -> Fact:
    text, reason = _read(root / "proc/self/status")
    line = next((line for line in text.splitlines() if line.startswith("CapEff:")), "")
    if not line:
        return Fact("capabilities", "unknown", reason or "proc/self/status has no CapEff")
    mask = int(line.split()[1], 16)
    held = [name for bit, name in CAPABILITIES.items() if mask >> bit & 1]
    others = (mask & ~sum(1 << bit for bit in CAPABILITIES)).bit_count()
    needed = "CAP_BPF and CAP_PERFMON are what the probes need"
    return Fact("capabilities", " ".join(held) or "none", f"{needed}; {others} others are effective")
