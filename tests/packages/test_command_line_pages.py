"""Completions and manual page, judged by the shells and by man itself; they can't drift from the command line."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from smoothtask_gui.cli.arguments import parser
from tests.contract.layout import ROOT
from tests.vm.conftest import tool

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final[Any] = tool("command_line_pages", ROOT / "packaging")


def commands() -> dict[tuple[str, ...], set[str]]:
    """Path of each command → its long options, from argparse itself."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(path: tuple[str, ...], given: argparse.ArgumentParser) -> None:
        found[path] = {flag for flag in given._option_string_actions if flag.startswith("--")}
        for action in given._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, child in action.choices.items():
                    walk((*path, name), child)

    walk((), parser())
    return found


COMMANDS: Final = commands()


def said(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def bash_offers(script: Path, *words: str) -> set[str]:
    typed = shlex.join(("smoothtask", *words))
    ask = f"source {script}; COMP_WORDS=({typed} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _smoothtask"
    return set(said("bash", "--norc", "-c", f"{ask}; printf '%s\\n' \"${{COMPREPLY[@]}}\"").split())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_bash_offers_every_option_of_every_command(path: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "smoothtask"
    script.write_text(PAGES.bash())
    assert bash_offers(script, *path) >= COMMANDS[path]


def test_bash_offers_the_commands_the_sources_and_files_where_they_belong(tmp_path: Path) -> None:
    script = tmp_path / "smoothtask"
    script.write_text(PAGES.bash())
    assert bash_offers(script) >= {path[0] for path in COMMANDS if path}
    assert bash_offers(script, "top", "--source") == {"auto", "helper", "procfs", "recording:"}
    assert bash_offers(script, "top", "--count") == set()
    ask = f"cd {tmp_path}; source {script}; COMP_WORDS=(smoothtask --rules smo); COMP_CWORD=2; _smoothtask"
    assert said("bash", "--norc", "-c", f"{ask}; echo ${{COMPREPLY[@]}}").split() == ["smoothtask"]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_fish_offers_every_option_of_every_command(path: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "smoothtask.fish"
    script.write_text(PAGES.fish())
    typed = " ".join(("smoothtask", *path, "--"))
    ask = f"source {script}; complete -C {shlex.quote(typed)}"
    offered = said("env", f"HOME={tmp_path}", "fish", "--no-config", "-c", ask)
    assert {line.split("\t")[0] for line in offered.splitlines()} >= COMMANDS[path]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_zsh_is_told_every_option_of_every_command(path: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "_smoothtask"
    script.write_text(PAGES.zsh())
    # its completion system needs a terminal: what would be handed to it is printed instead
    stand_ins = "_arguments() { print -l -- $@; state=argument; words=($rest); rest=(${rest:1}) }; _describe() { }"
    ask = f"{stand_ins}; typeset -a rest=({' '.join(path)}); words=(); source {script}"
    told = said("zsh", "--no-rcs", "-c", ask)
    assert {line.split("[")[0] for line in told.splitlines() if line.startswith("--")} >= COMMANDS[path]


def test_man_shows_every_command_and_option_without_a_warning(tmp_path: Path) -> None:
    page = tmp_path / "smoothtask.1"
    page.write_text(PAGES.manual("1.2.3"))
    for file in (page, ROOT / "resources" / "man" / "smoothtask-helper.8"):
        said("groff", "-wmac", "-wescape", "-wmissing", "-wdelim", "-Tutf8", "-man", str(file))
    text = page.read_text().replace("\\-", "-")
    for path, options in COMMANDS.items():
        assert f".SS {' '.join(('smoothtask', *path))}" in text
        assert all(f"\\fB{option}\\fR" in text or f", \\fB{option}" in text for option in options)
    assert "@" not in text
