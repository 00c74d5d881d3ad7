"""Promises of `adapters/portal_autostart.py`, on a real bus with a portal that is asked as its document says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.adapters.autostart import AutostartError
from smoothtask_gui.adapters.portal_autostart import PortalAutostart
from smoothtask_gui.adapters.session_bus import SessionBus
from tests.fakes.background_portal import FakeBackgroundPortal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

PATIENCE_S = 60


def play(
    address: str,
    portal: FakeBackgroundPortal | None,
    folder: Path,
    story: Callable[[PortalAutostart], Awaitable[None]],
    patience_s: float = PATIENCE_S,
) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            if portal is not None:
                await portal.serve(address)
            bus = await SessionBus.connect()
            try:
                await story(PortalAutostart(bus, folder, ["smoothtask"], patience_s))
            finally:
                await bus.close()
                if portal is not None:
                    portal.leave()

    asyncio.run(run())


@pytest.mark.parametrize("early", [False, True])
def test_the_desktop_is_asked_and_its_yes_outlives_the_app(address: str, tmp_path: Path, early: bool) -> None:
    portal = FakeBackgroundPortal(early=early)

    async def story(autostart: PortalAutostart) -> None:
        assert not autostart.is_on()
        await autostart.turn(on=True)
        assert PortalAutostart(None, tmp_path, []).is_on()
        await autostart.turn(on=False)
        assert not autostart.is_on()

    play(address, portal, tmp_path, story)
    assert [options["autostart"] for options in portal.asked] == [True, False]
    assert portal.asked[0]["commandline"] == ["smoothtask", "--hidden"]
    assert portal.asked[0]["handle_token"] != portal.asked[1]["handle_token"]


@pytest.mark.parametrize("answer", ["refuse", "call off"])
def test_a_no_is_said_and_nothing_is_kept(address: str, tmp_path: Path, answer: str) -> None:
    async def story(autostart: PortalAutostart) -> None:
        with pytest.raises(AutostartError, match="refused to start SmoothTask"):
            await autostart.turn(on=True)
        assert not autostart.is_on()

    play(address, FakeBackgroundPortal(answer), tmp_path / "config", story)
    assert not (tmp_path / "config").exists()


def test_without_a_portal_that_is_said(address: str, tmp_path: Path) -> None:
    async def story(autostart: PortalAutostart) -> None:
        with pytest.raises(AutostartError, match="its Background portal doesn't answer"):
            await autostart.turn(on=True)

    play(address, None, tmp_path, story)
    with pytest.raises(AutostartError, match="there is no session bus"):
        asyncio.run(PortalAutostart(None, tmp_path, []).turn(on=True))


def test_a_portal_that_never_answers_is_not_waited_for_without_end(address: str, tmp_path: Path) -> None:
    async def story(autostart: PortalAutostart) -> None:
        with pytest.raises(AutostartError, match=r"no answer within 0\.2 s"):
            await autostart.turn(on=True)

    play(address, FakeBackgroundPortal("silence"), tmp_path, story, patience_s=0.2)
