"""The kernel's type information is asked by name, and never in the way when it can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helper.loaders.kernel_types import HEADER, MAGIC, names_in

if TYPE_CHECKING:
    from pathlib import Path

TYPES = bytes(40)
STRINGS = b"\0task_struct\0bpf_rdonly_cast\0proto_accept_arg\0"
WANTED = frozenset({b"bpf_rdonly_cast", b"proto_accept_arg"})


def btf(path: Path, magic: int = MAGIC) -> Path:
    file = path / "vmlinux"
    file.write_bytes(HEADER.pack(magic, 1, 0, HEADER.size, 0, len(TYPES), len(TYPES), len(STRINGS)) + TYPES + STRINGS)
    return file


def test_functions_and_types_are_found_by_their_whole_names(tmp_path: Path) -> None:
    assert names_in(btf(tmp_path), WANTED | {b"bpf_rdonly", b"accept_arg", b"struct"}) == WANTED


def test_what_cannot_be_read_is_taken_to_have_it(tmp_path: Path) -> None:
    assert names_in(tmp_path / "none", WANTED) == WANTED
    assert names_in(btf(tmp_path, magic=0), WANTED) == WANTED
    (tmp_path / "short").write_bytes(b"x")
    assert names_in(tmp_path / "short", WANTED) == WANTED
