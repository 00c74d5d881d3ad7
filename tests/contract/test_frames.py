"""bpf/records.h as a C compiler lays it out, against the dtypes that the app reads with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from smoothtask_gui.domain.batch import Missing
from smoothtask_gui.domain.network import SocketMissing
from smoothtask_gui.sources import records

ROOT = Path(__file__).parents[2]
CONSTANTS = {
    "ST_STREAM_VERSION": records.STREAM_VERSION,
    "ST_PACKET_MAGIC": records.PACKET_MAGIC,
    "ST_FRAME_MAGIC": records.FRAME_MAGIC,
    "ST_MISSING_IO": Missing.IO,
    "ST_MISSING_RSS": Missing.RSS,
    "ST_MISSING_DELAY": Missing.RUN_DELAY,
    "ST_MISSING_PARENT": Missing.PARENT,
    "ST_MISSING_IDENTITY": Missing.IDENTITY,
    **{f"ST_MISSING_{bit.name}": bit for bit in SocketMissing},
    **{f"ST_PACKET_{kind.name}": kind for kind in records.PacketKind},
    **{f"ST_SECTION_{kind.name}": kind for kind in records.SectionKind},
    **{f"ST_EVENT_{kind.name}": kind for kind in records.EventKind},
    **{f"ST_SEES_{kind.name}": kind for kind in records.Visibility},
    **{f"ST_BYE_{kind.name}": kind for kind in records.ByeReason},
    **{f"ST_KIND_{kind.name}": kind for kind in records.Kinds},
}


def program() -> str:
    lines = []
    for struct, dtype in records.STRUCTS.items():
        lines.append(f'printf("{struct} %zu\\n", sizeof(struct {struct}));')
        lines += [
            f'printf("{struct}.{field} %zu %zu\\n", offsetof(struct {struct}, {field}),'
            f" sizeof(((struct {struct} *)0)->{field}));"
            for field in dtype.names or ()
        ]
    lines += [f'printf("{name} %lld\\n", (long long){name});' for name in CONSTANTS]
    return '#include <stdio.h>\n#include <stddef.h>\n#include "records.h"\nint main(void) {{\n{}\n}}\n'.format(
        "\n".join(lines)
    )


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    folder = tmp_path_factory.mktemp("layout")
    (folder / "layout.c").write_text(program())
    subprocess.run(["cc", "-I", ROOT / "bpf", "-o", folder / "layout", folder / "layout.c"], check=True)
    found = subprocess.run([folder / "layout"], check=True, capture_output=True, text=True)
    return {words[0]: [int(word) for word in words[1:]] for words in map(str.split, found.stdout.splitlines())}


@pytest.mark.parametrize("struct", records.STRUCTS)
def test_every_struct_has_the_size_and_offsets_that_the_header_gives_it(
    struct: str, layout: dict[str, list[int]]
) -> None:
    dtype = records.STRUCTS[struct]
    assert layout[struct] == [dtype.itemsize]
    assert dtype.fields is not None
    for field, (kind, offset, *_) in dtype.fields.items():
        assert layout[f"{struct}.{field}"] == [offset, kind.itemsize], field


def test_every_constant_has_the_header_s_value(layout: dict[str, list[int]]) -> None:
    assert {name: layout[name] for name in CONSTANTS} == {name: [int(value)] for name, value in CONSTANTS.items()}


def test_every_struct_of_the_header_is_known() -> None:
    header = (ROOT / "bpf" / "records.h").read_text()
    declared = {line.split()[1] for line in header.splitlines() if line.startswith("struct ") and line.endswith("{")}
    assert declared | {"st_event_thermal"} == set(records.STRUCTS)
