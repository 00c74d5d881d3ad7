"""What is made from the command line's own definition: completions for three shells, and the manual page.

smoothtask_gui/cli/arguments.py is read through argparse, so a new command or option shows up here by itself. A value
is completed by its choices, a SOURCE by its names, a FILE by the files there are; any other value is the person's own.
Fails where argparse's own structure changes, which tests/packages would tell.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.cli.arguments import parser
from smoothtask_gui.sources.names import AUTO, HELPER, PROCFS, RECORDING

if TYPE_CHECKING:
    from collections.abc import Iterator

MANUAL: Final = Path(__file__).resolve().parents[1] / "resources" / "man" / "smoothtask.1.in"
STANDS_ALONE: Final = "run"
"""The command whose options may be given without its name."""
FILE, SOURCE = "FILE", "SOURCE"
MADE: Final = "made from smoothtask_gui/cli/arguments.py by packaging/command_line_pages.py"


@dataclass(frozen=True, slots=True)
class Word:
    """An option (`flags`) or a positional argument (none). `value`: what follows or stands there, "" for nothing."""

    flags: tuple[str, ...]
    says: str
    value: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """`path`: the words that lead to it, none for `smoothtask` itself."""

    path: tuple[str, ...]
    says: str
    options: tuple[Word, ...]
    arguments: tuple[Word, ...]
    below: tuple[Command, ...]


def command_line() -> Command:
    """The whole of it; `smoothtask` itself takes the options of `run` as well."""
    top = _command((), "", parser())
    alone = next(command for command in top.below if command.path == (STANDS_ALONE,))
    own = {word.flags for word in top.options}
    return Command((), "", (*top.options, *(word for word in alone.options if word.flags not in own)), (), top.below)


def walk(command: Command) -> Iterator[Command]:
    """It and everything below it."""
    yield command
    for child in command.below:
        yield from walk(child)


def _command(path: tuple[str, ...], says: str, given: argparse.ArgumentParser) -> Command:
    options, arguments, below = [], [], []
    for action in given._actions:  # noqa: SLF001  argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  as above
            told = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001  as above
            below = [_command((*path, name), told.get(name, ""), child) for name, child in action.choices.items()]
        elif action.help is not argparse.SUPPRESS:
            (options if action.option_strings else arguments).append(_word(action))
    return Command(path, says, tuple(options), tuple(arguments), tuple(below))


def _word(action: argparse.Action) -> Word:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    value = "" if action.nargs == 0 else metavar
    words = tuple(map(str, action.choices or ()))
    if value == SOURCE:
        words = (AUTO, HELPER, PROCFS, RECORDING)
    return Word(tuple(action.option_strings), " ".join((action.help or "").replace("%%", "%").split()), value, words)


def bash() -> str:
    """A script for bash-completion's folder; it needs bash alone."""
    top = command_line()
    paths, values, words = [], [], []
    for command in walk(top):
        at = "/" + "/".join(command.path)
        if command.path:
            paths.append(at)
        values += [f'        "{at} {flag}") {_bash_value(word)}; return ;;' for word in command.options if word.value
                   for flag in word.flags]  # fmt: skip
        offered = [flag for word in command.options for flag in word.flags]
        offered += [child.path[-1] for child in command.below]
        offered += [choice for word in command.arguments for choice in word.words]
        files = ' COMPREPLY+=($(compgen -f -- "$word"))' if any(a.value == FILE for a in command.arguments) else ""
        words.append(f'        "{at}") COMPREPLY=($(compgen -W "{" ".join(offered)}" -- "$word"));{files} ;;')
    newline = "\n"
    return f"""# bash completion for smoothtask; {MADE}
_smoothtask()
{{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} path="" each
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$path/$each" in
            {"|".join(paths)}) path="$path/$each" ;;
        esac
    done
    path=${{path:-/}}
    COMPREPLY=()
    case "$path $before" in
{newline.join(values)}
    esac
    case "$path" in
{newline.join(words)}
    esac
}}
complete -o filenames -F _smoothtask smoothtask
"""


def _bash_value(word: Word) -> str:
    if word.words:
        return f'COMPREPLY=($(compgen -W "{" ".join(word.words)}" -- "$word"))'
    return 'COMPREPLY=($(compgen -f -- "$word"))' if word.value == FILE else ":"


