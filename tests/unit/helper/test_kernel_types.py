"""The kernel's type information is asked by name, and never in the way when it can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helper.loaders.kernel_types import HEADER, MAGIC, has_function

if TYPE_CHECKING:
    from pathlib import Path

TYPES = bytes(40)
STRINGS = b"\0task_struct\0bpf_rdonly_cast\0"


def btf(path: Path, magic: int = MAGIC) -> Path:
    file = path / "vmlinux"
    file.write_bytes(HEADER.pack(magic, 1, 0, HEADER.size, 0, len(TYPES), len(TYPES), len(STRINGS)) + TYPES + STRINGS)
    return file


def test_a_function_is_found_by_its_whole_name(tmp_path: Path) -> None:
    assert has_function(btf(tmp_path), b"bpf_rdonly_cast")
    assert not has_function(btf(tmp_path), b"bpf_rdonly")


def test_what_cannot_be_read_is_taken_to_have_it(tmp_path: Path) -> None:
    assert has_function(tmp_path / "none", b"bpf_rdonly_cast")
    assert has_function(btf(tmp_path, magic=0), b"bpf_rdonly_cast")
    (tmp_path / "short").write_bytes(b"x")
    assert has_function(tmp_path / "short", b"bpf_rdonly_cast")
