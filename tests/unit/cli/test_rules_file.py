"""A rules file that sets what the built-in rules take: checked by one command, obeyed by the other."""

import asyncio
import json
from argparse import Namespace
from pathlib import Path

import pytest

from smoothtask_gui.cli.alerts import alerts
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.rules import rules
from smoothtask_gui.sources.recording import RecordingWriter
from tests.fakes.batches import Machine, oom_kill

GOOD = """[oom]
severity = "warning"
cooldown_s = 60
unless = "rss_bytes < 1e6"
[overheating]
severity = "warning"
unless = "full_screen"
[overheating.limits_c]
"nvme*" = 70
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A hot processor for a minute, and a process that the kernel stops."""
    path, machine = tmp_path / "hot.rec", Machine(cpus=4)
    machine.start("HandBrakeCLI", 2.8)
    with RecordingWriter(path, 1000, "test") as writer:
        for second in range(60):
            machine.hot(97.0 if second > 5 else 60.0)
            writer.write(machine.tick())
        writer.write(oom_kill(machine.now_ns))
    return path


def incidents(recording: Path, rules_file: Path | None, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Severity by rule, as printed of the two rules that are set here."""
    arguments = Namespace(rules=rules_file, seconds=None, source=f"recording:{recording}", period_ms=1000, json=True)
    assert asyncio.run(alerts(arguments)) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {one["rule"]: one["severity"] for one in told if one["rule"] in ("overheating", "oom")}


def test_a_file_with_every_new_key_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, GOOD)
    assert asyncio.run(rules(Namespace(check=path))) == 0
    assert capsys.readouterr().out.startswith(f"{path} is right: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[oom]\nenabled = true\nfor_s = 5\n", "line 3: oom.for_s can't be set: that the kernel stopped a process"),
        ('[overheating]\nseverity = "loud"\n', "line 2: overheating.severity must be one of 'by_limit'"),
        ('[overheating.limits_c]\n"nvme*" = 700\n', "line 2: overheating.limits_c.'nvme*' must be a number from 30"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Failure) as caught:
        asyncio.run(rules(Namespace(check=path)))
    assert f"{path}, {said}" in str(caught.value)


def test_alerts_obey_the_severities_of_the_file(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert incidents(recording, None, capsys) == {"overheating": "critical", "oom": "critical"}
    assert incidents(recording, write(tmp_path, GOOD), capsys) == {"overheating": "warning", "oom": "warning"}


def test_alerts_obey_the_excuses_of_the_file(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    excused = write(tmp_path, '[oom]\nunless = "rss_bytes > 1e6"\n[overheating]\nunless = "cpus >= 2"\n')
    assert incidents(recording, excused, capsys) == {}
