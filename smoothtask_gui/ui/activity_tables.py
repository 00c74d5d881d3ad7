"""The rows of the activity tab: what each process calls and does with files, the busiest first."""

from __future__ import annotations

import platform
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final, TypeVar

from PySide6.QtCore import QCoreApplication

from smoothtask_gui.domain.syscall_names import syscall_names
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.rows_model import Row

if TYPE_CHECKING:
    from smoothtask_gui.domain.activity_rates import CallerRates, FileSystemRates, FileUserRates, SyscallRates
    from smoothtask_gui.domain.unix_sockets import UnixHolding

    Counted = TypeVar("Counted", CallerRates, FileUserRates)

MOST_ROWS: Final = 12
_IDENTITY: Final = ("pid", "start_ns", "comm")


class ActivityRows:
    """Keeps the names of system calls."""

    def __init__(self) -> None:
        self._names = syscall_names(platform.machine())

    def callers(self, found: tuple[CallerRates, ...]) -> tuple[Row, ...]:
        ranked = sorted(_by_process(found), key=lambda one: (-one.calls_per_s, one.pid))[:MOST_ROWS]
        return tuple(
            _of_process(
                one,
                formats.digits(one.calls_per_s),
                formats.digits(one.failed_per_s),
                formats.digits(one.time_ratio),
            )
            for one in ranked
        )

    def syscalls(self, found: tuple[SyscallRates, ...]) -> tuple[Row, ...]:
        ranked = sorted(found, key=lambda one: (-one.calls_per_s, one.number or -1))[:MOST_ROWS]
        return tuple(
            Row(
                str(one.number),
                (
                    self._call(one.number),
                    formats.digits(one.calls_per_s),
                    formats.digits(one.failed_per_s),
                    _at_most(one.p50_us),
                    _at_most(one.p99_us),
                ),
            )
            for one in ranked
        )

    def file_users(self, found: tuple[FileUserRates, ...]) -> tuple[Row, ...]:
        ranked = sorted(
            _by_process(found), key=lambda one: (-(one.read_bps + one.write_bps), -one.opens_per_s, one.pid)
        )
        return tuple(
            _of_process(
                one,
                *_files(one),
                formats.brief(one.sync_ratio / one.syncs_per_s if one.syncs_per_s else None),
            )
            for one in ranked[:MOST_ROWS]
        )

    def file_systems(self, found: tuple[FileSystemRates, ...]) -> tuple[Row, ...]:
        ranked = sorted(found, key=lambda one: (-(one.read_bps + one.write_bps), one.major, one.minor))[:MOST_ROWS]
        return tuple(
            Row(
                f"{one.major}:{one.minor}",
                (
                    _file_system(one),
                    *_files(one),
                    _at_most(one.sync_p50_us),
                    _at_most(one.sync_p99_us),
                ),
            )
            for one in ranked
        )

    def unix_holders(self, found: tuple[UnixHolding, ...]) -> tuple[Row, ...]:
        ranked = sorted(found, key=lambda one: (-one.sockets, one.pid))[:MOST_ROWS]
        return tuple(
            _of_process(one, str(one.sockets), _count(one.listening), _count(one.unread_messages)) for one in ranked
        )

    def _call(self, number: int | None) -> str:
        if number is None:
            return _tr("32-bit and unknown calls")
        return self._names.get(number) or _tr("call {number}").format(number=number)


def _by_process(found: tuple[Counted, ...]) -> tuple[Counted, ...]:
    """One row a process: what it did as each of several users (setuid programs change theirs) is counted apart."""
    sums: dict[tuple[int, int], Counted] = {}
    for one in found:
        other = sums.setdefault((one.pid, one.start_ns), one)
        if other is not one:
            amounts = (field.name for field in fields(one) if field.name not in _IDENTITY)
            both = {name: getattr(one, name) + getattr(other, name) for name in amounts}
            sums[one.pid, one.start_ns] = replace(one, **both)
    return tuple(sums.values())


def _of_process(one: CallerRates | FileUserRates | UnixHolding, *cells: str) -> Row:
    """Its name, the cells, its pid; what has pid 0 is all those that found no room."""
    who = formats.name(one.comm) if one.pid else _tr("others together")
    return Row(f"{one.pid} {one.start_ns}", (who, *cells, str(one.pid) if one.pid else formats.MISSING))


def _file_system(one: FileSystemRates) -> str:
    """Where it is mounted and its type; by its device's number where it isn't mounted for this user."""
    kind = formats.name(one.type) or _tr("others")
    return f"{formats.apart(formats.name(one.mount))} ({kind})" if one.mount else f"{kind} ({one.major}:{one.minor})"


def _files(one: FileUserRates | FileSystemRates) -> tuple[str, ...]:
    return (
        formats.digits(one.opens_per_s),
        formats.rate(one.read_bps),
        formats.rate(one.write_bps),
        formats.digits(one.syncs_per_s),
    )


def _count(number: int | None) -> str:
    return formats.MISSING if number is None else str(number)


def _at_most(duration_us: float | None) -> str:
    return formats.MISSING if duration_us is None else f"≤{formats.SPACE}{formats.brief(duration_us / 1e6)}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("ActivityRows", text)
