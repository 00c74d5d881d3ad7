"""Promises of `adapters/settings.py` and `adapters/files.py`: nothing that a person wrote is lost."""

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from smoothtask_gui.adapters.files import FileError, read_text, replace_text
from smoothtask_gui.adapters.settings import Loaded, SettingsError, SettingsFiles
from smoothtask_gui.domain.built_in import HeatSeverity
from smoothtask_gui.domain.incident import Action
from smoothtask_gui.domain.judging.expression import condition
from smoothtask_gui.domain.rules import Oom, Overheating, Rules, Runaway
from smoothtask_gui.domain.settings import Settings

CHANGED = Settings(rules=Rules(runaway=Runaway(cores=0.7, for_s=3.0, ignore=("make", "cc1"))), period_ms=2_000)


def save(folder: Path, settings: Settings = CHANGED) -> SettingsFiles:
    files = SettingsFiles(folder)
    assert files.save(settings) == ()
    return files


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 10 bytes (RLIMIT_FSIZE; Python ignores SIGXFSZ): writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_files_the_defaults_hold_and_nothing_is_written(tmp_path: Path) -> None:
    assert SettingsFiles(tmp_path / "none").load() == Loaded(Settings(), ())
    assert not (tmp_path / "none").exists()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    assert save(tmp_path).load() == Loaded(CHANGED, ())
    assert SettingsFiles(tmp_path).load() == Loaded(CHANGED, ())


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    save(tmp_path / "new")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()]
    assert set(modes) == {0o600}


def test_comments_and_order_survive_a_save(tmp_path: Path) -> None:
    text = "# my machine is old\n\n[runaway]\nfor_s = 30.0 # half a minute\ncores = 0.5\nclear_cores = 0.2\n"
    (tmp_path / "rules.toml").write_text(text)
    loaded = SettingsFiles(tmp_path).load()
    assert loaded.problems == ()
    changed = replace(loaded.settings.rules, runaway=replace(loaded.settings.rules.runaway, for_s=45.0))
    save(tmp_path, replace(loaded.settings, rules=changed))
    saved = (tmp_path / "rules.toml").read_text()
    assert saved.startswith("# my machine is old\n\n[runaway]\nfor_s = 45.0 # half a minute\ncores = 0.5\n")


def test_saving_the_same_again_touches_nothing(tmp_path: Path) -> None:
    save(tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    save(tmp_path)
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("settings.toml", "period_ms = ", "end of document"),
        ("settings.toml", "autostart = false\nperiod_ms = 1\n", "line 2"),
        ("settings.toml", 'period_ms = "fast"\n', "period_ms must be a whole number"),
        ("settings.toml", "period_ms = true\n", "period_ms must be a whole number"),
        ("settings.toml", "cpu_per_core = 1\n", "cpu_per_core must be true or false"),
        ("settings.toml", "# x\nspeed = 3\n", "line 2: speed is no setting"),
        ("rules.toml", "[runaway]\nfor_s = 'long'\n", "runaway.for_s"),
        ("rules.toml", "[runaway\n", "line 1"),
    ],
)
def test_a_broken_file_is_named_with_line_and_key_and_left_alone(
    tmp_path: Path, name: str, text: str, place: str
) -> None:
    (tmp_path / name).write_text(text)
    loaded = SettingsFiles(tmp_path).load()
    assert loaded.settings == Settings()
    (problem,) = loaded.problems
    assert str(tmp_path / name) in problem
    assert place in problem
    assert "defaults are used" in problem
    assert (tmp_path / name).read_text() == text


def test_a_broken_file_falls_back_to_the_last_good_version(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "rules.toml").write_text("[runaway]\ncores = lots\n")
    loaded = SettingsFiles(tmp_path).load()
    assert loaded.settings == CHANGED
    assert "last good version" in loaded.problems[0]


def test_a_good_hand_edit_becomes_the_last_good_version(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "rules.toml").write_text("[runaway]\nfor_s = 7.0\n")
    SettingsFiles(tmp_path).load()
    (tmp_path / "rules.toml").write_text("[runaway]\nfor_s = \n")
    assert SettingsFiles(tmp_path).load().settings.rules.runaway.for_s == 7.0


def test_saving_over_a_broken_file_keeps_it_beside_and_says_so(tmp_path: Path) -> None:
    for attempt, kept in enumerate(("rules.toml.broken", "rules.toml.broken-2")):
        (tmp_path / "rules.toml").write_text(f"[runaway # attempt {attempt}\n")
        (said,) = SettingsFiles(tmp_path).save(CHANGED)
        assert kept in said
        assert (tmp_path / kept).read_text() == f"[runaway # attempt {attempt}\n"
        assert SettingsFiles(tmp_path).load() == Loaded(CHANGED, ())


def test_a_file_truncated_at_any_byte_never_stops_the_start(tmp_path: Path) -> None:
    save(tmp_path)
    whole = (tmp_path / "rules.toml").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "rules.toml").write_bytes(whole[:length])
        assert isinstance(SettingsFiles(tmp_path).load().settings.rules, Rules)


