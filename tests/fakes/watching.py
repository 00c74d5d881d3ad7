"""Feeding a monitor and reading its effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.effects import Effect, Notify, Record, Withdraw

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.monitor import Monitor
    from tests.fakes.batches import Machine


def run(monitor: Monitor, machine: Machine, ticks: int, seconds: float = 1.0) -> list[Effect]:
    return [effect for _ in range(ticks) for effect in monitor.receive_batch(machine.tick(seconds))]


def told(effects: list[Effect] | tuple[Effect, ...]) -> list[Incident]:
    return [effect.incident for effect in effects if isinstance(effect, Notify)]


def recorded(effects: list[Effect] | tuple[Effect, ...]) -> list[Incident]:
    return [effect.incident for effect in effects if isinstance(effect, Record)]


def withdrawn(effects: list[Effect] | tuple[Effect, ...]) -> list[int]:
    return [effect.incident_id for effect in effects if isinstance(effect, Withdraw)]
