"""In CI a skipped test is a failed one, unless docs/testing.md lists it with its reason.

A lane that silently skips what it can't do looks the same as one that passed. The list is the table under
"## Listed skips": the test's id, in backticks, is the first cell of a row.
"""

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

# hypothesis would write into the checkout, which may be another user's
set_hypothesis_home_dir(Path.home() / ".cache" / "hypothesis")
# a busy machine makes examples slowly; that says nothing about the code
_PATIENT = [HealthCheck.too_slow]
settings.register_profile("here", settings.default, database=None, deadline=None, suppress_health_check=_PATIENT)
settings.load_profile("here")

LIST = Path(__file__).parents[1] / "docs" / "testing.md"


def listed_skips(text: str) -> frozenset[str]:
    """The ids in the table under "## Listed skips"."""
    section = text.partition("\n## Listed skips\n")[2].partition("\n## ")[0]
    return frozenset(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def refuse_skip(report: pytest.TestReport | pytest.CollectReport, listed: frozenset[str]) -> None:
    """Turn a skip that isn't listed into a failure that says so. An expected failure isn't a skip."""
    if not report.skipped or hasattr(report, "wasxfail") or report.nodeid in listed:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"skipped in CI, and {LIST.name} doesn't list it: {report.nodeid}\n{reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") == "true":
        refuse_skip(report, listed_skips(LIST.read_text()))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if os.environ.get("CI") == "true":
        refuse_skip(report, listed_skips(LIST.read_text()))
    return report
