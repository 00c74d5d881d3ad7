"""Limiting one's own app with the real systemd of a real session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.vm.conftest import PYTHON
from tests.vm.services import ACTIVE

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

pytestmark = pytest.mark.parametrize("machine", ["debian12", "debian13"], indirect=True)

UNLIMITED: Final = "max 100000"


def test_a_unit_of_its_own_is_limited_in_the_kernel_and_freed_again(machine: Machine) -> None:
    told = json.loads(machine.sh(f"{ACTIVE} {PYTHON} -m tests.vm.inside.limit"))
    assert told["said"] == "burner may use 0.5 cores from now on, half of what it used."
    assert told["limited"] == "50000 100000"
    assert told["left"] == "25000 100000"
    assert told["freed"] == ["app-smoothtask\\x2dburner-1.service"]
    assert told["undone"] == told["after"] == UNLIMITED
