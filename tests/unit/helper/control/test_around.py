"""What surrounds Control's actions: what is guarded, who may ask from where, units, its own rights and options."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, Variant

from helper.bus import errors
from helper.bus.authority import Patience
from helper.bus.errors import Refusal
from helper.bus.operations import Caller
from helper.control import namespaces, privileges, units
from helper.control.__main__ import options_from
from helper.control.guards import Guards
from helper.control.service import ACTIONS_WINDOW_S
from helper.control.targets import Target
from helper.control.units import NO_LIMIT, Limits, Units
from tests.fakes.bus_daemon import BusError, FakeBusConnection, owners
from tests.fakes.processes import TICK_NS, sleeping, start_ns, write_process

ALICE = Caller(":1.1", 1000)
NAMES = (
    "org.freedesktop.DBus", "org.freedesktop.PolicyKit1", "org.freedesktop.login1", "org.freedesktop.systemd1",
    "io.github.smoothtask.Sampler1",
)  # fmt: skip


def refusal_of(work: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        asyncio.run(work)
    return refusal.value


def guards(pids: dict[str, int], proc: Path = Path("/proc"), own: tuple[int, ...] = ()) -> Guards:
    bus: Any = FakeBusConnection({"GetConnectionUnixProcessID": owners(pids)})
    return Guards(bus, own, proc)


@pytest.mark.parametrize("name", NAMES)
def test_who_owns_a_name_that_the_machine_lives_by_is_guarded(name: str) -> None:
    with sleeping() as process:
        target = Target(process.pid, start_ns(process.pid))
        asyncio.run(guards({name: process.pid + 1}).refuse_guarded(target))
        assert refusal_of(guards({name: process.pid}).refuse_guarded(target)).name == errors.PROTECTED
        target.close()


def test_control_and_its_keeper_are_guarded() -> None:
    with sleeping() as process:
        target = Target(process.pid, start_ns(process.pid))
        assert "Control" in refusal_of(guards({}, own=(4, process.pid)).refuse_guarded(target)).text
        target.close()


@pytest.mark.parametrize("comm", ["Xorg", "Xwayland", "gnome-shell", "kwin_wayland", "sway", "gamescope-wl"])
def test_display_servers_are_guarded_by_the_name_of_their_program(tmp_path: Path, comm: str) -> None:
    with sleeping() as process:
        write_process(tmp_path, process.pid, comm=comm)
        target = Target(process.pid, 500 * TICK_NS, tmp_path)
        assert "display server" in refusal_of(guards({}, tmp_path).refuse_guarded(target)).text
        target.close()


def test_if_the_bus_doesnt_say_who_is_who_nothing_is_touched() -> None:
    def silent(_message: Message) -> tuple[str, list[Any]]:
        raise BusError("org.freedesktop.DBus.Error.LimitsExceeded")

    bus: Any = FakeBusConnection({"GetConnectionUnixProcessID": silent})
    with sleeping() as process:
        target = Target(process.pid, start_ns(process.pid))
        assert refusal_of(Guards(bus, ()).refuse_guarded(target)).name == errors.UNAVAILABLE
        target.close()


def admitted(tmp_path: Path, pids: dict[str, int], status: str) -> Any:
    (tmp_path / "77").mkdir()
    (tmp_path / "77" / "status").write_text(status)
    bus: Any = FakeBusConnection({"GetConnectionUnixProcessID": owners(pids)})
    return namespaces.expect_machine_numbers(bus, ALICE, tmp_path)


@pytest.mark.parametrize("status", ["Name:\tx\nNSpid:\t77\n", "Name:\tx\n"])
def test_a_caller_that_sees_the_machines_numbers_is_heard(tmp_path: Path, status: str) -> None:
    asyncio.run(admitted(tmp_path, {ALICE.name: 77}, status))


@pytest.mark.parametrize("status", ["NSpid:\t77\t5\n", "Name:\tx\nNSpid:\t77\t5\t1\n"])
def test_a_caller_in_a_container_is_told_to_ask_from_outside(tmp_path: Path, status: str) -> None:
    refusal = refusal_of(admitted(tmp_path, {ALICE.name: 77}, status))
    assert refusal.name == errors.NOT_POSSIBLE
    assert "container" in refusal.text


@pytest.mark.parametrize("pids", [{}, {ALICE.name: 0}, {ALICE.name: 78}])
def test_a_caller_whose_numbers_cant_be_told_is_refused(tmp_path: Path, pids: dict[str, int]) -> None:
    assert refusal_of(admitted(tmp_path, pids, "NSpid:\t77\n")).name == errors.NOT_POSSIBLE


class FakeSystemd:
    """One unit, as org.freedesktop.systemd1 tells of it; keeps what was set."""

    def __init__(self, cgroup: str = "/system.slice/cron.service") -> None:
        self.properties = {
            "Id": Variant("s", "cron.service"), "InvocationID": Variant("ay", b"1" * 16),
            "ControlGroup": Variant("s", cgroup), "CPUWeight": Variant("t", NO_LIMIT),
            "CPUQuotaPerSecUSec": Variant("t", 500_000),
        }  # fmt: skip
        self.set: list[list[Any]] = []
        self.bus = FakeBusConnection(
            {
                "GetConnectionUnixProcessID": owners({}),
                "GetUnit": self.find,
                "Get": lambda message: ("v", [self.properties[message.body[1]]]),
                "SetUnitProperties": self.take,
            }
        )

    def find(self, message: Message) -> tuple[str, list[Any]]:
        if message.body[0] not in {"cron.service", "crond.service"}:
            raise BusError("org.freedesktop.systemd1.NoSuchUnit")
        return "o", ["/org/freedesktop/systemd1/unit/cron_2eservice"]

    def take(self, message: Message) -> tuple[str, list[Any]]:
        self.set.append(message.body)
        return "", []


def units_of(systemd: FakeSystemd, proc: Path) -> Units:
    bus: Any = systemd.bus
    return Units(bus, Guards(bus, (), proc))


def test_a_limit_goes_to_systemd_for_this_boot_only(tmp_path: Path) -> None:
    systemd = FakeSystemd()

    async def story() -> None:
        limited = units_of(systemd, tmp_path)
        unit = await limited.find("crond.service")
        assert unit.limits == Limits(NO_LIMIT, 500_000)
        await limited.limit(unit, Limits(50, 0))
        await limited.limit(unit, Limits(0, NO_LIMIT))

    asyncio.run(story())
    assert systemd.set == [
        ["cron.service", True, [["CPUWeight", Variant("t", 50)]]],
        ["cron.service", True, [["CPUQuotaPerSecUSec", Variant("t", NO_LIMIT)]]],
    ]


def test_a_unit_that_was_started_anew_meanwhile_is_left_alone(tmp_path: Path) -> None:
    systemd = FakeSystemd()

    async def story() -> None:
        limited = units_of(systemd, tmp_path)
        unit = await limited.find("cron.service")
        systemd.properties["InvocationID"] = Variant("ay", b"2" * 16)
        await limited.limit(unit, Limits(50, 0))

    assert refusal_of(story()).name == errors.CHANGED
    assert systemd.set == []


@pytest.mark.parametrize(
    ("cgroup", "error"),
    [("", errors.GONE), ("/system.slice", errors.PROTECTED), ("/", errors.PROTECTED),
     ("/system.slice/display.service", errors.PROTECTED)],
)  # fmt: skip
@pytest.mark.parametrize(
    "lines",
    [
        "0::/system.slice/display.service\n",
        "1:name=systemd:/system.slice/display.service\n0::/\n",
        "1:name=systemd:/system.slice/display.service\n",
        "4:cpu:/x\n1:name=systemd:/\n0::/system.slice/display.service\n",  # a version 1 that nobody uses
    ],
)
def test_units_that_dont_run_or_hold_something_guarded_are_refused(
    tmp_path: Path, cgroup: str, error: str, lines: str
) -> None:
    write_process(tmp_path, 70, comm="Xorg")
    (tmp_path / "70" / "cgroup").write_text(lines)
    assert refusal_of(units_of(FakeSystemd(cgroup), tmp_path).find("cron.service")).name == error


def test_a_unit_whose_name_begins_alike_is_another(tmp_path: Path) -> None:
    write_process(tmp_path, 70, comm="Xorg")
    (tmp_path / "70" / "cgroup").write_text("0::/system.slice/display.service\n")
    unit = asyncio.run(units_of(FakeSystemd("/system.slice/display"), tmp_path).find("cron.service"))
    assert unit.cgroup == "/system.slice/display"


def test_a_unit_that_systemd_doesnt_know_is_gone(tmp_path: Path) -> None:
    assert refusal_of(units_of(FakeSystemd(), tmp_path).find("nope.service")).name == errors.GONE


def test_an_answer_that_makes_no_sense_is_a_refusal(tmp_path: Path) -> None:
    systemd = FakeSystemd()
    systemd.properties["CPUWeight"] = Variant("s", "much")
    assert refusal_of(units_of(systemd, tmp_path).find("cron.service")).name == errors.UNAVAILABLE


BAD_UNITS = (
    "", "cron", "cron.timer", "a/b.service", "../x.service", "x .service", "x.service\n", "ж.service",
    "x" * 250 + ".scope", ".service", "a\0.slice",
)  # fmt: skip


@pytest.mark.parametrize("name", BAD_UNITS)
def test_what_isnt_the_name_of_a_unit_never_reaches_systemd(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        units.check(name, Limits(50, 0))
    assert refusal.value.name == errors.INVALID_ARGUMENT


@pytest.mark.parametrize("name", ["system.slice", "-.slice", "dbus.service", "smoothtask-control.service"])
def test_units_that_the_machine_lives_by_are_refused_by_name_too(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        units.check(name, Limits(50, 0))
    assert refusal.value.name == errors.PROTECTED


@pytest.mark.parametrize("name", ["cron.service", "user-1000.slice", "session-3.scope", r"dev-sda\x2d1@2.service"])
def test_names_of_units_pass(name: str) -> None:
    units.check(name, Limits(0, 10_000))


@pytest.mark.parametrize(
    "wanted", [(0, 0), (10_001, 0), (0, 9_999), (0, 10_000_000_001), (2**64 - 2, 0), (0, 2**64 - 2)]
)
def test_limits_out_of_bounds_are_refused(wanted: tuple[int, int]) -> None:
    with pytest.raises(Refusal, match="cpu_") as refusal:
        units.check("cron.service", Limits(*wanted))
    assert refusal.value.name == errors.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("effective", "permitted", "complaint"),
    [
        (0x800020, 0x800020, ""),
        (0x1FF_FFFF_FFFF, 0x800020, "more"),
        (0x800020, 0x800021, "more"),
        (0x20, 0x20, "lacks"),
    ],
)
def test_control_lives_with_exactly_two_capabilities(
    tmp_path: Path, effective: int, permitted: int, complaint: str
) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapPrm:\t{permitted:016x}\nCapEff:\t{effective:016x}\n")
    reason = privileges.why_unfit(status)
    assert complaint in reason
    assert bool(reason) == bool(complaint)


def test_without_options_control_has_the_bounds_of_the_security_rules() -> None:
    options = options_from([])
    assert options.patience == Patience(silent_s=5, prompt_s=120)
    assert options.idle_s == 60
    assert (options.most_actions, ACTIONS_WINDOW_S) == (25, 20)
    assert options.interface_file.exists()


@pytest.mark.parametrize("words", [["--idle-seconds"], ["--nope", "1"], ["--idle-seconds", "soon"]])
def test_what_makes_no_sense_on_the_command_line_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"usage|could not convert"):
        options_from(words)
