"""Whether this kernel takes programs at the return of its functions (fexit); asked once, before any object is loaded.

A kernel may lack them (no trampolines on that processor, no ftrace) or forbid them, as some hardened ones do. A load
that fails for it would be paid in full and then made again without them, so first an empty program is offered for a
type that is no function. Who takes such programs says just that, EINVAL (bpf_check_attach_target(),
kernel/bpf/verifier.c); any other answer is a refusal of them all. What is refused later, at the load or when it is
attached, is remembered too. A kernel whose ftrace is switched off takes and attaches them but doesn't run them (seen on
6.1 and 6.12; 7.3 refuses to switch it off), so that is looked at first.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Callable

TRACING: Final = 26  # BPF_PROG_TYPE_TRACING, include/uapi/linux/bpf.h
AT_RETURN: Final = 25  # BPF_TRACE_FEXIT
NO_FUNCTION: Final = 1  # the first type of all is an integer: what pahole writes first is no function
RETURN_ZERO: Final = bytes.fromhex("b700000000000000 9500000000000000")  # r0 = 0; exit
INSTRUCTION_BYTES: Final = 8
FTRACE: Final = Path("/proc/sys/kernel/ftrace_enabled")


class _Options(ctypes.Structure):
    """`struct bpf_prog_load_opts` of libbpf 1.0 as far as it is used; the library takes a shorter one."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("attempts", ctypes.c_int),
        ("expected_attach_type", ctypes.c_int),
        ("prog_btf_fd", ctypes.c_uint32),
        ("prog_flags", ctypes.c_uint32),
        ("prog_ifindex", ctypes.c_uint32),
        ("kern_version", ctypes.c_uint32),
        ("attach_btf_id", ctypes.c_uint32),
    )


class FunctionExits:
    """What is known about them; one for each door."""

    def __init__(self, offer: Callable[[], int], ftrace: Path = FTRACE) -> None:
        """`offer` gives the errno with which the kernel answered an empty program, see `offer_by`."""
        self._offer = offer
        self._ftrace = ftrace
        self._is_known = False
        self._refusal: LoaderError | None = None

    @property
    def refusal(self) -> LoaderError | None:
        """Why none is to be loaded; None if they may be."""
        if not self._is_known:
            self._is_known, self._refusal = True, self._ask()
        return self._refusal

    def _ask(self) -> LoaderError | None:
        if self._is_switched_off():
            hint = f"programs at the return of functions (fexit) don't run: {self._ftrace} is 0"
            return LoaderError("fexit", "attach", 0, hint=hint)
        number = self._offer()
        if number == errno.EINVAL:
            return None
        hint = "this kernel takes no programs at the return of its functions (fexit)"
        return LoaderError("fexit", "load", number, hint=hint)

    def _is_switched_off(self) -> bool:
        try:
            return self._ftrace.read_text(encoding="ascii").strip() == "0"
        except OSError:  # a kernel without ftrace; what that means the offer tells, or the attempt
            return False

    def rule_out(self, reason: LoaderError) -> None:
        """One was refused after all: from now on none is loaded, for this reason."""
        self._is_known, self._refusal = True, reason


def offer_by(calls: ctypes.CDLL) -> int:
    """Offers an empty program by libbpf's `bpf_prog_load`, some microseconds; the errno, 0 if the kernel kept it."""
    options = _Options(
        sz=ctypes.sizeof(_Options), attempts=1, expected_attach_type=AT_RETURN, attach_btf_id=NO_FUNCTION
    )
    words = len(RETURN_ZERO) // INSTRUCTION_BYTES
    fd = calls.bpf_prog_load(TRACING, b"offer", b"GPL", RETURN_ZERO, words, ctypes.byref(options))
    if fd < 0:
        return -int(fd)
    os.close(fd)
    return 0
