"""Debian guests under emulation, side by side, each with a kernel of its own.

The tests of a guest have one of pytest-xdist's workers to themselves, and run in the order of their files' names:
test_upgrade.py takes the packages away at the end.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.contract.layout import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

SENT = ("helper", "smoothtask_gui", "resources", "build/bpf", "tests/vm/inside", "tests/bus/agent.py")
PLACE = "/opt/smoothtask"
PYTHON = f"env -C {PLACE} PYTHONPYCACHEPREFIX=/var/tmp/st-bytecode python3"
"""With the checkout's modules. Whoever is first keeps what they were compiled to: emulated, that takes seconds."""


def tool(name: str, folder: Path = ROOT / "packaging" / "dev") -> Any:
    """A module of the tools in `folder`, which aren't a package."""
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[0]


IMAGES = tool("vm.images")
LIFE = tool("vm.guest").LIFE


@dataclass(frozen=True, slots=True)
class Machine:
    """A guest that runs, with the checkout in PLACE; `name` is debian12, debian13, or newest (with a newer kernel)."""

    name: str
    guest: Any
    told: dict[str, Any] = field(default_factory=dict)

    def told_once(self, script: str) -> Any:
        """What a script of tests/vm/inside says, for several tests that look at it."""
        if script not in self.told:
            self.told[script] = self.inside(script)
        return self.told[script]

    def inside(self, script: str, *arguments: str) -> Any:
        """What a script of tests/vm/inside says, as JSON."""
        return json.loads(self.guest.run(*self._words(script), *arguments))

    def begin(self, script: str) -> subprocess.Popen[str]:
        started: subprocess.Popen[str] = self.guest.begin(*self._words(script))
        return started

    def sh(self, script: str) -> str:
        said: str = self.guest.run("sh", "-euc", script)
        return said

    def _words(self, script: str) -> tuple[str, ...]:
        return (*PYTHON.split(), "-m", f"tests.vm.inside.{script}")


def guest_of(item: Any) -> str:
    """Empty for a test that needs none."""
    return str(item.callspec.params["machine"]) if "machine" in getattr(item, "fixturenames", ()) else ""


class ByGuest(LoadScopeScheduling):
    """The scope is the guest (loadgroup's marks say so too, but not with pytest 9: it ignores the names they make)."""

    def _split_scope(self, nodeid: str) -> str:
        parameters = nodeid.rpartition("[")[2]
        return next((guest for guest in IMAGES.GUESTS if guest in parameters), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGuest:
    return ByGuest(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        for folder in IMAGES.GUESTS.values():
            (folder / LIFE).unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How each guest was started, why so, and what it cost."""
    for name, folder in IMAGES.GUESTS.items():
        told = (folder / LIFE).read_text().splitlines() if (folder / LIFE).exists() else []
        terminalreporter.write("".join(f"{name}: {line}\n" for line in told))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """One guest after another; pytest's own order goes by numbers, which differ where a test runs in some only."""
    guests = list(IMAGES.GUESTS)
    places = [place for place, item in enumerate(items) if guest_of(item)]
    ours = sorted((items[place] for place in places), key=lambda item: guests.index(guest_of(item)))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


@pytest.fixture(scope="session", params=list(IMAGES.GUESTS))
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    name = request.param
    guest = tool("vm.guest").Guest(IMAGES.GUESTS[name], IMAGES.KEY, IMAGES.ACPI_TABLE, IMAGES.CPUS[name])
    try:
        guest.start()
        guest.run("install", "-d", "-m", "1777", "/var/tmp/st-bytecode")
        guest.send(ROOT, SENT, PLACE)
        yield Machine(name, guest)
    finally:
        guest.stop()


@contextmanager
def all_processors(machine: Machine) -> Iterator[None]:
    """All that the guest has are on; otherwise only the first is, as an emulated second one costs a third more."""
    switch = "for switch in /sys/devices/system/cpu/cpu[1-9]*/online; do [ ! -e $switch ] || echo {} >$switch; done"
    machine.sh(switch.format(1))
    assert int(machine.sh("nproc")) == IMAGES.CPUS[machine.name]
    yield
    machine.sh(switch.format(0))


@pytest.fixture(scope="module")
def every_processor(machine: Machine) -> Iterator[None]:
    with all_processors(machine):
        yield


@pytest.fixture(autouse=True)
def asked_anew(request: pytest.FixtureRequest) -> None:
    """What was told once is asked again where a failed test is tried again (pytest-rerunfailures counts them)."""
    if getattr(request.node, "execution_count", 1) > 1:
        request.getfixturevalue("machine").told.clear()


@pytest.fixture(scope="session")
def installed(machine: Machine) -> Machine:
    """The same, with the packages that are for its release; what was there before is kept in /opt."""
    from tests.vm.packages import ACCOUNTS, EVERY_FILE, install, send

    send(machine)
    machine.sh(f"({EVERY_FILE}) >/opt/files-before; ({ACCOUNTS}) >/opt/accounts-before")
    install(machine)
    return machine


@pytest.fixture(scope="session")
def watched(installed: Machine) -> Iterator[Machine]:
    """The same, with alice's desktop and the app in it."""
    from tests.vm.desktop import desktop

    with desktop(installed):
        yield installed
