"""The flight recorder: what a write costs, what thirty days take on the disk, how long a question takes.

The thirty days are full: every bucket of every level, each with its eight apps and every series at random, so that
hardly anything can be compressed; a desktop's real ones take less. Writing is measured over a quarter of an hour of
samples of 1,000 processes that follow one another, written every 10 s as the app does it. CPU time of the thread;
the disk's own time is beside it.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import numpy as np

from benchmarks.row import Row
from smoothtask_gui.adapters.history import reader, schema
from smoothtask_gui.adapters.history.file import CHUNK_BUCKETS, HistoryFile
from smoothtask_gui.domain.app import APP, App, AppKind, Apps
from smoothtask_gui.domain.batch import Lost, SensorReading
from smoothtask_gui.domain.history.apps import VALUES, AppName, AppTable
from smoothtask_gui.domain.history.buckets import MOST_APPS, Bucket, Bucketer
from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.history.series import LEVELS, SERIES
from smoothtask_gui.domain.sample import RATE, Sample, SystemRates

END_S = 1_800_000_000
SECOND_NS = 1_000_000_000
DAY_S = 86_400
NAMES = [AppName(f"app:org.example.Application{number}:1000", f"Application {number}") for number in range(60)]


def random_bucket(chance: np.random.Generator, level: int, serial: int, start_s: int) -> Bucket:
    """One in which everything is known and nothing repeats."""
    scale = np.array([1e10 if name.endswith(("bytes", "bps")) else 1.0 for name in SERIES])
    means = chance.random(len(SERIES)) * scale
    app_scale = np.array([1e9 if name.endswith(("bytes", "bps")) else 1.0 for name in VALUES])
    table = AppTable(
        tuple(NAMES[at] for at in chance.choice(len(NAMES), MOST_APPS, replace=False)),
        chance.random((MOST_APPS, len(VALUES))) * app_scale,
        chance.integers(1, 40, MOST_APPS),
        chance.integers(0, 300, MOST_APPS),
    )
    return Bucket(
        level,
        serial,
        start_s,
        LEVELS[level].length_s * 1000,
        means,
        means * (1 + chance.random(len(SERIES)) / 2),
        table,
    )


def full_history() -> Iterator[list[Bucket]]:
    """Every bucket that is ever kept, oldest first, chunk by chunk."""
    chance = np.random.default_rng(1)
    for number, level in enumerate(LEVELS):
        span_s = level.length_s * level.kept
        for first in range(0, level.kept, CHUNK_BUCKETS[number]):
            places = range(first, min(level.kept, first + CHUNK_BUCKETS[number]))
            yield [
                random_bucket(chance, number, 1 + 30 * DAY_S - span_s + at * level.length_s,
                              END_S - span_s + at * level.length_s)
                for at in places
            ]  # fmt: skip


def sample(chance: np.random.Generator, second: int, processes: int = 1000, apps: int = 60) -> Sample:
    """A second of a desktop, its apps grouped."""
    rows = np.zeros(apps, APP)
    rows["number"], rows["processes"] = np.arange(apps), processes // apps
    for name in ("cpu_ratio", "rss_bytes", "read_bps", "write_bps", "received_bps", "sent_bps"):
        rows[name] = chance.pareto(1.2, apps) * (0.01 if name == "cpu_ratio" else 1e6)
    rows["gpu_ratio"] = np.nan
    names = tuple(App(NAMES[at].key, NAMES[at].name, AppKind.APPLICATION) for at in range(apps))
    busy, waiting, attributed, *pressures = map(float, chance.random(6))
    read, write, received, sent = map(float, chance.random(4) * 1e7)
    system = SystemRates(8, busy, waiting, attributed, 32_000_000_000, 9_000_000_000, 0, read, write, received, sent,
                         pressures[0], pressures[1], pressures[2], on_battery=False, package_watts=20.0)  # fmt: skip
    heat = SensorReading("k/Tctl", "k10temp", "Tctl", "cpu", 50 + 40 * float(chance.random()), None, 95.0)
    return Sample(second * SECOND_NS, (END_S + second) * SECOND_NS, SECOND_NS, "helper", np.zeros(processes, RATE), (),
                  system, (heat,), Lost(), {}, apps=Apps(names, rows))  # fmt: skip


def written(path: Path) -> tuple[list[float], list[float], list[float]]:
    """CPU and wall milliseconds of each write, and CPU milliseconds of each sample."""
    file, bucketer, chance = HistoryFile(path), Bucketer(), np.random.default_rng(2)
    cpu_ms, wall_ms, sample_ms = [], [], []
    base = file.next_serial
    for second in range(900):
        now = sample(chance, second)
        started = time.thread_time()
        bucketer.add(now)
        sample_ms.append((time.thread_time() - started) * 1e3)
        if second % 10 == 9:
            started, began = time.thread_time(), time.perf_counter()
            file.write([replace(bucket, serial=bucket.serial + base) for bucket in bucketer.waiting()])
            cpu_ms.append((time.thread_time() - started) * 1e3)
            wall_ms.append((time.perf_counter() - began) * 1e3)
            bucketer.written()
    file.close()
    return cpu_ms, wall_ms, sample_ms


def asked_ms(path: Path, question: Question) -> float:
    costs = []
    for _ in range(7):
        started = time.perf_counter()
        reader.ask(path, question)
        costs.append((time.perf_counter() - started) * 1e3)
    return median(costs)


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder) / schema.NAME
        file = HistoryFile(path)
        for chunk in full_history():
            file.write(chunk)
        whole = sum(each.stat().st_size for each in Path(folder).iterdir())
        file.close()
        kept_s = reader.ask(path, Question(0, END_S + 1)).recorded_s
        minute_ms = asked_ms(path, Question(END_S - 20 * DAY_S, END_S - 20 * DAY_S + 60))
        month_ms = asked_ms(path, Question(END_S - 30 * DAY_S, END_S))
        cpu_ms, wall_ms, sample_ms = written(path)
        most = max(whole, sum(each.stat().st_size for each in Path(folder).iterdir()))
    disk = (
        f"{median(wall_ms):.1f} ms with the disk's time, {quantiles(wall_ms, n=20)[-1]:.1f} ms at the 95th percentile"
    )
    kept = f"{kept_s / DAY_S:.2f} days kept; as much again for a damaged file that was set aside"
    return [
        Row("history: a write (10 s of it)", median(cpu_ms), "ms", "at most", 5, disk),
        Row("history: a sample of 1,000 processes in 60 apps", median(sample_ms), "ms"),
        Row("history: 30 full days on the disk", most / 1e6, "MB", "at most", 12.5, kept),
        Row("history: asked for one minute, 20 days ago", minute_ms, "ms", "at most", 50),
        Row("history: asked for all 30 days", month_ms, "ms", "at most", 1000),
    ]
