"""Victims of the OOM killer, as `struct st_event_oom_kill`; the reader of bpf/oom_events.bpf.c.

Before kernel 6.9 the tracepoint tells only the pid (ST_MISSING_IDENTITY). A kill inside a memory cgroup comes too.
"""

from __future__ import annotations

from helper.probes.events import RareEvents


class OomEvents(RareEvents):
    """The probe `oom_events`."""

    name = "oom_events"
