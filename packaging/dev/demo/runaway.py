"""A harmless runaway process: keeps one core busy, ends by itself after 90 s, when told to, or with its starter."""

import ctypes
import signal
import time

LIMIT_S = 90
PR_SET_PDEATHSIG = 1  # prctl(2)

ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
end = time.monotonic() + LIMIT_S
while time.monotonic() < end:
    pass
