"""The person's settings on disk: `settings.toml` for the app, `rules.toml` for what is watched.

Both are TOML that people may edit; saving keeps their comments and order. `rules.toml` is the format of
`smoothtask alerts --rules` (resources/rules/default.toml).

How it fails: a file that can't be read or used is left as it is, the last good text (`*.last-good` beside it) or the
defaults are used, and `Loaded.problems` says which file, line and key. Saving over a broken file first moves it to
`*.broken`. A disk that is full or read-only gives a SettingsError; the old files stay.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from smoothtask_gui.adapters.files import FileError, read_text, replace_text, require_regular
from smoothtask_gui.domain.judging.expression import Condition
from smoothtask_gui.domain.rules import Rules, RulesError, parse_rules
from smoothtask_gui.domain.settings import Settings, problems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tomlkit import TOMLDocument

Parsed = TypeVar("Parsed")
HEADERS: Final = {
    "settings.toml": "SmoothTask's settings. Comments are kept when the settings window saves.",
    "rules.toml": "What SmoothTask watches for. Comments are kept when the settings window saves.",
}


_WANTED: Final = {bool: "true or false", int: "a whole number", str: "a text"}


class SettingsError(Exception):
    """Settings weren't saved; the message says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and what is wrong with the files, in words for people."""

    settings: Settings
    problems: tuple[str, ...]


class SettingsFiles:
    """The two files in `folder`; `rules_file` stands in for `rules.toml` (`--rules`). `shipped` is what it changes."""

    def __init__(self, folder: Path, rules_file: Path | None = None, shipped: Rules | None = None) -> None:
        self._shipped = shipped or Rules()
        self._seen: tuple[int, ...] | None = None  # what the rules' file was when it was last read or written
        self._app = folder / "settings.toml"
        self._rules = rules_file or folder / "rules.toml"

    def load(self) -> Loaded:
        """Read both files; never raises."""
        app, app_problems = _load(self._app, parse_app_settings, Settings())
        self._seen = _signature(self._rules)
        rules, rules_problems = _load(self._rules, self._parse_rules, self._shipped)
        return Loaded(replace(app, rules=rules), (*app_problems, *rules_problems))

    def save(self, settings: Settings) -> tuple[str, ...]:
        """Write what changed; returns what the person should know, raises SettingsError if it can't be written."""
        wrong = problems(settings)
        if wrong:
            raise SettingsError("Settings weren't saved: " + " ".join(wrong.values()))
        try:
            said = _save(self._app, parse_app_settings, _app_values(settings))
            said += _save(self._rules, self._parse_rules, _values(settings.rules))
        except FileError as error:
            raise SettingsError(f"Settings weren't saved: {error}.") from error
        self._seen = _signature(self._rules)
        return said

    def reload_rules(self, in_force: Rules) -> tuple[Rules, str] | None:
        """The rules after somebody changed their file, and what is wrong with it; None while nobody did.

        A file that can't be used changes nothing: `in_force` comes back with the reason.
        """
        seen = _signature(self._rules)
        if seen == self._seen:
            return None
        self._seen = seen
        try:
            text = read_text(self._rules)
            if text is None:
                return self._shipped, ""
            parsed = self._parse_rules(text, str(self._rules))
        except (FileError, RulesError) as error:
            return in_force, f"{str(error).rstrip('.')}. The rules stay as they were; the file is left as it is."
        _keep(self._rules, text)
        return parsed, ""

    def _parse_rules(self, text: str, file: str) -> Rules:
        return parse_rules(text, file, self._shipped)


