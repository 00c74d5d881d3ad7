"""JSON: what the app's own reader of sensors finds on this machine."""

import dataclasses
import json

from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.sensors import SensorReader

if __name__ == "__main__":
    print(json.dumps([dataclasses.asdict(reading) for reading in SensorReader(kind_of).read()]))
