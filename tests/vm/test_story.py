"""The whole of it, on the one release that has all of it: heat, and a sampler and an app that are killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.vm.desktop import (
    APP_PID,
    APP_STARTS,
    BUSY,
    NOTICES,
    busy,
    until,
    until_it_knows_who_is_busy,
    until_streams,
)
from tests.vm.services import SAMPLER, main_pid
from tests.vm.test_heat import HEAT_PORT, HOT_C

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

pytestmark = pytest.mark.parametrize("machine", ["debian13"], indirect=True)


def test_real_heat_becomes_a_notification_that_names_the_busy_process(watched: Machine) -> None:
    with busy(watched):
        until_it_knows_who_is_busy(watched)
        watched.guest.monitor.write_port(HEAT_PORT, HOT_C)
        try:
            until(watched, f"cat {NOTICES}", lambda said: f"{HOT_C} °C" in said and BUSY in said)
        finally:
            watched.guest.monitor.write_port(HEAT_PORT, 0)


def test_a_killed_sampler_comes_back_and_the_app_goes_on_with_it(watched: Machine) -> None:
    until_streams(watched, 1)
    before, app = main_pid(watched, SAMPLER), watched.sh(APP_PID)
    watched.sh(f"kill -KILL {before}")
    until_streams(watched, 1)
    assert main_pid(watched, SAMPLER) not in (0, before)
    assert watched.sh(APP_PID) == app


def test_a_killed_app_leaves_the_sampler_no_stream_and_starts_again(watched: Machine) -> None:
    until_streams(watched, 1)
    before = watched.sh(APP_PID)
    watched.sh(f"kill -KILL {before}")
    until_streams(watched, 0)
    watched.sh(APP_STARTS)
    until_streams(watched, 1)
    assert watched.sh(APP_PID) not in ("0\n", before)
