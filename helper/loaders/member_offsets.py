"""Where members lie in structs of a kernel module, from the type information that it shows in /sys/kernel/btf.

libbpf fits programs to structs of modules only where it may ask the kernel for all modules' types, which takes
CAP_SYS_ADMIN; the files in sysfs may be read by everybody. While they are read memory is 13 MiB above the rest.
Fails with LoaderError.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError

if TYPE_CHECKING:
    from helper.loaders.libbpf import Libbpf

FOLDER: Final = Path("/sys/kernel/btf")
STRUCT: Final = 4  # BTF_KIND_STRUCT, include/uapi/linux/btf.h
BITS: Final = 8
_pointer, _text, _u32 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32


class _Type(ctypes.Structure):
    """`struct btf_type`; of a struct `count` members follow it."""

    _fields_ = (("name_off", _u32), ("info", _u32), ("size", _u32))


class _Member(ctypes.Structure):
    """`struct btf_member`; the upper byte of `offset` is a bit field's size where the type's kind flag is set."""

    _fields_ = (("name_off", _u32), ("type", _u32), ("offset", _u32))


class ModuleTypes:
    """The types of a module, or of the kernel where it is built in. Close it."""

    def __init__(self, door: Libbpf, module: str, folder: Path = FOLDER) -> None:
        """Raises LoaderError if the kernel shows no types."""
        self._calls = _prototyped(door.calls)
        self._module = module
        own = folder / module
        self._own: int | None = None
        self._base: int | None = self._parse(folder / "vmlinux", None)
        try:
            self._own = self._parse(own, self._base) if own.exists() else None
        except LoaderError:
            self._calls.btf__free(self._base)
            raise

    def close(self) -> None:
        for types in (self._own, self._base):
            if types:
                self._calls.btf__free(types)
        self._own = self._base = None

    def offset(self, struct: str, member: str) -> int:
        """In bytes. Raises LoaderError if there is no such struct or member."""
        types = self._own or self._base
        number = self._calls.btf__find_by_name_kind(types, struct.encode(), STRUCT)
        if number > 0:
            at = self._calls.btf__type_by_id(types, number)
            found = _Type.from_address(at)
            members = (_Member * (found.info & 0xFFFF)).from_address(at + ctypes.sizeof(_Type))
            for each in members:
                if self._calls.btf__name_by_offset(types, each.name_off) == member.encode():
                    return int(each.offset & 0xFFFFFF if found.info >> 31 else each.offset) // BITS
        hint = f"the kernel's module {self._module} isn't there or has no struct {struct} with a member {member}"
        raise LoaderError(self._module, "configure", errno.ENOENT, hint=hint)

    def _parse(self, path: Path, base: int | None) -> int:
        ctypes.set_errno(0)
        found = self._calls.btf__parse_split(os.fsencode(path), base)
        if not found:
            raise LoaderError(self._module, "configure", ctypes.get_errno(), hint=f"{path} can't be read as types")
        return int(found)


def _prototyped(calls: ctypes.CDLL) -> ctypes.CDLL:
    calls.btf__parse_split.argtypes, calls.btf__parse_split.restype = [_text, _pointer], _pointer
    calls.btf__free.argtypes, calls.btf__free.restype = [_pointer], None
    calls.btf__find_by_name_kind.argtypes = [_pointer, _text, _u32]
    calls.btf__find_by_name_kind.restype = ctypes.c_int32
    calls.btf__type_by_id.argtypes, calls.btf__type_by_id.restype = [_pointer, _u32], _pointer
    calls.btf__name_by_offset.argtypes, calls.btf__name_by_offset.restype = [_pointer, _u32], _text
    return calls
