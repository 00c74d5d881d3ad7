"""More tasks than the sampler's first buffer holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helper.probes.row_table import TASK_BYTES
from helper.sampler import packets
from helper.sampler.probe_set import Slot, State
from helper.sampler.readings import Readings
from tests.bpf.machine import EVERYTHING, TASK, child

if TYPE_CHECKING:
    from helper.probes import TaskSnapshot

THREADS = 6000
MANY_THREADS = """
threading.stack_size(1 << 16)
over = threading.Event()
for _ in range(int(sys.argv[1])): threading.Thread(target=over.wait, daemon=True).start()
say(); wait(); os._exit(0)
"""


def test_the_sampler_s_buffer_grows_until_every_thread_has_its_row(snapshot: TaskSnapshot) -> None:
    readings = Readings((Slot(snapshot, packets.KIND_TASKS, State.RUNNING), snapshot, TASK_BYTES), None)
    with child(MANY_THREADS, str(THREADS)) as crowd:
        crowd.hear()
        (section,) = readings.take(EVERYTHING, readings.begin()).sections
        rows = np.frombuffer(bytes(section.rows), TASK)
        assert not section.truncated
        assert (rows["tgid"] == crowd.pid).sum() == THREADS + 1
        assert len(np.unique(rows["pid"])) == len(rows)
        assert crowd.end() == 0
