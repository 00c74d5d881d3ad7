"""The door to perf_event_open(2), with a counter that every machine has: RAPL's, virtual ones lack."""

from __future__ import annotations

import errno
import os
import time

import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.perf_events import PerfEvents

SOFTWARE, CPU_CLOCK = 1, 0  # PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK: include/uapi/linux/perf_event.h


def test_a_counter_of_a_whole_cpu_counts_from_its_opening_on() -> None:
    door = PerfEvents()
    before_ns = time.monotonic_ns()
    fd = door.open(SOFTWARE, CPU_CLOCK, cpu=0)
    try:
        first_ns = door.read(fd)
        time.sleep(0.2)
        second_ns = door.read(fd)
    finally:
        os.close(fd)
    assert 0 <= first_ns < second_ns
    assert 100_000_000 < second_ns < time.monotonic_ns() - before_ns + 50_000_000


def test_a_unit_that_is_not_there_is_an_error_with_the_kernels_reason() -> None:
    with pytest.raises(LoaderError) as caught:
        PerfEvents().open(unit=2**31, event=0, cpu=0)
    assert (caught.value.step, caught.value.errno) == ("attach", errno.ENOENT)


def test_a_closed_counter_is_an_error_and_no_zero() -> None:
    door = PerfEvents()
    fd = door.open(SOFTWARE, CPU_CLOCK, cpu=0)
    os.close(fd)
    with pytest.raises(LoaderError, match="read"):
        door.read(fd)
