"""`smoothtask top`: what the kernel told between two ticks, and whoever doesn't listen."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from smoothtask_gui.domain.batch import CoolingEvent
from smoothtask_gui.sources.recording import RecordingWriter
from tests.fakes.recordable import EVENTS, batch
from tests.unit.cli.test_commands import ROOT, Run, environment, lines, smoothtask

__all__ = ["smoothtask"]


def test_what_the_kernel_told_in_between_is_in_the_next_object_and_in_no_other(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "events.rec"
    with RecordingWriter(path, 1000, "test") as writer:
        for second in range(1, 5):
            writer.write(batch(second * 10**9))
            for event in EVENTS if second == 2 else ():
                writer.write(event)
            if second == 3:
                writer.write(CoolingEvent(12, -1, "Processor", 1, 0))
    ticks = [tick["events"] for tick in lines(smoothtask("top", "--json", "--source", f"recording:{path}"))]
    assert [len(events) for events in ticks] == [0, len(EVENTS), 1]
    kill, heat, trip, cooling, pressure = ticks[1]
    assert kill == {
        "kind": "oom_kill", "boottime_ns": 7, "pid": 5, "uid": 0, "start_ns": 3, "rss_bytes": 4096, "comm": "victim",
    }  # fmt: skip
    assert (heat["kind"], heat["temperature_c"], heat["trip_type"]) == ("thermal", 97.0, None)
    assert (trip["last_temperature_c"], trip["trip_index"], trip["trip_type"]) == (96.0, 1, "hot")
    assert (cooling["kind"], cooling["target_state"], cooling["max_state"]) == ("cooling", 3, 10)
    assert (pressure["kind"], pressure["resource"], pressure["threshold_ratio"]) == ("pressure", "memory", 0.05)
    assert (ticks[2][0]["device_id"], ticks[2][0]["max_state"]) == (None, None), "what nobody tells is missing"
    documented = (ROOT / "docs" / "cli.md").read_text()
    assert all(f"`{name}`" in documented for event in ticks[1] for name in event)


def documented(section: str) -> set[str]:
    """The names in the first column of the table of docs/cli.md that follows a line beginning with `section`."""
    page = (ROOT / "docs" / "cli.md").read_text()
    table = page.partition(f"\n{section}")[2].partition("\n| field |")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_tables_of_the_manual_name_what_a_tick_has_and_nothing_more(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    with RecordingWriter(path, 1000, "test") as writer:
        for second in (1, 2):
            writer.write(batch(second * 10**9))
    (tick,) = lines(smoothtask("top", "--json", "--source", f"recording:{path}"))
    assert documented("## `top --json`") == tick.keys()
    assert documented("`system` (") == tick["system"].keys()
    assert documented("`apps` (") == tick["apps"][0].keys()
    assert documented("`processes` (") == tick["processes"][0].keys()
    assert documented("`gpus`:") == tick["gpus"][0].keys()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_as_good_as_nobody_listening(tmp_path: Path, closed: str) -> None:
    words = f"{sys.executable} -m smoothtask_gui top --source procfs --count 1 --period-ms 100 {closed}"
    done = subprocess.run(["sh", "-c", words], cwd=ROOT, env=environment(tmp_path), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_a_process_is_not_known_to_do_is_null_and_not_zero(smoothtask: Run) -> None:
    (tick,) = lines(smoothtask("top", "--json", "--source", "procfs", "--count", "1", "--period-ms", "100"))
    assert tick["processes"]
    assert {row["sent_bps"] for row in tick["processes"]} == {None}, "/proc doesn't tell bytes of the network"
