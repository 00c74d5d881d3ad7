from dataclasses import replace
from pathlib import Path

import pytest

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.judging.reader import KEYS
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
        ('[runaway]\nignore = "x"\n', "must be a list of texts"),
        ("[runaway]\nignore = [1]\n", "must be a list of texts"),
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


MINE = '[mine]\nscope = "machine"\nwhen = "cpu_busy_ratio > most"\nmost = 0.9\n'


def test_a_new_rule_needs_a_scope_and_a_condition_and_no_more() -> None:
    (rule,) = parse_rules(MINE, "my.toml").declared
    assert (rule.name, rule.scope, rule.value.text) == ("mine", "machine", "cpu_busy_ratio")
    assert rule.needed == {"cpu_busy_ratio"}


def test_a_shipped_rule_is_changed_by_its_name_and_keeps_what_is_not_said() -> None:
    shipped = parse_rules(MINE, "default.toml")
    (rule,) = parse_rules("[mine]\nmost = 0.5\nfor_s = 5\n", "my.toml", shipped).declared
    assert dict(rule.numbers) == {"most": 0.5}
    assert (rule.for_s, rule.when) == (5.0, shipped.declared[0].when)
    (off,) = parse_rules("[mine]\nenabled = false\n", "my.toml", shipped).declared
    assert not off.enabled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[mine]\nwhen = "cpus > 1"\n', "line 1: the rule mine needs scope"),
        ('[Mine]\nscope = "machine"\nwhen = "cpus > 1"\n', "'Mine' is no name of a rule"),
        ('[mine]\nscope = "world"\nwhen = "cpus > 1"\n', "line 2: mine.scope must be one of 'machine', 'sensor'"),
        ('[mine]\nscope = "machine"\nwhen = "cpus >"\n', "line 3: mine.when isn't understood"),
        ('[mine]\nscope = "machine"\nwhen = 5\n', "line 3: mine.when must be a formula in quotes, not 5"),
        ('[mine]\nscope = "machine"\nwhen = "1 > 2"\n', "mine.when names no series"),
        (
            MINE + 'clear_when = "cpu_bsy_ratio < 1"\n',
            "line 5: mine.clear_when names 'cpu_bsy_ratio', which is no series",
        ),
        (MINE + 'level = "rss_bytes"\n', "line 5: mine.level names 'rss_bytes'"),
        (MINE + "leest = 5\n", "line 5: unknown key mine.leest"),
        (MINE + "cpus = 5\n", "line 5: mine.cpus is a series"),
        (MINE + "for_s = -1\n", "line 5: mine.for_s must be a number from 0 to 86400, not -1"),
        (MINE + "for_s = nan\n", "line 5: mine.for_s must be a number"),
        (MINE + "enabled = 1\n", "line 5: mine.enabled must be true or false"),
        (MINE + 'severity = "loud"\n', "line 5: mine.severity must be one of"),
        (MINE + 'remedies = ["explode"]\n', "line 5: mine.remedies must be one of"),
        (MINE + 'title = "{cpu_bsy_ratio}"\n', "line 5: mine.title has {cpu_bsy_ratio}, which is no series"),
        (MINE + 'title = ""\n', "line 5: mine.title must be one line of text"),
        (MINE + 'body = "x"\n', "line 5: mine.body must be a list of texts"),
        (MINE + 'blames = "cpus"\n', "line 5: mine.blames must be a series of apps or 'energy', not 'cpus'"),
        ('[mine]\nscope = "app"\nwhen = "cpu_cores > 1"\nblames = "cpu_cores"\n', "mine.blames is for rules about"),
        (MINE + "ignore = 5\n", "line 5: mine.ignore must be a list of texts"),
        (MINE.replace("0.9", "true"), "line 4: mine.most must be a number, not True"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named_with_file_line_and_key(text: str, said: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules(text, "my.toml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.toml")


def test_the_scope_of_a_shipped_rule_cannot_be_changed() -> None:
    with pytest.raises(RulesError, match=r"line 2: mine\.scope is 'machine' and can't be changed"):
        parse_rules('[mine]\nscope = "app"\n', "my.toml", parse_rules(MINE, "default.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[oom]\nenabled = true\nfor_s = 5\n", "my.toml, line 3: oom.for_s can't be set: that the kernel stopped"),
        (
            "[oom]\nkeep_firing_for_s = 5\n",
            "line 2: oom.keep_firing_for_s can't be set: what has happened doesn't end; open",
        ),
        ('[oom]\nremedies = ["stop"]\n', "line 2: oom.remedies may hold 'show' and 'snooze' alone"),
        ('[oom]\nunless = "cpu_cores > 1"\n', "line 2: oom.unless names 'cpu_cores', which is no series here"),
        ('[oom]\nscope = "app"\n', "line 2: oom.scope is 'process' and can't be changed"),
        ("[oom]\nzzz = 1\n", "line 2: unknown key oom.zzz"),
        (
            '[overheating]\nwhen = "temperature_c > 3"\n',
            "overheating.when can't be set: each sensor has a limit of its own",
        ),
        ('[overheating]\nseverity = "loud"\n', "must be one of 'by_limit', 'warning', 'critical', not 'loud'"),
        ('[overheating]\nblames = "rss_bytes"\n', "overheating.blames must be 'energy', or '' to name nobody"),
        (
            '[overheating]\nunless = "full_scren"\n',
            "overheating.unless names 'full_scren', which is no series here; did",
        ),
        ('[overheating]\nunless = "("\n', "my.toml, line 2: overheating.unless"),
        ("[overheating]\nlimits_c = 5\n", "line 2: overheating.limits_c must be a table of sensors"),
        (
            '[overheating.limits_c]\n"nvme*" = 70\n"coretemp/coretemp.0/Core 1" = 20\n',
            "line 3: overheating.limits_c.'coretemp/coretemp.0/Core 1' must be a number from 30 to 150, not 20",
        ),
        ("[overheating.limits_c]\nnvme = false\n", "line 2: overheating.limits_c.'nvme' must be a number"),
        ('[runaway]\ntitle = "x"\n', "runaway.title can't be set: to have another, switch this rule off"),
        ('[runaway]\nunless = "cpu_corse > 1"\n', "runaway.unless names 'cpu_corse', which is no series here; did you"),
    ],
)
def test_a_key_that_makes_no_sense_for_a_built_in_rule_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules(text, "my.toml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.toml, line ")


def test_built_in_rules_have_the_keys_of_every_rule_or_say_why_not() -> None:
    for name in ("overheating", "runaway", "oom"):
        for key in set(KEYS) - {"scope"}:
            with pytest.raises(RulesError) as caught:
                parse_rules(f"[{name}]\n{key} = [[1]]\n", "my.toml")
            assert "unknown key" not in str(caught.value), f"{name}.{key}"


def test_own_limits_and_conditions_of_built_in_rules_are_read() -> None:
    rules = parse_rules(
        '[overheating]\nunless = "full_screen"\nscope = "sensor"\n[overheating.limits_c]\n"nvme*" = 70\nacpitz = 0\n'
        '[oom]\ncritical_when = "rss_bytes >= 1e9"\nseverity = "warning"\n',
        "my.toml",
    )
    assert rules.overheating.limits_c == {"nvme*": 70.0, "acpitz": 0.0}
    assert rules.overheating.unless is not None
    assert rules.overheating.unless.text == "full_screen"
    assert rules.oom.critical_when is not None
    assert rules.oom.severity is Severity.WARNING
