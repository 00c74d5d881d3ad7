"""Compiles, loads and attaches one BCC program, hands over its descriptors, and is gone; nothing else imports bcc.

Run by the system's own Python, which python3-bpfcc is for: `python3 -I bcc_child.py SOCKET SOURCE FLAG…`. LLVM takes
100 MiB: in a child they are given back as soon as the programs run. SOCKET (a descriptor) gets one message: JSON with
"maps", "programs" and "links", and the descriptors in that order; or JSON with "step" and "reason". What the compiler
says goes to stderr.
"""

from __future__ import annotations

import ctypes
import json
import re
import socket
import sys
from pathlib import Path


def compile_and_attach(source: Path, flags: list[str]) -> tuple[dict[str, list[str]], list[int]]:
    """Names and descriptors. Raises ImportError without bcc, and bcc's own plain Exception if it fails."""
    from bcc import BPF  # type: ignore[import-not-found]  # noqa: PLC0415 - in the child only
    from bcc.libbcc import lib  # type: ignore[import-not-found]  # noqa: PLC0415

    include = [f"-I{source.parent}", f"-I{source.parents[1]}"]
    lib.bpf_table_name.argtypes, lib.bpf_table_name.restype = [ctypes.c_void_p, ctypes.c_size_t], ctypes.c_char_p
    module = BPF(text=whole_text(source), cflags=[*include, *flags])
    names = [lib.bpf_table_name(module.module, index) for index in range(lib.bpf_num_tables(module.module))]
    maps = {name.decode(): lib.bpf_table_fd(module.module, name) for name in names}
    programs = {name.decode(): function.fd for name, function in module.funcs.items()}
    links = {name.decode(): fd for name, fd in module.tracepoint_fds.items()}
    told = {"maps": list(maps), "programs": list(programs), "links": list(links)}
    return told, [*maps.values(), *programs.values(), *links.values()]


def whole_text(source: Path) -> str:
    """The source with the headers beside it put in: BCC rewrites map calls in the main file only."""

    def put_in(match: re.Match[str]) -> str:
        header = source.with_name(match[1])
        return header.read_text(encoding="utf-8") if header.exists() else match[0]

    return re.sub(r'^#include "([^"]+)"$', put_in, source.read_text(encoding="utf-8"), flags=re.MULTILINE)


def main() -> None:
    answer = socket.socket(fileno=int(sys.argv[1]))
    try:
        told, descriptors = compile_and_attach(Path(sys.argv[2]), sys.argv[3:])
    except ImportError as error:
        answer.send(json.dumps({"step": "library", "reason": str(error)}).encode())
    except Exception as error:  # noqa: BLE001 - bcc raises nothing more special
        step = "compile" if "compile" in str(error) else "attach" if "attach" in str(error) else "load"
        answer.send(json.dumps({"step": step, "reason": str(error)}).encode())
    else:
        socket.send_fds(answer, [json.dumps(told).encode()], descriptors)


if __name__ == "__main__":
    main()
