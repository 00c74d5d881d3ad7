"""A harmless runaway: tells its pid, computes for nothing, ends after 90 s, when told to, or with its starter."""

import ctypes
import os
import signal
import time

LIMIT_S = 90
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # prctl(2)

libc = ctypes.CDLL(None)
libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
libc.prctl(PR_SET_NAME, b"demo-runaway", 0, 0, 0)
print(os.getpid(), flush=True)
end = time.monotonic() + LIMIT_S
while time.monotonic() < end:
    pass
