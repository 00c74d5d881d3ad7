from dataclasses import replace
from pathlib import Path

import pytest

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.rules import Rules, RulesError, parse_rules

DEFAULT = Path(__file__).parents[3] / "resources" / "rules" / "default.toml"


def test_the_documented_rules_file_says_the_defaults() -> None:
    rules = parse_rules(DEFAULT.read_text(), "default.toml")
    assert replace(rules, declared=()) == Rules()
    assert len(rules.declared) >= 19


def test_what_a_file_leaves_out_keeps_its_default() -> None:
    rules = parse_rules('[runaway]\ncores = 2\nseverity = "critical"\nignore = ["cc1plus"]\n', "my.toml")
    assert rules.runaway.cores == 2.0
    assert rules.runaway.severity is Severity.CRITICAL
    assert rules.runaway.ignore == ("cc1plus",)
    assert rules.overheating == Rules().overheating


def test_an_empty_file_says_the_defaults() -> None:
    assert parse_rules("", "my.toml") == Rules()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[runaway\n", "my.toml: not valid TOML"),
        ("\n[runawy]\n", "my.toml, line 2: unknown table or key 'runawy'; did you mean 'runaway'?"),
        ("cores = 1\n", "my.toml, line 1: unknown table or key 'cores'"),
        ("[runaway]\nfor = 5\n", "my.toml, line 2: unknown key runaway.for; did you mean 'for_s'?"),
        ("[runaway]\nzzz = 5\n", "known are enabled, cores"),
        (
            "[oom]\nopen_for_s = 1\n[runaway]\ncores = 0\n",
            "line 4: runaway.cores must be a number from 0.05 to 1024, not 0",
        ),
        ("[runaway]\ncores = nan\n", "not nan"),
        ("[runaway]\ncores = true\n", "not True"),
        ('[runaway]\ncores = "2"\n', "not '2'"),
        ("[runaway]\nenabled = 1\n", "runaway.enabled must be true or false, not 1"),
        ('[runaway]\nseverity = "loud"\n', "must be one of 'warning', 'critical', not 'loud'"),
        ("[runaway]\nseverity = [1]\n", "must be one of"),
        ('[runaway]\nignore = "x"\n', "must be a list of process names"),
        ("[runaway]\nignore = [1]\n", "must be a list of process names"),
        ("[runaway]\ncores = 0.4\n", "runaway.clear_cores (0.5) must not be above runaway.cores (0.4)"),
        ("[notifications]\nper_hour = 1.5\n", "must be a whole number from 0 to 3600"),
        ("runaway = 5\n", "my.toml, line 1: runaway must be a table: write [runaway]"),
        ("runaway.for_s = -1\n", "my.toml, line 1: runaway.for_s must be a number"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_key_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules(text, "my.toml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.toml")


def test_a_file_cut_short_anywhere_is_read_or_refused_but_never_crashes() -> None:
    text = DEFAULT.read_text()
    for length in range(0, len(text), 7):
        try:
            parse_rules(text[:length], "my.toml")
        except RulesError as error:
            refused = str(error)
            assert refused.startswith("my.toml")