def parse_app_settings(text: str, file: str) -> Settings:
    """The settings in `text` but the rules; RulesError names `file`, line and key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{file}: not valid TOML: {error}") from error
    defaults = _app_values(Settings())
    for key, value in table.items():
        place = f"{file}, line {_line_of(text, key)}: {key}"
        if key not in defaults:
            raise RulesError(f"{place} is no setting; there are {', '.join(defaults)}")
        if type(value) is not type(defaults[key]):
            raise RulesError(f"{place} must be {_WANTED[type(defaults[key])]}, not {value!r}")
    settings = replace(Settings(), **table)
    for key, problem in problems(settings).items():
        raise RulesError(f"{file}, line {_line_of(text, key)}: {problem}")
    return settings


def _load(path: Path, parse: Callable[[str, str], Parsed], default: Parsed) -> tuple[Parsed, tuple[str, ...]]:
    try:
        text = read_text(path)
        if text is None:
            return default, ()
        parsed = parse(text, str(path))
    except (FileError, RulesError) as error:
        kept = _last_good(path, parse)
        instead = "The last good version is used" if kept is not None else "The defaults are used"
        return kept if kept is not None else default, (
            f"{str(error).rstrip('.')}. {instead}; the file is left as it is.",
        )
    _keep(path, text)
    return parsed, ()


def _signature(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is written, replaced or removed; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _last_good(path: Path, parse: Callable[[str, str], Parsed]) -> Parsed | None:
    backup = _beside(path, "last-good")
    try:
        text = read_text(backup)
        return None if text is None else parse(text, str(backup))
    except (FileError, RulesError):
        return None


def _keep(path: Path, text: str) -> None:
    """Remember `text` as good; on a read-only disk there is nothing to protect it from."""
    backup = _beside(path, "last-good")
    try:
        if read_text(backup) != text:
            replace_text(backup, text)
    except FileError:
        return


def _save(path: Path, parse: Callable[[str, str], object], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    import tomlkit  # noqa: PLC0415  # 1 MiB that only saving needs

    require_regular(path)
    text = read_text(path)
    said: tuple[str, ...] = ()
    if text is not None:
        try:
            parse(text, str(path))
        except RulesError:
            said = (f"{path} was broken; it is kept as {_set_aside(path)}.",)
            text = None
    document = tomlkit.parse(text) if text is not None else tomlkit.document()
    if text is None and path.name in HEADERS:
        document.add(tomlkit.comment(HEADERS[path.name]))
    _merge(document, wanted)
    new = tomlkit.dumps(document)
    parse(new, str(path))
    if new != text:
        replace_text(path, new)
        _keep(path, new)
    return said


def _merge(table: TOMLDocument | dict[str, Any], wanted: Mapping[str, Any]) -> None:
    """Set in `table` what differs from `wanted`, so that everything else keeps its look."""
    for key, value in wanted.items():
        if isinstance(value, dict):
            if key not in table and value:
                table[key] = {}
            if key in table:
                for gone in [known for known in table[key] if known not in value]:
                    del table[key][gone]
                _merge(table[key], value)
        elif key not in table or table[key] != value:
            table[key] = value


def _set_aside(path: Path) -> str:
    for number in range(1, 100):
        target = _beside(path, "broken" if number == 1 else f"broken-{number}")
        try:
            target.hardlink_to(path)
        except FileExistsError:
            continue
        except OSError as error:
            raise FileError(f"{path} is broken and can't be kept as {target.name}: {error.strerror}") from error
        path.unlink()
        return target.name
    raise FileError(f"{path} is broken, and so are 99 earlier versions beside it; move them away")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _line_of(text: str, key: str) -> int:
    found = re.search(rf"^\s*{re.escape(key)}\s*=", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _app_values(settings: Settings) -> dict[str, Any]:
    return {entry.name: getattr(settings, entry.name) for entry in fields(settings) if entry.name != "rules"}


def _values(settings: Any) -> dict[str, Any]:
    """A settings dataclass as TOML's types."""
    values: dict[str, Any] = {}
    for entry in fields(settings):
        if entry.name == "declared":  # written by people only; the file keeps them as they are
            continue
        value = getattr(settings, entry.name)
        if isinstance(value, Condition) or value is None:
            values[entry.name] = "" if value is None else value.text
        elif isinstance(value, Mapping):
            values[entry.name] = dict(value)
        elif is_dataclass(value):
            values[entry.name] = _values(value)
        elif isinstance(value, tuple):
            values[entry.name] = [str(one) for one in value]
        else:
            values[entry.name] = str(value) if isinstance(value, str) else value
    return values
