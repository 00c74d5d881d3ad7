"""The sampler process: builds its parts, serves until idle, told to end, or the bus is gone.

The only place that constructs. Exit codes: 0 idle or told to end; 1 the bus can't be reached, was lost, or somebody
else owns the name.
"""

import asyncio
import functools
import signal
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import AuthError, InvalidAddressError
from dbus_fast.aio import MessageBus

from helper.bus import connection, journal
from helper.bus.authority import Authority, Patience
from helper.bus.callers import Callers
from helper.bus.dispatch import Dispatcher
from helper.bus.quotas import Limits
from helper.loaders.choice import choose
from helper.sampler import revocation, service
from helper.sampler.assembly import assemble
from helper.sampler.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Options:
    """`object_dir`: the built BPF objects; `bcc_dir`: sources for BCC; `interface_file`: what introspection returns."""

    object_dir: Path
    bcc_dir: Path
    interface_file: Path
    loader: str = "auto"
    idle_s: float = 60.0
    recheck_s: float = revocation.EVERY_S
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)


async def run(options: Options) -> int:
    """Serves on the system bus; returns the exit code."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_write_to_journal)
    told_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_end.set)
    try:
        bus = await connection.connect()
    except (OSError, AuthError, InvalidAddressError) as error:
        journal.write(f"the system bus can't be reached: {error}; the bus starts this service, people don't")
        return 1
    try:
        sampler = _build_sampler(options)
    except OSError as error:
        journal.write(f"the package is incomplete: {error}; reinstall it")
        return 1
    return await _serve(bus, sampler, options, told_to_end)


async def _serve(bus: MessageBus, sampler: service.Sampler, options: Options, told_to_end: asyncio.Event) -> int:
    loop = asyncio.get_running_loop()
    callers = Callers(bus)
    authority = Authority(bus, options.patience)
    dispatcher = Dispatcher(bus, callers, authority, limits=options.limits, path=service.PATH, table=sampler.table)
    callers.when_one_leaves(sampler.hub.end_all_of)
    bus.add_message_handler(dispatcher.receive)
    try:
        await callers.watch()
    except connection.CallFailed as failure:
        journal.write(f"the bus won't tell when callers leave: {failure}")
        return 1
    if not await connection.own_name(bus, service.NAME):
        journal.write(f"{service.NAME} is owned by another process already")
        return 1
    Watchdog.from_environment().start()
    lost = loop.create_task(_until_lost(bus))
    may_have_streams = functools.partial(authority.require, action=service.MONITOR, may_prompt=False)
    rechecks = loop.create_task(revocation.recheck_for_ever(sampler.hub, may_have_streams, options.recheck_s))
    idle = loop.create_task(_until_idle(bus, dispatcher, sampler, options.idle_s))
    ending = loop.create_task(told_to_end.wait())
    await asyncio.wait({lost, idle, ending}, return_when=asyncio.FIRST_COMPLETED)
    rechecks.cancel()
    sampler.close()
    if lost.done():
        journal.write("the connection to the system bus is lost")
        return 1
    return 0


def _build_sampler(options: Options) -> service.Sampler:
    parts = assemble(options.object_dir, options.bcc_dir, choose(options.loader))
    xml = options.interface_file.read_text(encoding="utf-8")
    return service.Sampler(parts, options.limits, xml)


async def _until_lost(bus: MessageBus) -> None:
    try:
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast has no annotation here
    except (OSError, EOFError) as error:
        journal.write(f"the bus connection broke: {error}")


async def _until_idle(bus: MessageBus, dispatcher: Dispatcher, sampler: service.Sampler, idle_s: float) -> None:
    """Returns when there was no stream for `idle_s` seconds and the name is given up.

    A call that arrives while the name is being given up is still answered; if it opened a stream the name is taken
    back.
    """
    while True:
        rest_s = sampler.idle_since_s + idle_s - time.monotonic()
        if sampler.hub.count() or dispatcher.busy() or rest_s > 0:
            await asyncio.sleep(max(rest_s, idle_s / 4))
            continue
        await connection.give_name_up(bus, service.NAME)
        await dispatcher.settled()
        if not sampler.hub.count():
            return
        await connection.own_name(bus, service.NAME)


def _write_to_journal(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The one crash handler: what nobody caught goes to the journal, the service goes on."""
    fault = context.get("exception")
    places = traceback.extract_tb(fault.__traceback__) if fault is not None else []
    path = " < ".join(f"{place.filename}:{place.lineno}" for place in reversed(places))
    journal.write(f"{context.get('message')}: {fault!r} at {path or 'an unknown place'}")
