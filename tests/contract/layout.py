"""Asks the compiler how it lays out the structs of a header: the one truth that every reader is compared with.

`read_header(path)` finds the structs, writes a C program that prints sizeof and offsetof of every member, compiles it
with cc and runs it.
"""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]
BPF_FOLDER: Final = ROOT / "bpf"
RECORDS: Final = BPF_FOLDER / "records.h"
_COMMENT: Final = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_STRUCT: Final = re.compile(r"^struct (\w+) \{\s*\n(.*?)^\};", re.DOTALL | re.MULTILINE)
_MEMBER: Final = re.compile(r"^\s*(?:struct )?\w+ ([^;]+);", re.MULTILINE)
_CONSTANT: Final = re.compile(r"^#define (ST_\w+) \S|^\s*(ST_\w+) =|[{,] (ST_\w+) =", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Member:
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One struct as the compiler lays it out; `members` in order of declaration."""

    name: str
    size: int
    members: dict[str, Member]


def member_names(body: str) -> list[str]:
    """The members of a struct's body: also `u32 pid, uid;` and arrays."""
    declarators = (part for match in _MEMBER.finditer(body) for part in match[1].split(","))
    return [declarator.strip().split("[")[0] for declarator in declarators]


def read_header(path: Path = RECORDS, before: str = "") -> dict[str, Layout]:
    """Layouts of all structs of a header by name; `before` is C that it needs first."""
    text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
    structs = {match[1]: member_names(match[2]) for match in _STRUCT.finditer(text)}
    lines = []
    for name, members in structs.items():
        lines.append(f'printf("{name} {name} 0 %zu\\n", sizeof(struct {name}));')
        for member in members:
            place = f"offsetof(struct {name}, {member}), sizeof(((struct {name} *)0)->{member})"
            lines.append(f'printf("{name} .{member} %zu %zu\\n", {place});')
    layouts: dict[str, Layout] = {}
    for line in run_c(path, before, lines).splitlines():
        name, member, offset, size = line.split()
        if member.startswith("."):
            layouts[name].members[member[1:]] = Member(int(offset), int(size))
        else:
            layouts[name] = Layout(name, int(size), {})
    return layouts


def read_constants(path: Path = RECORDS, before: str = "") -> dict[str, int]:
    """All ST_ enum values and numeric macros of a header."""
    text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
    names = [next(group for group in match.groups() if group) for match in _CONSTANT.finditer(text)]
    lines = [f'printf("{name} %lld\\n", (long long){name});' for name in names]
    pairs = (line.split() for line in run_c(path, before, lines).splitlines())
    return {name: int(value) for name, value in pairs}


def fields_of(dtype: np.dtype[np.void]) -> dict[str, Member]:
    """A numpy structured dtype in the same terms."""
    assert dtype.fields is not None
    return {name: Member(int(entry[1]), int(entry[0].itemsize)) for name, entry in dtype.fields.items()}


def places_of(layout: struct.Struct) -> list[Member]:
    """The values of a native struct format in the same terms; padding (`x`) is left out."""
    assert layout.format.startswith("@")
    places = []
    so_far = "@"
    for repeat, code in re.findall(r"(\d*)([a-zA-Z])", layout.format):
        values = [f"{repeat}{code}"] if code in "sx" else [code] * int(repeat or 1)
        for value in values:
            size = struct.calcsize(f"@{value}")
            so_far += value
            if code != "x":
                places.append(Member(struct.calcsize(so_far) - size, size))
    return places


def run_c(header: Path, before: str, lines: list[str]) -> str:
    """What a C program prints whose main() is `lines`, with the header included after `before`."""
    source = "#include <stddef.h>\n#include <stdio.h>\n" + before + f'\n#include "{header}"\n'
    source += "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        code, program = Path(folder) / "layout.c", Path(folder) / "layout"
        code.write_text(source, encoding="utf-8")
        subprocess.run(["cc", "-Wall", "-Werror", f"-I{header.parent}", "-o", program, code], check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout
