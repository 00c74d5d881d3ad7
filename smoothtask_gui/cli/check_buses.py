"""The doctor on both buses: helper and its probes, polkit, session, notifications, tray."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.bus import BusError, Peer, activatable, call, connect, get_properties, has_owner
from smoothtask_gui.adapters.control_client import CONTROL
from smoothtask_gui.adapters.sampler_client import SAMPLER, SamplerClient, SamplerFacts
from smoothtask_gui.cli.checks import Row, failed, ok, warning
from smoothtask_gui.cli.plain import shown_byte_range, shown_bytes
from smoothtask_gui.domain.own_cost import map_bytes
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.helper_stream import KINDS
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.records import STREAM_VERSION

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

    from smoothtask_gui.domain.own_cost import ProbeCost

NOTIFICATIONS: Final = Peer(
    "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications"
)
WATCHER: Final = Peer("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher")
LOGIN: Final = Peer("org.freedesktop.login1", "/org/freedesktop/login1/session/auto", "org.freedesktop.login1.Session")
POLKIT: Final = "org.freedesktop.PolicyKit1"
LOADING_S: Final = 3.0
"""Probes load in tens of milliseconds; a verifier on a slow machine may need a second."""
POLL_S: Final = 0.05
NOT_THERE: Final = "(step: hardware"
"""In a probe's reason: the machine lacks what it would read, so nothing is wrong."""
_WITHOUT: Final = "SmoothTask works without it on /proc and sees less."


async def helper(own_version: str) -> list[Row]:
    """Whether the helper can be started, lets this user in, fits this version, and what its probes say."""
    try:
        bus = await connect(system=True)
    except BusError as error:
        return [warning("helper", str(error), f"Start the system bus (dbus.service). {_WITHOUT}")]
    try:
        rows = [await _polkit(bus), await _session(bus)]
        if not (await has_owner(bus, SAMPLER.name) or await activatable(bus, SAMPLER.name)):
            return [*rows, warning("helper", "the helper is not installed", f"Install smoothtask-helper. {_WITHOUT}")]
        return [*rows, await _control(bus), *await _sampler(own_version)]
    except BusError as error:
        return [failed("helper", str(error), _WITHOUT)]
    finally:
        bus.disconnect()


async def _control(bus: MessageBus) -> Row:
    if await has_owner(bus, CONTROL.name) or await activatable(bus, CONTROL.name):
        return ok("control", "what isn't yours can be acted upon, with an administrator's password")
    return warning("control", "only your own processes can be acted upon", "Install smoothtask-helper of this version.")


async def _polkit(bus: MessageBus) -> Row:
    if await has_owner(bus, POLKIT) or await activatable(bus, POLKIT):
        return ok("polkit", "polkit is there to authorize the helper's callers")
    return warning("polkit", "polkit is not there: the helper refuses everyone", "Install polkitd.")


async def _session(bus: MessageBus) -> Row:
    try:
        session = await get_properties(bus, LOGIN)
    except BusError:
        return warning(
            "session",
            "this is no login session, or logind does not know it: the helper may refuse",
            "If it does, log in at the computer's own screen.",
        )
    if session.get("Active") and not session.get("Remote"):
        return ok("session", "this login session is active and local")
    return warning(
        "session", "this login session is remote or in the background", "The helper lets only the active user in."
    )


async def _sampler(own_version: str) -> list[Row]:
    client = SamplerClient()
    try:
        facts = await facts_while_running(client)
    except SourceError as error:
        return [failed("helper", str(error), _WITHOUT)]
    finally:
        await client.close()
    rows = [ok("helper", f"version {facts.version}, loader {facts.loader}; it lets this user in")]
    if facts.stream_version > STREAM_VERSION:
        rows.append(
            failed(
                "stream",
                f"the helper speaks stream version {facts.stream_version}, this app {STREAM_VERSION}",
                "Update SmoothTask.",
            )
        )
    elif own_version not in (facts.version, "unknown"):
        rows.append(
            warning("stream", f"helper {facts.version} and app {own_version} differ; their stream fits", "Update both.")
        )
    rows += [_probe(probe) for probe in facts.probes]
    rows += _memory(facts)
    rows += [_fact(*fact) for fact in facts.kernel_facts]
    return rows


