"""Every series that a rule may name: its scope, what it says, and where it comes from.

A name ends in its unit (`_bytes`, `_bps`, `_ratio`, `_s`, `_c`, …), which says how a value is shown; one without a
unit is a count, or 1 for yes and 0 for no. docs/rules.md lists them all.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scope(StrEnum):
    """What a rule judges one by one."""

    MACHINE = "machine"
    SENSOR = "sensor"
    FAN = "fan"
    DISK = "disk"
    FILE_SYSTEM = "file_system"
    GPU = "gpu"
    PROCESS = "process"
    APP = "app"


_USE: Final = {
    "cpu_cores": "CPU time per second; 1 is one core fully used",
    "spinning_cores": "the part of it by processes that show no reason for it: neither nice, nor "
    "their terminal's foreground job, nor do bytes pass through them",
    "run_delay_ratio": "seconds per second that threads were ready and waited for a processor",
    "rss_bytes": "resident memory",
    "read_bps": "bytes read from storage per second",
    "write_bps": "bytes written to storage per second",
    "received_bps": "payload received over TCP and UDP per second; helper only",
    "sent_bps": "payload sent over TCP and UDP per second; helper only",
    "major_faults_per_s": "page faults that had to wait for storage",
    "gpu_ratio": "busiest engine of the graphics card it uses most",
    "age_s": "since it started; of an app, since its oldest process did",
    "growth_bps": "how fast its memory grows: median slope over ten minutes, or since it last stood still",
    "exhausts_in_s": "when it alone will have used up memory and swap at that speed; infinite while it doesn't grow",
    "grown_bytes": "how much more memory it has than ten minutes ago, or than when it was first seen",
    "growth_steadiness_ratio": "how many of the window's steps went up: a jump is one step, a leak is all",
    "connections": "open TCP connections; helper only",
    "connections_per_min": "how fast they grow in number: median slope over ten minutes, or since it last stood still",
    "connections_steadiness_ratio": "how many of the window's steps went up: a jump is one step, a leak is all",
    "is_background": "1 if it gives way by itself (nice above 0, SCHED_BATCH, SCHED_IDLE); read of busy processes only",
    "is_foreground": "1 if it is the foreground job of its terminal; read of busy processes only",
    "lost_terminal": "1 if the terminal it was started in is closed; read of busy processes only",
    "passed_bps": "bytes it reads and writes per second, pipes and caches included; read of busy processes only",
}

_SERIES: Final[dict[Scope, dict[str, str]]] = {
    Scope.MACHINE: {
        "cpus": "processors online",
        "cpu_busy_ratio": "of all processors, all but idle and iowait",
        "cpu_iowait_ratio": "of all processors, idle while a disk is waited for",
        "cpu_pressure_ratio": "share of the time that some task waited for a processor (PSI)",
        "memory_pressure_ratio": "share of the time that some task waited for memory (PSI)",
        "memory_full_pressure_ratio": "share of the time that nobody could go on for want of memory (PSI)",
        "memory_alarm": "1 for ten seconds after the kernel's own alarm about memory (PSI trigger)",
        "io_pressure_ratio": "share of the time that some task waited for a disk (PSI)",
        "io_full_pressure_ratio": "share of the time that nobody could go on for want of a disk (PSI)",
        "memory_total_bytes": "MemTotal",
        "memory_used_bytes": "MemTotal - MemAvailable",
        "memory_available_bytes": "MemAvailable",
        "memory_available_ratio": "MemAvailable of MemTotal",
        "memory_left_bytes": "MemAvailable and free swap",
        "memory_grown_bytes": "how much less of it is left than ten minutes ago, or than when it last stood still",
        "memory_shrinking_bps": "how fast that goes down: median slope over the last minute",
        "memory_exhausted_in_s": "when it will be gone at that speed; infinite while it doesn't shrink",
        "all_major_faults_per_s": "page faults of all processes that had to wait for storage",
        "swap_used_bytes": "SwapTotal - SwapFree",
        "swap_in_bps": "read back from swap per second",
        "swap_out_bps": "put into swap per second",
        "disk_bps": "bytes read and written per second, all disks",
        "network_bps": "bytes received and sent per second, all interfaces but lo",
        "forks_per_s": "new processes and threads per second",
        "on_battery": "1 while a battery feeds the machine",
        "package_w": "power of the processor packages (RAPL)",
        "cpu_temperature_c": "the processor's temperature",
        "cpu_limit_c": "the processor's own limit, or the one set in [overheating] where its driver gives none",
        "cpu_headroom_c": "degrees left to it",
        "cpu_limit_in_s": "when it will be reached: median slope over the last half minute; infinite while it cools",
        "throttled_ratio": "share of the time that the processors were slowed down for heat; Intel only",
        "full_screen": "1 while the active window fills the screen; unknown where the compositor doesn't tell",
    },
    Scope.SENSOR: {
        "temperature_c": "as read",
        "limit_c": "yours, else the driver's own critical limit, else its max",
        "headroom_c": "degrees left to that limit",
        "limit_in_s": "when it will be reached: median slope over the last half minute; infinite while it cools",
        "is_cpu": "1 for the processor's and the main board's sensors, which `overheating` takes as one",
    },
    Scope.FAN: {
        "fan_rpm": "its speed",
        "has_turned": "1 if it was seen turning since SmoothTask started: a header without a fan says 0 for ever",
    },
    Scope.DISK: {
        "disk_read_bps": "bytes read per second",
        "disk_write_bps": "bytes written per second",
        "requests_per_s": "finished requests per second",
        "wait_ms": "mean time of a request, its wait in the queue included",
        "disk_busy_ratio": "share of the time that it had requests",
        "in_flight": "requests that haven't ended",
        "flushes_per_s": "write caches that were flushed per second, as fsync does; since kernel 5.5",
        "stuck_s": "for how long it has had requests and ended none",
    },
    Scope.FILE_SYSTEM: {
        "free_bytes": "what a user without privileges may still use",
        "size_bytes": "its size",
        "free_ratio": "free of its size",
        "free_files_ratio": "free of its inodes",
        "fill_bps": "how fast it fills: median slope over ten minutes, or since it last stood still",
        "fill_steadiness_ratio": "how many of the window's steps filled it: a jump is one step, a flood is all",
        "full_in_s": "when it will be full at that speed; infinite while it doesn't fill",
    },
    Scope.GPU: {
        "gpu_busy_ratio": "how busy the card is; asked every 10 s while no window is open",
        "gpu_temperature_c": "its temperature",
        "gpu_memory_ratio": "used of its own memory",
        "gpu_power_w": "its power",
    },
    Scope.PROCESS: {
        **_USE,
        "threads": "how many",
        "switches_per_s": "context switches; helper only",
        "is_kernel": "1 for the kernel's own threads",
        "exited_per_s": "processes that it, or a descendant of it, started and that ended within a tick; helper only",
        "uninterruptible_s": "for how long every look has found it in uninterruptible sleep (D) without progress",
    },
    Scope.APP: {
        **_USE,
        "processes": "how many are alive",
        "exited_per_s": "its processes that ended, per second; helper only",
        "is_system": "1 for the kernel and what only cools",
        "in_focus": "1 while the active window is its own; unknown where the compositor doesn't tell",
        "has_window": "1 if it has a window that isn't minimised; unknown where the compositor doesn't tell",
        "unused_s": "since a window of its own was in focus, 0 while one is; unknown before it was",
    },
}

SERIES: Final[Mapping[Scope, Mapping[str, str]]] = MappingProxyType(
    {scope: MappingProxyType(_SERIES.get(scope, {})) for scope in Scope}
)
"""Series of each scope with a line of explanation; those of the machine may be named in every rule."""


def known_series(scope: Scope) -> Mapping[str, str]:
    """What a rule of this scope may name."""
    return {**SERIES[scope], **SERIES[Scope.MACHINE]}
