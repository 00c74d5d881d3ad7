"""Where the shipped rules are found, and what is said where they aren't."""

from pathlib import Path

import pytest

from smoothtask_gui.adapters.shipped_rules import rules_folders, shipped_rules
from smoothtask_gui.domain.rules import RulesError
from tests.fakes.trees import plant


def test_the_first_folder_that_has_them_counts(tmp_path: Path) -> None:
    plant(tmp_path, {"two/rules/default.toml": "[oom]\nopen_for_s = 7", "three/rules/default.toml": "[nonsense]"})
    assert shipped_rules([tmp_path / "one", tmp_path / "two", tmp_path / "three"]).oom.open_for_s == 7


def test_every_shared_folder_is_looked_into() -> None:
    folders = rules_folders({"XDG_DATA_DIRS": "/app/share:/usr/share"})
    assert Path("/app/share/smoothtask") in folders
    assert Path("/usr/share/smoothtask") in folders


def test_a_broken_installation_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"aren't there \(looked for .*one.*Install SmoothTask again"):
        shipped_rules([tmp_path / "one"])
    plant(tmp_path, {"one/rules/default.toml": "[broken"})
    with pytest.raises(RulesError, match="not valid TOML"):
        shipped_rules([tmp_path / "one"])