def zsh() -> str:
    """A function for zsh's completion system, in a file named _smoothtask."""
    functions = "\n".join(_zsh_function(command) for command in walk(command_line()))
    return f'#compdef smoothtask\n# {MADE}\n\n{functions}\n_smoothtask "$@"\n'


def _zsh_function(command: Command) -> str:
    specs = [_zsh_option(word, flag) for word in command.options for flag in word.flags]
    specs += [f"{n}:{word.value}:{_zsh_value(word)}" for n, word in enumerate(command.arguments, 1)]
    name = "_".join(("_smoothtask", *command.path))
    if not command.below:
        return f"{name}() {{\n    _arguments -s {_zsh_list(specs)}\n}}\n"
    specs += ["1:command:->command", "*::argument:->argument"]
    rows = [f"{child.path[-1]}:{child.says.replace(':', chr(92) + ':')}" for child in command.below]
    branches = "\n".join(
        f"            {child.path[-1]}) {'_'.join(('_smoothtask', *child.path))} ;;" for child in command.below
    )
    return (
        f"{name}() {{\n    local context state line\n    local -a commands\n    _arguments -C {_zsh_list(specs)}\n"
        f"    case $state in\n        command)\n            commands={_zsh_array(rows)}\n"
        f"            _describe command commands ;;\n        argument)\n            case $words[1] in\n{branches}\n"
        "            esac ;;\n    esac\n}\n"
    )


def _zsh_option(word: Word, flag: str) -> str:
    says = word.says.replace("[", "(").replace("]", ")")
    return f"{flag}[{says}]" + (f":{word.value}:{_zsh_value(word)}" if word.value else "")


def _zsh_value(word: Word) -> str:
    if word.words:
        return f"({' '.join(word.words)})".replace(":", "\\:")
    return "_files" if word.value == FILE else " "


def _zsh_list(specs: list[str]) -> str:
    return "".join(f"\\\n        {shlex.quote(spec)} " for spec in specs).rstrip()


def _zsh_array(rows: list[str]) -> str:
    return "(\n" + "".join(f"                {shlex.quote(row)}\n" for row in rows) + "            )"


def fish() -> str:
    """Lines for fish's folder of vendors' completions."""
    lines = [f"# {MADE}", "complete -c smoothtask -f"]
    for command in walk(command_line()):
        condition = _fish_condition(command)
        start = f"complete -c smoothtask -n {_fish_quote(condition)}"
        lines += [f"{start} {_fish_word(word)}" for word in (*command.options, *command.arguments) if _fish_word(word)]
        lines += [f"{start} -a {child.path[-1]} -d {_fish_quote(child.says)}" for child in command.below]
    return "\n".join(lines) + "\n"


def _fish_condition(command: Command) -> str:
    seen = [f"__fish_seen_subcommand_from {name}" for name in command.path]
    if command.below:
        below = " ".join(child.path[-1] for child in command.below)
        seen.append(f"not __fish_seen_subcommand_from {below}")
    return "; and ".join(seen)


def _fish_word(word: Word) -> str:
    names = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in word.flags]
    if word.value == FILE and not word.words:
        names.append("-r -F" if word.flags else "-F")
    elif word.value and word.flags:
        names.append("-x")
    if word.words:
        names.append(f"-a {_fish_quote(' '.join(word.words))}")
    elif not names:
        return ""
    return " ".join([*names, "-d", _fish_quote(word.says)])


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def manual(version: str) -> str:
    """smoothtask(1): the template with each command and its options."""
    top = command_line()
    whole = [".SS " + _roff("smoothtask")] + [_roff_option(word) for word in top.options]
    for command in walk(top):
        if command.path:
            usage = " ".join(("smoothtask", *command.path, *(word.value for word in command.arguments)))
            whole += [f".SS {_roff(usage)}", _roff(command.says[:1].upper() + command.says[1:]) + "."]
            whole += [_roff_option(word) for word in (*command.options, *command.arguments) if "-h" not in word.flags]
    text = MANUAL.read_text(encoding="utf-8")
    return text.replace("@VERSION@", version).replace("@COMMANDS@", "\n".join(whole))


def _roff_option(word: Word) -> str:
    shown = ", ".join(rf"\fB{_roff(flag)}\fR" for flag in word.flags)
    value = rf"\fI{_roff(word.value)}\fR" if word.value else ""
    return f".TP\n{shown}{' ' if shown and value else ''}{value}\n{_roff(word.says)}"


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
