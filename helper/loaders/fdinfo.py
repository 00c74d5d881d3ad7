"""What the kernel tells of a descriptor of a map or a program: bpf_map_show_fdinfo(), bpf_prog_show_fdinfo()."""

from __future__ import annotations

from pathlib import Path


def fdinfo(fd: int) -> dict[str, int]:
    """The lines of /proc/self/fdinfo that hold a decimal number."""
    text = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
    pairs = (line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {key: int(value) for key, value in pairs if value.strip().isdigit()}
