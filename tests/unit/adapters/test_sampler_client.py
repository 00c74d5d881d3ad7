"""The client against a real message bus, with a service that behaves and misbehaves on command."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from dbus_fast import DBusError, Message, MessageFlag, MessageType, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property, method

from smoothtask_gui.adapters.bus import BusError
from smoothtask_gui.adapters.sampler_client import SAMPLER, SamplerClient, translate
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.own_cost import ProbeCost
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.helper_stream import HelperSource
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.records import Kinds
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.stream import FakeHelper, frame, tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


@pytest.fixture
def address() -> Iterator[str]:
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    yield daemon.stdout.readline().strip()
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()


class Sampler(ServiceInterface):
    """The sampler's interface; `refusal` is raised by every method, and `knows` are the kinds of a helper that old."""

    def __init__(self) -> None:
        super().__init__(SAMPLER.interface)
        self.refusal: DBusError | None = None
        self.knows = 2**32 - 1
        self.stream = FakeHelper()
        self.periods: list[tuple[int, int]] = []

    @method()
    async def OpenStream(self, period_ms: "u", kinds: "u") -> "h":  # noqa: F821, N802, UP037 - dbus-fast's signatures
        if self.refusal is not None:
            raise self.refusal
        if kinds & ~self.knows:
            raise DBusError("io.github.smoothtask.Error.InvalidArgument", "kinds has unknown bits.")
        fd = await self.stream.open_stream(period_ms, kinds)
        self.stream.tick(frame((1, tasks({"pid": 5}))))
        return fd

    @method()
    def ChangePeriod(self, stream_id: "t", period_ms: "u"):  # noqa: ANN201, F821, N802, UP037 - as above
        self.periods.append((stream_id, period_ms))

    @dbus_property(access=PropertyAccess.READ)
    def Kinds(self) -> "u":  # noqa: F821, N802, UP037 - as above
        if not self.knows:
            raise DBusError("org.freedesktop.DBus.Error.UnknownProperty", "no such property here")
        return self.knows

    @dbus_property(access=PropertyAccess.READ)
    def Version(self) -> "s":  # noqa: F821, N802, UP037 - as above
        return "9.9.9"

    @dbus_property(access=PropertyAccess.READ)
    def StreamVersion(self) -> "u":  # noqa: F821, N802, UP037 - as above
        return 1

    @dbus_property(access=PropertyAccess.READ)
    def Loader(self) -> "s":  # noqa: F821, N802, UP037 - as above
        return "core"

    @dbus_property(access=PropertyAccess.READ)
    def Probes(self) -> "a(sssttt)":  # noqa: F821, N802, UP037 - as above
        return [["task_snapshot", "running", "", 3, 2**64 - 1, 4096]]

    @dbus_property(access=PropertyAccess.READ)
    def ProbeMemory(self) -> "a(sttt)":  # noqa: F821, N802, UP037 - as above
        return [["task_snapshot", 8192, 8200, 2**64 - 1]]

    @dbus_property(access=PropertyAccess.READ)
    def OwnCost(self) -> "(tttttu)":  # noqa: F821, N802, UP037 - as above
        return [5_000_000, 2**64 - 1, 30_000_000, 65536, 60 * 10**9, 1]

    @dbus_property(access=PropertyAccess.READ)
    def KernelFacts(self) -> "a(sss)":  # noqa: F821, N802, UP037 - as above
        return [["btf", "yes", "can be read"]]


def run(address: str, story: Callable[[SamplerClient, Sampler, MessageBus], Awaitable[None]]) -> None:
    async def play() -> None:
        bus = await MessageBus(bus_address=address, negotiate_unix_fd=True).connect()
        service = Sampler()
        bus.export(SAMPLER.path, service)
        await bus.request_name(SAMPLER.name)
        client = SamplerClient(address)
        try:
            await story(client, service, bus)
        finally:
            await client.close()
            await service.stream.close()
            bus.disconnect()
            await bus.wait_for_disconnect()

    asyncio.run(play())


