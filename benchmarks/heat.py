"""Injected thermal events: records that a BPF program writes into the running sampler's own ring buffer.

What is injected is the record alone, in place of the tracepoint that a hot zone would fire; the wake-up of the sampler
and all that follows are real. The program (heat.bpf.c) shares the sampler's map and runs by BPF_PROG_TEST_RUN.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from helper.loaders.libbpf import BpfObject, Libbpf
from smoothtask_gui.sources.records import EVENT_THERMAL, EventKind
from tests.bpf.running import run_program

TOP = Path(__file__).parents[1]
OBJECTS = TOP / "build" / "bench"
RING = "thermal_events_ring"
MAP_NAME_BYTES = 16  # BPF_OBJ_NAME_LEN: the kernel keeps that much of a name, with its end
ZONE_ID, ZONE_TYPE = 99, b"x86_pkg_temp"  # a processor's zone, smoothtask_gui/domain/sensors.py
CRITICAL = 3  # enum thermal_trip_type
NONE = -1
COOL_C = 25


class _MapFacts(ctypes.Structure):
    """`struct bpf_map_info` of linux/bpf.h up to the name."""

    _fields_ = (("numbers", ctypes.c_uint32 * 6), ("name", ctypes.c_char * MAP_NAME_BYTES))


class Zone:
    """A thermal zone as the sampler's clients see it."""

    def __init__(self, door: Libbpf, program: BpfObject) -> None:
        self._door = door
        [self._program_fd], _ = program.fds()

    def cross_critical(self, temperature_c: int) -> None:
        """Heat up to the critical trip point, which is at this temperature."""
        self._write(EventKind.TRIP, temperature_c, COOL_C, 0, CRITICAL)

    def cool(self, from_c: int) -> None:
        self._write(EventKind.TEMPERATURE, COOL_C, from_c, NONE, NONE)

    def _write(self, kind: EventKind, temperature_c: int, before_c: int, trip_index: int, trip_type: int) -> None:
        head = (kind, EVENT_THERMAL.itemsize, 0)  # its time is the program's to say
        temperatures_mc = (1000 * temperature_c, 1000 * before_c)
        event = np.array((head, ZONE_ID, *temperatures_mc, trip_index, trip_type, 0, ZONE_TYPE), EVENT_THERMAL)
        context = (ctypes.c_uint64 * (EVENT_THERMAL.itemsize // 8)).from_buffer_copy(event.tobytes())
        if run_program(self._door, self._program_fd, context):
            raise RuntimeError("the sampler's ring buffer has no room for a thermal event")


@contextmanager
def zone(sampler_pid: int) -> Iterator[Zone]:
    """A zone of this sampler."""
    script = TOP / "packaging" / "dev" / "build_bpf.py"
    subprocess.run([sys.executable, script, "--sources", TOP / "benchmarks", "--out", OBJECTS], check=True)
    door = Libbpf(OBJECTS)
    program = door.open("heat")
    ring_fd = _ring(door, sampler_pid)
    try:
        program.reuse_map(RING, ring_fd)
        program.load()
        yield Zone(door, program)
    finally:
        program.close()
        os.close(ring_fd)


def _ring(door: Libbpf, sampler_pid: int) -> int:
    """A descriptor of that process's ring buffer of thermal events."""
    for fdinfo in Path(f"/proc/{sampler_pid}/fdinfo").iterdir():
        try:
            lines = dict(line.split(":\t", 1) for line in fdinfo.read_text().splitlines() if ":\t" in line)
        except FileNotFoundError:  # closed meanwhile: a tick's memory file
            continue
        if "map_id" not in lines:
            continue
        fd = door.check(RING, "map", door.calls.bpf_map_get_fd_by_id(int(lines["map_id"])))
        facts = _MapFacts()
        size = ctypes.c_uint32(ctypes.sizeof(facts))
        door.check(RING, "map", door.calls.bpf_obj_get_info_by_fd(fd, ctypes.byref(facts), ctypes.byref(size)))
        if facts.name == RING.encode()[: MAP_NAME_BYTES - 1]:
            return fd
        os.close(fd)
    raise RuntimeError(f"the sampler (process {sampler_pid}) has no map {RING}")
