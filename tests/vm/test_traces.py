"""What is left of the services' work: a journal without a denial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.vm.denials import HOSTILE, denials
from tests.vm.services import CONTROL, ping, ticks

if TYPE_CHECKING:
    from tests.vm.conftest import Machine


def test_nothing_that_was_done_so_far_was_denied_by_seccomp_or_a_security_module(installed: Machine) -> None:
    """By the tests of all files before this one, where the whole lane runs."""
    ticks(installed)
    ping(installed, CONTROL)
    assert [line for line in denials(installed) if HOSTILE not in line] == []
