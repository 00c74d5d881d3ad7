"""python -m benchmarks.app_watched: start the tray app on the present desktop and watch what it costs, as JSON."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks import cost

SETTLE_S, WATCH_S = 10, 30

app = subprocess.Popen(
    [Path(sys.executable).with_name("smoothtask"), "--hidden"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
)
try:
    time.sleep(SETTLE_S)
    print(json.dumps(asdict(cost.over(app.pid, WATCH_S))))
finally:
    app.terminate()
    app.wait(10)
