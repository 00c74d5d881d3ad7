"""What the doctor reports: rows, and small helpers for the checks that make them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but shows less
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding. `remedy` is what the person can do, "" if nothing is to be done."""

    check: str
    state: State
    detail: str
    remedy: str = ""


def ok(check: str, detail: str) -> Row:
    return Row(check, State.OK, detail)


def warning(check: str, detail: str, remedy: str = "") -> Row:
    return Row(check, State.WARNING, detail, remedy)


def failed(check: str, detail: str, remedy: str = "") -> Row:
    return Row(check, State.FAILED, detail, remedy)


async def guarded(name: str, check: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
    """The check's rows; a check that itself breaks is a row too: the doctor must not die of a sick machine."""
    try:
        return await check()
    except Exception as error:  # noqa: BLE001 - whatever a broken machine throws at a check is its finding
        return [failed(name, f"the check itself failed: {type(error).__name__}: {error}", "Please report this.")]
