"""When a stream's next tick is due. Pure: monotonic time in, monotonic time out.

Ticks lie on multiples of the period, so streams of one period fall due together, share one frame and wake the machine
once. Monotonic time stands still while the machine sleeps and late ticks are never made up for: after a suspend there
is one tick, not a burst.

A tick that would follow too soon, the second of a new stream or one after a late one, is left out: the kernel adds to a
running task's time only at its own ticks, up to ten milliseconds apart (CONFIG_HZ), which in a short interval is much.
"""

NS_PER_MS = 1_000_000
SLACK_NS = 2 * NS_PER_MS  # what falls due this soon is done now: one wake-up instead of two
SOONEST_OF_PERIOD = 4
SOONEST_NS = 250 * NS_PER_MS


def next_due_ns(now_ns: int, period_ms: int) -> int:
    """The first multiple of the period that is more than a quarter of it, or than 250 ms, after `now_ns`."""
    period_ns = period_ms * NS_PER_MS
    return ((now_ns + min(period_ns // SOONEST_OF_PERIOD, SOONEST_NS)) // period_ns + 1) * period_ns


def is_due(due_ns: int, now_ns: int) -> bool:
    return due_ns <= now_ns + SLACK_NS
