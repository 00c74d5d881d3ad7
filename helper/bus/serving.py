"""The life of a service on the system bus: takes its name, serves until idle, told to end, or the bus is gone.

Exit codes: 0 idle or told to end; 1 the bus can't be reached, was lost, or somebody else owns the name. A service that
stayed alive without its connection would be deaf for ever, so it ends.
"""

import asyncio
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from dbus_fast import AuthError, InvalidAddressError
from dbus_fast.aio import MessageBus

from helper.bus import connection, journal
from helper.bus.authority import Authority, Patience
from helper.bus.callers import Callers
from helper.bus.dispatch import Dispatcher
from helper.bus.operations import Table
from helper.bus.quotas import Limits
from helper.bus.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered under which name, and within which bounds."""

    name: str
    path: str
    idle_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service lives: what it is constructed with. `end` asks the process to end in good order."""

    bus: MessageBus
    callers: Callers
    authority: Authority
    end: Callable[[], None]


class Service(Protocol):
    """The service, apart from its connection."""

    @property
    def table(self) -> Table: ...

    @property
    def idle_since_s(self) -> float:
        """When it was last needed, by the monotonic clock."""

    def is_needed(self) -> bool:
        """Whether somebody holds something (a stream, a lease) that ends with the service."""

    async def chores(self) -> None:
        """What it does beside answering; cancelled at the end."""

    def close(self) -> None:
        """Gives everything back."""


async def serve(offer: Offer, build: Callable[[Place], Service]) -> int:
    """Connects, builds the service (OSError: its package is incomplete), serves; returns the exit code."""
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
    place = Place(bus, Callers(bus), Authority(bus, offer.patience), told_to_end.set)
    try:
        service = build(place)
    except OSError as error:
        journal.write(f"the package is incomplete: {error}; reinstall it")
        return 1
    return await _serve(offer, place, service, told_to_end)


async def _serve(offer: Offer, place: Place, service: Service, told_to_end: asyncio.Event) -> int:
    loop = asyncio.get_running_loop()
    bus = place.bus
    dispatcher = Dispatcher(
        bus, place.callers, place.authority, limits=offer.limits, path=offer.path, table=service.table
    )
    bus.add_message_handler(dispatcher.receive)
    try:
        await place.callers.watch()
    except connection.CallFailed as failure:
        journal.write(f"the bus won't tell when callers leave: {failure}")
        return 1
    if not await connection.own_name(bus, offer.name):
        journal.write(f"{offer.name} is owned by another process already")
        return 1
    Watchdog.from_environment().start()
    lost = loop.create_task(_until_lost(bus))
    chores = loop.create_task(service.chores())
    idle = loop.create_task(_until_idle(bus, dispatcher, service, offer))
    ending = loop.create_task(told_to_end.wait())
    await asyncio.wait({lost, idle, ending}, return_when=asyncio.FIRST_COMPLETED)
    chores.cancel()
    service.close()
    if lost.done():
        journal.write("the connection to the system bus is lost")
        return 1
    return 0


async def _until_lost(bus: MessageBus) -> None:
    try:
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast has no annotation here
    except (OSError, EOFError) as error:
        journal.write(f"the bus connection broke: {error}")


async def _until_idle(bus: MessageBus, dispatcher: Dispatcher, service: Service, offer: Offer) -> None:
    """Returns when the service wasn't needed for `idle_s` seconds and the name is given up.

    A call that arrives while the name is being given up is still answered; if the service is needed then, the name is
    taken back.
    """
    while True:
        rest_s = service.idle_since_s + offer.idle_s - time.monotonic()
        if service.is_needed() or dispatcher.busy() or rest_s > 0:
            await asyncio.sleep(max(rest_s, offer.idle_s / 4))
            continue
        await connection.give_name_up(bus, offer.name)
        await dispatcher.settled()
        if not service.is_needed():
            return
        await connection.own_name(bus, offer.name)


def _write_to_journal(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The one crash handler: what nobody caught goes to the journal, the service goes on."""
    fault = context.get("exception")
    places = traceback.extract_tb(fault.__traceback__) if fault is not None else []
    path = " < ".join(f"{place.filename}:{place.lineno}" for place in reversed(places))
    journal.write(f"{context.get('message')}: {fault!r} at {path or 'an unknown place'}")
