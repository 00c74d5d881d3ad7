"""What can go wrong between an object file and a running program, in words for people.

libbpf answers with an errno and lines on stderr; neither tells a person what to do. The table below does, with the
evidence for each row.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Final

LIBBPF_ERRNO_START: Final = 4000  # libbpf_legacy.h: enum libbpf_errno
VERIFIER_LOG: Final = "END PROG LOAD LOG"  # libbpf puts the verifier's log between two such lines
LIBBPF_ERRORS: Final = {
    4000: "libelf could not read it",
    4001: "it is not a BPF object of this format",
    4003: "it is for another byte order",
    4005: "a relocation in it is wrong",
    4007: "the kernel's verifier rejected it",
    4008: "the program is too big",
    4009: "wrong kernel version",
    4010: "wrong program type",
}


class LoaderError(Exception):
    """A BPF program is not running.

    `program` is the object's or program's name, `step` one of library, btf, hardware, open, configure, load, attach,
    map, read; `errno` is 0 where there is none; `log_tail` has the last lines that libbpf and the verifier wrote.
    str() is a sentence for people.
    """

    def __init__(self, program: str, step: str, errno_: int, log_tail: str = "", hint: str = "") -> None:
        self.program = program
        self.step = step
        self.errno = errno_
        self.log_tail = log_tail
        self.hint = hint or hint_for(step, errno_, log_tail)
        super().__init__(f"{program}: {self.hint} (step: {step}{_errno_words(errno_)})")


def _errno_words(number: int) -> str:
    if not number:
        return ""
    if number >= LIBBPF_ERRNO_START:
        return f", libbpf error {number}: {LIBBPF_ERRORS.get(number, 'unknown')}"
    return f", {errno.errorcode.get(number, number)}: {os.strerror(number)}"


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of failure; an empty condition holds always."""

    sentence: str
    step: str = ""
    numbers: frozenset[int] = frozenset()
    log: str = ""


HINTS: Final = (
    # EACCES and EINVAL mean the verifier then, not a right
    _Row(
        "the kernel's verifier rejected the program; this kernel differs from those it was made for",
        log=VERIFIER_LOG,
    ),
    # bpf(2) refuses before it verifies: bpf_capable(), perfmon_capable()
    _Row(
        "the kernel refused: CAP_BPF and CAP_PERFMON are both needed, or a security module forbids it",
        numbers=frozenset({errno.EPERM, errno.EACCES}),
    ),
    _Row(
        "the object file is not there; build the BPF objects or reinstall the package",
        step="open",
        numbers=frozenset({errno.ENOENT}),
    ),
    _Row("the object file is damaged or not a BPF object; rebuild it or reinstall the package", step="open"),
    # libbpf_find_attach_btf_id() finds no btf_trace_NAME or bpf_iter_NAME
    _Row("this kernel has no such tracepoint or iterator", numbers=frozenset({errno.ESRCH})),
    # bpf_raw_tracepoint_open(2) of a raw tracepoint, which is looked up by name when it is attached
    _Row("this kernel has no such tracepoint or iterator", step="attach", numbers=frozenset({errno.ENOENT})),
    _Row("this kernel has no such tracepoint or iterator", log="kernel BTF type"),
    _Row("the kernel is out of memory for it", numbers=frozenset({errno.ENOMEM})),
)
"""In order: the first that fits is said."""


def hint_for(step: str, number: int, log_tail: str) -> str:
    """The sentence for an error of libbpf in one of LoaderError's steps."""
    for row in HINTS:
        if row.step in {"", step} and number in (row.numbers or {number}) and row.log in log_tail:
            return row.sentence
    return f"the step {step} failed"
