from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.sources.recording import RecordingReader, RecordingWriter
from tests.fakes.activity_rows import disk_row, full_activity
from tests.fakes.recordable import EVENTS, batch

ROOT = Path(__file__).parents[3]
Run = Callable[..., subprocess.CompletedProcess[str]]
HOSTILE = b"\x1b[2J\n<b>\xe2\x80\xae\xff"


def environment(home: Path, **more: str) -> dict[str, str]:
    """Without buses and with a home of its own: a test must not meet the developer's desktop."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "COVERAGE_PROCESS_START")}
    return {
        **kept,
        "HOME": str(home),
        "PYTHONWARNINGS": "error",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={home}/no-system-bus",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/no-session-bus",
        **more,
    }


@pytest.fixture
def smoothtask(tmp_path: Path) -> Run:
    def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "smoothtask_gui", *map(str, arguments)],
            cwd=ROOT,
            env=environment(tmp_path, **more),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.rec"
    with RecordingWriter(path, 1000, "test") as writer:
        for second in range(1, 5):
            counted = {"activity": full_activity(second), "block_io": disk_row(second)}
            writer.write(replace(batch(second * 10**9, comm=HOSTILE), **counted))
            writer.write(EVENTS[0])
    return path


def lines(done: subprocess.CompletedProcess[str]) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]


def fails(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 1, nothing on stdout, one line on stderr that holds the words."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert done.stderr.startswith("smoothtask: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_top_gives_exactly_as_many_objects_as_asked(smoothtask: Run) -> None:
    done = smoothtask("top", "--json", "--count", "3", "--period-ms", "100", "--source", "procfs")
    ticks = lines(done)
    assert len(ticks) == 3
    assert (done.stderr, len({tick["boottime_ns"] for tick in ticks})) == ("", 3)


def test_a_tick_has_every_documented_field_and_no_other(smoothtask: Run, recording: Path) -> None:
    tick = lines(smoothtask("top", "--json", "--source", f"recording:{recording}"))[0]
    documented = (ROOT / "docs" / "cli.md").read_text()
    for place, names in (
        ("", tick),
        ("lost", tick["lost"]),
        ("system", tick["system"]),
        ("apps", tick["apps"][0]),
        ("processes", tick["processes"][0]),
        ("exited", tick["exited"][0]),
        ("sensors", tick["sensors"][0]),
        ("gpus", tick["gpus"][0]),
        ("activity", tick["activity"]),
        *((name, rows[0] if isinstance(rows, list) else rows) for name, rows in tick["activity"].items()),
        ("gpus' processes", tick["gpus"][0]["processes"][0]),
    ):
        for name in names:
            assert f"`{name}`" in documented, (place, name)


def test_what_is_missing_is_null(smoothtask: Run, recording: Path) -> None:
    tick = lines(smoothtask("top", "--json", "--source", f"recording:{recording}"))[0]
    assert tick["system"]["swap_used_bytes"] is None
    assert tick["sensors"][1]["temperature_c"] is None
    assert tick["sensors"][1]["reason"] == "asleep"


def test_cards_and_energy_are_in_a_tick(smoothtask: Run, recording: Path) -> None:
    tick = lines(smoothtask("top", "--json", "--source", f"recording:{recording}"))[0]
    busy, asleep = tick["gpus"]
    assert (busy["busy_ratio"], busy["engines"]) == (0.25, {"render": 0.25})
    assert [process["ratio"] for process in busy["processes"]] == [0.25, 0.5]
    assert (asleep["state"], asleep["busy_ratio"], asleep["reason"]) == ("asleep", None, "It sleeps.")
    assert tick["processes"][0]["gpu_ratio"] == 0.25
    assert tick["system"]["package_watts"] == 10.0


def test_each_process_belongs_to_an_app_of_the_same_tick(smoothtask: Run) -> None:
    tick = lines(smoothtask("top", "--json", "--count", "1", "--period-ms", "100", "--source", "procfs"))[0]
    assert {app["id"]: app["processes"] for app in tick["apps"]} == Counter(row["app"] for row in tick["processes"])
    assert len({app["id"] for app in tick["apps"]}) == len(tick["apps"])


def test_auto_falls_back_on_proc_and_says_why(smoothtask: Run) -> None:
    done = smoothtask("top", "--json", "--count", "1", "--period-ms", "100")
    assert lines(done)[0]["source"] == "procfs"
    assert "reading from /proc: " in done.stderr
    assert "system bus" in done.stderr


def test_a_hostile_name_is_inert_in_every_output(smoothtask: Run, recording: Path) -> None:
    source = f"recording:{recording}"
    for arguments in (["top"], ["top", "--json"], ["alerts"], ["alerts", "--json"]):
        done = smoothtask(*arguments, "--source", source)
        assert done.returncode == 0, done.stderr
        assert not set(done.stdout) & {"\x1b", "\u202e", "\x00"}
    tick = lines(smoothtask("top", "--json", "--source", source))[0]
    assert tick["processes"][0]["comm"] == HOSTILE.decode("utf-8", "backslashreplace")


def test_the_table_is_plain_where_nobody_sees_a_terminal(smoothtask: Run, recording: Path) -> None:
    done = smoothtask("top", "--source", f"recording:{recording}", "--count", "1")
    assert done.stdout.splitlines()[0].startswith("CPU ")
    assert ", 10 W, memory" in done.stdout
    assert "PID" in done.stdout


def test_alerts_on_a_recording_are_the_same_each_time(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "runaway.rec"
    with RecordingWriter(path, 1000, "test") as writer:
        for second in range(1, 200):
            made = batch(second * 10**9, comm=b"spinner")
            made.processes["run_ns"][0] = second * 10**9 if second < 150 else 150 * 10**9
            writer.write(made)
    first, second = (smoothtask("alerts", "--json", "--source", f"recording:{path}") for _ in range(2))
    assert first.stdout == second.stdout
    states = [(incident["rule"], incident["state"]) for incident in lines(first)]
    assert states == [("runaway", "firing"), ("runaway", "resolved")]
    assert lines(first)[0]["target"]["comm"] == "spinner"


def test_other_rules_give_other_alerts(smoothtask: Run, tmp_path: Path, recording: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[oom]\nenabled = false\n")
    source = f"recording:{recording}"
    assert [incident["rule"] for incident in lines(smoothtask("alerts", "--json", "--source", source))][:1] == ["oom"]
    assert lines(smoothtask("alerts", "--json", "--source", source, "--rules", rules)) == []


def test_record_writes_what_top_reads(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    done = smoothtask("record", path, "--seconds", "3", "--period-ms", "100", "--source", "procfs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    told = lines(smoothtask("top", "--json", "--source", f"recording:{path}"))
    recorded = [item for item in RecordingReader(path).items() if isinstance(item, Batch)]
    assert len(told) == len(recorded) - 1 >= 3  # there is no rate before the second


def test_record_does_not_overwrite_unless_told(smoothtask: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    path.write_text("dear to me")
    arguments = ["record", path, "--seconds", "0.2", "--period-ms", "100", "--source", "procfs"]
    fails(smoothtask(*arguments), "exists", "--force")
    assert path.read_text() == "dear to me"
    assert smoothtask(*arguments, "--force").returncode == 0


def test_a_recording_that_is_interrupted_is_finished(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        path = tmp_path / f"{number}.rec"
        command = [sys.executable, "-m", "smoothtask_gui", "record", path, "--seconds", "60", "--source", "procfs"]
        recorder = subprocess.Popen([*command, "--period-ms", "100"], cwd=ROOT, env=environment(tmp_path))
        while not path.exists() or path.stat().st_size < 20_000:
            assert recorder.poll() is None
        recorder.send_signal(number)
        assert recorder.wait(60) == 0
        reader = RecordingReader(path)
        assert list(reader.items())
        assert reader.notice == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["top", "--nonsense"],
        ["top", "--count", "0"],
        ["top", "--period-ms", "99"],
        ["top", "--period-ms", "60001"],
        ["top", "--source", "nonsense"],
        ["top", "--with", "everything"],
        ["alerts", "--with", "syscalls"],
        ["top", "--source", "recording:"],
        ["--hidden", "top"],
        ["run", "--nonsense"],
        ["--rules"],
        ["record"],
        ["record", "x"],
        ["record", "x", "--seconds", "nan"],
        ["record", "x", "--seconds", "-1"],
        ["alerts", "--seconds", "soon"],
    ],
)
def test_wrong_usage_ends_with_2(smoothtask: Run, arguments: list[str]) -> None:
    done = smoothtask(*arguments)
    assert done.returncode == 2
    assert "usage: smoothtask" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_that_can_not_be_used_is_named_with_the_reason(
    smoothtask: Run, tmp_path: Path, recording: Path
) -> None:
    whole = recording.read_bytes()
    (tmp_path / "foreign").write_text("no recording")
    (tmp_path / "future").write_bytes(whole[:8] + b"\x09" + whole[9:])
    (tmp_path / "damaged").write_bytes(whole[:-20] + b"\x00" + whole[-19:])
    for name, words in (
        ("absent", ["No such file"]),
        ("foreign", ["no SmoothTask recording"]),
        ("future", ["version 9", "up to 2"]),
    ):
        fails(smoothtask("top", "--json", "--source", f"recording:{tmp_path / name}"), name, *words)
    damaged = smoothtask("top", "--json", "--source", f"recording:{tmp_path / 'damaged'}")
    assert damaged.returncode == 1
    assert "is damaged: the item at byte" in damaged.stderr


def test_a_recording_cut_short_gives_what_is_good_and_says_so(smoothtask: Run, tmp_path: Path, recording: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(recording.read_bytes()[:-40])
    done = smoothtask("top", "--json", "--source", f"recording:{cut}")
    assert len(lines(done)) == 3
    assert "cut short at byte" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, ["no such file"]), ("[runaway]\ncores = 'many'", ["rules.toml", "cores"]), ("[[", ["rules.toml"])],
)
def test_rules_that_can_not_be_used_are_named_with_the_reason(
    smoothtask: Run, tmp_path: Path, recording: Path, content: str | None, words: list[str]
) -> None:
    rules = tmp_path / "rules.toml"
    if content is not None:
        rules.write_text(content)
    fails(smoothtask("alerts", "--source", f"recording:{recording}", "--rules", rules), *words)


def test_a_helper_that_is_not_there_is_a_clear_failure(smoothtask: Run) -> None:
    fails(smoothtask("top", "--source", "helper", "--count", "1"), "helper", "system bus")


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "smoothtask_gui", "top", "--json", "--source", "procfs", "--period-ms", "100"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as top:
        assert top.stdout is not None
        assert top.stderr is not None
        top.stdout.readline()
        top.stdout.close()
        assert top.wait(20) == 0
        assert top.stderr.read() == b""


def test_a_full_disk_is_a_clear_failure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "smoothtask_gui", "top", "--json", "--source", "procfs", "--count", "1"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, "--period-ms", "100"],
            cwd=ROOT,
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "the output can't be written: No space left" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_version_is_the_project_s(smoothtask: Run) -> None:
    done = smoothtask("--version")
    assert done.stdout.startswith("smoothtask 0.")
    assert done.returncode == 0


def test_the_doctor_names_state_and_remedy_on_a_machine_without_buses(smoothtask: Run) -> None:
    done = smoothtask("doctor", "--json")
    rows = json.loads(done.stdout)
    assert done.stderr == ""
    assert {tuple(row) for row in rows} == {("check", "state", "detail", "remedy")}
    assert {row["state"] for row in rows} <= {"ok", "warning", "failed"}
    assert done.returncode == any(row["state"] == "failed" for row in rows)
    found = {row["check"]: row for row in rows}
    assert found["helper"]["state"] == "warning"
    assert {"kernel", "btf", "pressure", "sensors", "notifications", "tray", "python", "pyside6", "settings"} <= set(
        found
    )
    for row in rows:
        assert row["state"] == "ok" or row["detail"]


def test_the_doctor_finds_broken_settings(smoothtask: Run, tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "smoothtask"
    folder.mkdir(parents=True)
    (folder / "rules.toml").write_text("[nonsense")
    done = smoothtask("doctor")
    assert done.returncode == 1
    assert "FAILED  rules" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["rules.toml"]  # a doctor looks, and changes nothing


def test_no_command_line_job_imports_qt(tmp_path: Path, recording: Path) -> None:
    program = (
        "import sys; from smoothtask_gui.cli.main import main; code = main(sys.argv[1:]); "
        "assert not [name for name in sys.modules if name.startswith('PySide6')]; sys.exit(code)"
    )
    for arguments in (
        ["top", "--source", f"recording:{recording}"],
        ["alerts", "--source", f"recording:{recording}"],
        ["doctor"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=ROOT,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "AssertionError" not in done.stderr


def test_a_terminal_that_is_not_utf_8_still_gets_every_line(smoothtask: Run) -> None:
    done = smoothtask("doctor", PYTHONIOENCODING="ascii")
    assert "internal error" not in done.stderr
    assert "\\u2192" in done.stdout


def test_on_a_terminal_the_table_is_refreshed_in_place_and_fits(tmp_path: Path, recording: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
    command = [sys.executable, "-m", "smoothtask_gui", "top", "--count", "2", "--source", f"recording:{recording}"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path, TERM="xterm"), stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, done.stderr
    screens = shown.split("\x1b[H\x1b[J")[1:]
    assert len(screens) == 2
    for screen in screens:
        lines_shown = screen.splitlines()
        assert len(lines_shown) <= 12
        assert max(map(len, lines_shown)) <= 60
        assert "\x1b" not in screen


def test_a_rules_file_that_is_not_there_is_a_clear_failure(smoothtask: Run) -> None:
    fails(smoothtask("--hidden", "--rules", "/nonexistent/r.toml", QT_QPA_PLATFORM="offscreen"), "no rules file")
