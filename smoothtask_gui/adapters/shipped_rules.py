"""The rules that SmoothTask ships: read from the file that documents them, once a start.

It lies in the source tree, or where the package's data files were installed. Without it only the rules that are judged
by code of their own hold, and `RulesError` says which folders were looked at.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.files import FileError, read_text
from smoothtask_gui.domain.rules import Rules, RulesError, parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FILE: Final = Path("rules", "default.toml")
_SOURCE_TREE: Final = Path(__file__).resolve().parents[2] / "resources"


def shipped_rules(folders: Iterable[Path] | None = None) -> Rules:
    """The shipped rules. Raises RulesError where they aren't there or can't be used: a broken installation."""
    folders = tuple(folders) if folders is not None else rules_folders(os.environ)
    for folder in folders:
        path = folder / _FILE
        try:
            text = read_text(path)
        except FileError as error:
            raise RulesError(f"The shipped rules can't be read: {error}. Install SmoothTask again.") from error
        if text is not None:
            return parse_rules(text, str(path))
    looked = ", ".join(str(folder / _FILE) for folder in folders)
    raise RulesError(f"The shipped rules aren't there (looked for {looked}). Install SmoothTask again.")


def usable_rules() -> tuple[Rules, tuple[str, ...]]:
    """The shipped rules, or none and why: what is watched by code of its own goes on."""
    try:
        return shipped_rules(), ()
    except RulesError as error:
        return Rules(), (str(error),)


def rules_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where they may lie: the source tree, a wheel's data, share/smoothtask of every data folder (a Flatpak's too)."""
    shared = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    installed = (Path(sysconfig.get_path("data")) / "share", *(Path(one) for one in shared.split(":") if one))
    return (_SOURCE_TREE, *(folder / "smoothtask" for folder in installed))
