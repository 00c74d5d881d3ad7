"""The kernel's type information is asked by name, and never in the way when it can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helper.loaders.kernel_types import names_in
from tests.fakes.type_information import type_information

if TYPE_CHECKING:
    from pathlib import Path

CAST, PART_OF_IT, WALK, STRUCT = b"bpf_rdonly_cast", b"bpf_rdonly", b"bpf_iter_task_new", b"proto_accept_arg"


def test_what_is_there_is_found_by_its_whole_name(tmp_path: Path) -> None:
    file = type_information(tmp_path / "vmlinux", b"task_struct", CAST, STRUCT)
    assert names_in(file, [CAST, PART_OF_IT, WALK, STRUCT]) == {CAST, STRUCT}


def test_what_cannot_be_read_is_taken_to_have_it(tmp_path: Path) -> None:
    assert names_in(tmp_path / "none", [CAST]) == {CAST}
    assert names_in(type_information(tmp_path / "other", magic=0), [CAST]) == {CAST}
    (tmp_path / "short").write_bytes(b"x")
    assert names_in(tmp_path / "short", [CAST]) == {CAST}