def test_a_flipped_bit_never_stops_the_start(tmp_path: Path) -> None:
    save(tmp_path)
    whole = (tmp_path / "settings.toml").read_bytes()
    for position in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        (tmp_path / "settings.toml").write_bytes(flipped)
        assert isinstance(SettingsFiles(tmp_path).load().settings, Settings)


def test_settings_that_make_no_sense_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="period_ms"):
        SettingsFiles(tmp_path).save(replace(CHANGED, period_ms=1))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_old_file_and_leaves_no_rest(tmp_path: Path) -> None:
    files = save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk(), pytest.raises(SettingsError, match="File too large"):
        files.save(replace(CHANGED, period_ms=3_000))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_written_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match="can't be"):
        SettingsFiles(tmp_path / "place").save(CHANGED)


def stand_in(path: Path, kind: str) -> None:
    match kind:
        case "symbolic link":
            path.symlink_to("/etc/passwd")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)


@pytest.mark.parametrize("kind", ["symbolic link", "folder", "pipe"])
def test_what_is_no_file_is_refused_without_a_hang(tmp_path: Path, kind: str) -> None:
    stand_in(tmp_path / "rules.toml", kind)
    loaded = SettingsFiles(tmp_path).load()
    assert loaded.settings == Settings()
    assert f"is a {kind}" in loaded.problems[0]
    with pytest.raises(SettingsError, match=f"is a {kind}"):
        SettingsFiles(tmp_path).save(CHANGED)


def test_a_device_is_refused() -> None:
    with pytest.raises(FileError, match="a device"):
        read_text(Path("/dev/zero"))


def test_an_endless_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileError, match="larger than"):
        read_text(tmp_path / "big")


def test_text_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a = 1\nb = \xff\n")
    with pytest.raises(FileError, match="line 2: not UTF-8"):
        read_text(tmp_path / "file")


def test_a_replaced_file_is_a_new_one_so_that_readers_see_old_or_new(tmp_path: Path) -> None:
    replace_text(tmp_path / "file", "old")
    with (tmp_path / "file").open() as reader:
        replace_text(tmp_path / "file", "new")
        assert reader.read() == "old"
    assert read_text(tmp_path / "file") == "new"


OWN_RULES = '[mine]\nscope = "machine"\nwhen = "cpu_busy_ratio > 0.9"\n'


def test_rules_that_somebody_edits_are_read_again(tmp_path: Path) -> None:
    files = SettingsFiles(tmp_path)
    in_force = files.load().settings.rules
    assert files.reload_rules(in_force) is None
    (tmp_path / "rules.toml").write_text(OWN_RULES)
    reloaded = files.reload_rules(in_force)
    assert reloaded is not None
    assert [rule.name for rule in reloaded[0].declared] == ["mine"]
    assert reloaded[1] == ""
    assert files.reload_rules(reloaded[0]) is None


def test_a_rules_file_that_becomes_broken_keeps_the_rules_in_force_and_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(OWN_RULES)
    files = SettingsFiles(tmp_path)
    in_force = files.load().settings.rules
    (tmp_path / "rules.toml").write_text(OWN_RULES.replace("cpu_busy_ratio", "cpu_bsuy_ratio"))
    reloaded = files.reload_rules(in_force)
    assert reloaded is not None
    assert reloaded[0] is in_force
    assert f"{tmp_path / 'rules.toml'}, line 3: mine.when names 'cpu_bsuy_ratio'" in reloaded[1]
    assert "did you mean 'cpu_busy_ratio'?" in reloaded[1]
    assert "cpu_bsuy_ratio" in (tmp_path / "rules.toml").read_text()
    (tmp_path / "rules.toml").unlink()
    assert files.reload_rules(in_force) == (Rules(), "")


def test_saving_settings_keeps_the_rules_that_only_the_file_has(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(OWN_RULES)
    files = SettingsFiles(tmp_path)
    settings = files.load().settings
    files.save(replace(settings, rules=replace(settings.rules, runaway=Runaway(cores=0.7))))
    assert files.reload_rules(settings.rules) is None  # one's own saving is no edit
    again = SettingsFiles(tmp_path).load()
    assert again.problems == ()
    assert [rule.name for rule in again.settings.rules.declared] == ["mine"]
    assert again.settings.rules.runaway.cores == 0.7


def test_own_limits_of_sensors_and_conditions_of_built_in_rules_are_saved_and_taken_back(tmp_path: Path) -> None:
    heat = Overheating(
        limits_c={"nvme/nvme0/Composite": 70.0, "acpitz": 0.0},
        unless=condition("full_screen"),
        severity=HeatSeverity.WARNING,
        remedies=(Action.SHOW,),
    )
    own = Settings(rules=Rules(overheating=heat, oom=Oom(cooldown_s=60.0, unless=condition("on_battery"))))
    files = save(tmp_path, own)
    assert files.load().settings == own
    fewer = replace(own, rules=replace(own.rules, overheating=replace(heat, limits_c={"acpitz": 0.0}, unless=None)))
    assert files.save(fewer) == ()
    assert files.load() == Loaded(fewer, ())