def test_a_stream_s_descriptor_comes_through_the_bus(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        with socket.socket(fileno=await client.open_stream(500, 15)) as stream:
            assert len(stream.recv(65536)) > 16
        assert service.stream.asked == [(500, 15)]

    run(address, story)


def test_the_helper_source_runs_over_a_real_bus(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        items = HelperSource(client, Surroundings(kind_of)).items(1000)
        batch = await anext(items)
        await items.aclose()
        assert isinstance(batch, Batch)
        assert batch.processes["pid"].tolist() == [5]

    run(address, story)


def test_an_older_helper_is_asked_for_what_both_know_and_the_rest_is_said_to_be_missing(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        service.knows = 15
        items = HelperSource(client, Surroundings(kind_of)).items(1000)
        batch = await anext(items)
        await items.aclose()
        assert isinstance(batch, Batch)
        assert batch.processes["pid"].tolist() == [5]
        assert service.stream.asked == [(1000, 15)]
        assert "update smoothtask-helper" in batch.unavailable["kinds"]

    run(address, story)


def test_nothing_is_called_old_where_the_helper_knows_all_that_is_asked(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        items = HelperSource(client, Surroundings(kind_of)).items(1000)
        batch = await anext(items)
        await items.aclose()
        assert isinstance(batch, Batch)
        assert "kinds" not in batch.unavailable

    run(address, story)


def test_a_helper_too_old_to_say_what_it_knows_is_the_one_to_update(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        service.knows = 0
        with pytest.raises(SourceError) as caught:
            await client.open_stream(1000, 31)
        assert str(caught.value) == (
            "The helper is older than this app (kinds has unknown bits): update the package smoothtask-helper."
        )

    run(address, story)


def test_facts_tell_uncounted_from_zero(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        facts = await client.facts()
        assert (facts.version, facts.stream_version, facts.loader) == ("9.9.9", 1, "core")
        assert facts.probes == (ProbeCost("task_snapshot", "running", "", 3, None, 4096, 8192, 8200, None),)
        cost = facts.cost
        assert (cost.cpu_ns, cost.programs_ns, cost.resident_bytes) == (5_000_000, None, 30_000_000)
        assert (cost.kernel_bytes, cost.uptime_ns, cost.streams) == (65536, 60 * 10**9, 1)
        assert facts.kernel_facts == (("btf", "yes", "can be read"),)
        await client.change_period(7, 250)
        assert service.periods == [(7, 250)]

    run(address, story)


def test_a_prompt_is_allowed_after_a_click_only(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        flags: list[bool] = []

        def watch(message: Message) -> None:
            if message.message_type is MessageType.METHOD_CALL and message.member == "OpenStream":
                flags.append(bool(message.flags & MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION))

        bus.add_message_handler(watch)
        os.close(await client.open_stream(1000, 1))
        os.close(await client.open_stream(1000, 1, interactive=True))
        assert flags == [False, True]

    run(address, story)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("io.github.smoothtask.Error.NotAuthorized", "polkit said no.", "The helper refused: polkit said no. Only"),
        ("io.github.smoothtask.Error.LimitsExceeded", "4 streams", "Close another program"),
        ("io.github.smoothtask.Error.Unavailable", "no BTF", "can't measure here: no BTF."),
        ("io.github.smoothtask.Error.Other", "why {not}", "The helper refused: why {not}."),
        ("org.freedesktop.DBus.Error.Spawn.ChildExited", "exited", "could not be started: exited (journalctl"),
        ("org.freedesktop.DBus.Error.UnknownMethod", "no such method", "update smoothtask and smoothtask-helper to"),
        ("org.freedesktop.DBus.Error.InvalidArgs", "takes 'uuu'", "update smoothtask and smoothtask-helper to"),
    ],
)
def test_an_error_becomes_a_sentence_with_a_way_out(address: str, name: str, text: str, sentence: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        service.refusal = DBusError(name, text)
        with pytest.raises(SourceError) as caught:
            await client.open_stream(1000, 1)
        assert sentence in str(caught.value)

    run(address, story)


def test_a_refusal_of_what_others_do_says_what_a_password_prompt_takes(address: str) -> None:
    async def story(client: SamplerClient, service: Sampler, bus: MessageBus) -> None:
        service.refusal = DBusError("io.github.smoothtask.Error.NotAuthorized", "not allowed (polkit)")
        with pytest.raises(SourceError) as caught:
            await client.open_stream(1000, 1 | Kinds.OTHERS_IN_FULL)
        assert str(caught.value) == (
            "No administrator has agreed. You can ask again; if no password prompt appears, your session isn't the "
            "active local one or lacks a polkit agent. The helper said: not allowed (polkit)."
        )

    run(address, story)


def test_a_helper_that_is_not_installed_is_named_with_its_package(address: str) -> None:
    async def story() -> None:
        client = SamplerClient(address)
        with pytest.raises(SourceError, match="install the package smoothtask-helper"):
            await client.open_stream(1000, 1)
        await client.close()

    asyncio.run(story())


def test_a_bus_that_is_not_there_is_said(tmp_path: object) -> None:
    with pytest.raises(SourceError, match="the system bus can't be reached: No such file or directory"):
        asyncio.run(SamplerClient(f"unix:path={tmp_path}/none").facts())


def test_an_unknown_error_is_passed_on() -> None:
    assert translate(BusError("odd")) == "The helper can't be reached: odd."