def _fact(name: str, value: str, why: str) -> Row:
    detail = f"{value}: {why}" if why else value
    if name != "loader":
        return ok(f"kernel {name}", detail)
    if value == "core":
        return ok("loader", detail)
    return warning("loader", detail, "A kernel with CONFIG_DEBUG_INFO_BTF shows more.")


async def facts_while_running(client: SamplerClient) -> SamplerFacts:
    """What the sampler says while a stream wants all probes, the opt-in ones too: without one they are off.

    Raises SourceError.
    """
    stream = await client.open_stream(1000, KINDS | sum(ActivityKinds))
    try:
        facts = await client.facts()
        for _ in range(round(LOADING_S / POLL_S)):
            if not any(probe.state in ("off", "loading") for probe in facts.probes):
                break
            await asyncio.sleep(POLL_S)
            facts = await client.facts()
        return facts
    finally:
        os.close(stream)


def _probe(probe: ProbeCost) -> Row:
    check = f"probe {probe.name}"
    if probe.state in {"running", "waiting"}:
        return ok(check, f"{probe.state}: {probe.why}" if probe.why else probe.state)
    if probe.state == "unavailable" and NOT_THERE in probe.why:
        return ok(check, f"{probe.state}: {probe.why}")
    return warning(check, f"{probe.state}: {probe.why}", "The rest works; the helper's journal says more.")


def _memory(facts: SamplerFacts) -> list[Row]:
    """What the maps of running probes take beside what was reckoned before they were loaded."""
    maps = map_bytes(facts.probes)
    if maps is None:
        return []
    kernel, now = shown_bytes(facts.cost.kernel_bytes), shown_bytes(maps.now)
    reckoned = shown_byte_range(maps.reckoned_empty, maps.reckoned_full)
    return [ok("kernel memory", f"{kernel} with all probes loaded; {now} of it maps, reckoned at {reckoned}")]


async def desktop() -> list[Row]:
    """Whether notifications and a tray are there."""
    try:
        bus = await connect(system=False)
    except BusError as error:
        return [
            warning(
                "notifications", f"none without a session bus: {error}", "Start SmoothTask from a desktop session."
            ),
            warning("tray", "none without a session bus", "The window works without a tray."),
        ]
    try:
        return [await _notifications(bus), await _tray(bus)]
    finally:
        bus.disconnect()


async def _notifications(bus: MessageBus) -> Row:
    try:
        if not (await has_owner(bus, NOTIFICATIONS.name) or await activatable(bus, NOTIFICATIONS.name)):
            return warning(
                "notifications", "no notification service is running", "Start one (for example dunst or xfce4-notifyd)."
            )
        server = (await call(bus, NOTIFICATIONS, "GetServerInformation")).body
        able = (await call(bus, NOTIFICATIONS, "GetCapabilities")).body[0]
    except BusError as error:
        return warning("notifications", str(error), "Restart the notification service.")
    name = f"{server[0]} {server[2]}"
    if "actions" not in able:
        return warning("notifications", f"{name} shows no buttons", "Act from the window instead.")
    return ok("notifications", f"{name} shows buttons")


async def _tray(bus: MessageBus) -> Row:
    try:
        if not await has_owner(bus, WATCHER.name):
            return warning(
                "tray", "no panel shows tray icons", "GNOME needs the AppIndicator extension; the window works without."
            )
        if not (await get_properties(bus, WATCHER)).get("IsStatusNotifierHostRegistered"):
            return warning("tray", "a tray service runs, but no panel shows its icons", "The window works without.")
    except BusError as error:
        return warning("tray", str(error), "The window works without a tray.")
    return ok("tray", "a panel shows tray icons")
