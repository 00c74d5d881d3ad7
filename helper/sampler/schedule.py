"""When a stream's next tick is due. Pure: monotonic time in, monotonic time out.

Ticks lie on multiples of the period, so streams of one period fall due together, share one frame and wake the machine
once. Monotonic time stands still while the machine sleeps and late ticks are never made up for: after a suspend there
is one tick, not a burst.
"""

NS_PER_MS = 1_000_000
SLACK_NS = 2 * NS_PER_MS  # what falls due this soon is done now: one wake-up instead of two


def next_due_ns(now_ns: int, period_ms: int) -> int:
    """The first multiple of the period that lies more than the slack after `now_ns`."""
    period_ns = period_ms * NS_PER_MS
    return ((now_ns + SLACK_NS) // period_ns + 1) * period_ns


def is_due(due_ns: int, now_ns: int) -> bool:
    return due_ns <= now_ns + SLACK_NS
