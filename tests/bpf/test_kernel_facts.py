"""Facts of a kernel built in a folder, and of the one that runs."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from helper.kernel_facts import read_kernel_facts

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["release", "btf", "lockdown", "bpf_stats_enabled", "unprivileged_bpf", "jit", "psi", "capabilities"]


def kernel(root: Path, files: dict[str, str]) -> dict[str, tuple[str, str]]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="ascii")
    return {fact.name: (fact.value, fact.explanation) for fact in read_kernel_facts(root)}


def test_the_running_kernel_answers_every_fact_with_an_explanation() -> None:
    facts = read_kernel_facts()
    assert [fact.name for fact in facts] == NAMES
    assert facts[0].value == platform.release()
    assert all(fact.value and fact.explanation for fact in facts)


def test_a_kernel_without_any_of_it_is_described_and_not_guessed(tmp_path: Path) -> None:
    facts = kernel(tmp_path, {})
    assert facts["btf"][0] == facts["psi"][0] == "no"
    unknown = ("lockdown", "bpf_stats_enabled", "unprivileged_bpf", "jit", "capabilities")
    assert {facts[name][0] for name in unknown} == {"unknown"}
    assert all("No such file" in facts[name][1] for name in unknown)


@pytest.mark.parametrize("state", ["none", "integrity", "confidentiality"])
def test_lockdown_is_the_word_in_brackets(tmp_path: Path, state: str) -> None:
    text = "none integrity confidentiality".replace(state, f"[{state}]")
    value, explanation = kernel(tmp_path, {"sys/kernel/security/lockdown": text})["lockdown"]
    assert value == state
    assert ("can't load" in explanation) == (state == "confidentiality")


def test_capabilities_are_named(tmp_path: Path) -> None:
    value, explanation = kernel(tmp_path, {"proc/self/status": "Name:\tx\nCapEff:\t000000c000000001\n"})["capabilities"]
    assert value == "CAP_PERFMON CAP_BPF"
    assert "1 others" in explanation
