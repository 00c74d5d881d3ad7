"""Control's shipped XML, policy and bus files say what the service does, no more and no less."""

import asyncio
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from helper.bus import errors
from helper.bus.operations import Method
from helper.bus.quotas import CallRate
from helper.bus.serving import Place
from helper.control.deeds import OTHERS, OWN
from helper.control.guards import Guards
from helper.control.service import NAME, PATH, Control
from tests.fakes.bus_daemon import FakeBusConnection

RESOURCES = Path(__file__).parents[2] / "resources"
XML = RESOURCES / "dbus" / f"{NAME}.xml"
POLICY = RESOURCES / "polkit" / f"{NAME}.policy"
NOTHING: Any = None


@pytest.fixture
def control() -> Control:
    bus: Any = FakeBusConnection({})
    return Control(Place(bus, NOTHING, NOTHING, NOTHING), NOTHING, Guards(bus, ()), CallRate(25), XML.read_text())


def declared(direction: str) -> dict[str, str]:
    """Method → its arguments in that direction."""
    return {
        method.get("name", ""): "".join(
            arg.get("type", "") for arg in method.findall("arg") if arg.get("direction") == direction
        )
        for method in ET.parse(XML).findall("./interface/method")
    }


def served(control: Control) -> dict[str, Method]:
    return {member: row for (interface, member), row in control.table.items() if interface == NAME}


def test_every_method_of_the_contract_is_served_with_its_arguments_and_no_other_exists(control: Control) -> None:
    assert {member: row.signature for member, row in served(control).items()} == declared("in")


def test_every_method_needs_authorization(control: Control) -> None:
    assert not any(row.for_everyone for row in served(control).values())
    open_to_all = {key for key, row in control.table.items() if row.for_everyone}
    assert open_to_all == {
        ("org.freedesktop.DBus.Introspectable", "Introspect"), ("org.freedesktop.DBus.Peer", "Ping"),
    }  # fmt: skip


def test_arguments_are_numbers_and_the_name_of_a_unit() -> None:
    """No variants, dictionaries, paths or descriptors from a caller."""
    assert set("".join(declared("in").values())) <= set("uti" + "s")
    assert {member for member, arguments in declared("in").items() if "s" in arguments} == {"LimitUnit"}


def test_every_property_of_the_contract_is_served_with_its_type(control: Control) -> None:
    properties = {entry.get("name"): entry.get("type") for entry in ET.parse(XML).findall("./interface/property")}
    assert {name: read().signature for name, read in control.readers.items()} == properties


def test_introspection_returns_the_file_itself(control: Control) -> None:
    async def introspected() -> str:
        row = control.table["org.freedesktop.DBus.Introspectable", "Introspect"]
        async with row.attempt(NOTHING, ()) as attempt:
            return (await attempt.act()).body[0]

    assert asyncio.run(introspected()) == XML.read_text()
    assert ET.parse(XML).getroot().get("name") == PATH


def test_the_documented_errors_are_those_in_use() -> None:
    named = {line.split()[0] for line in XML.read_text().splitlines() if "io.github.smoothtask.Error." in line}
    used = {
        errors.NOT_AUTHORIZED, errors.INVALID_ARGUMENT, errors.LIMITS_EXCEEDED, errors.GONE, errors.CHANGED,
        errors.PROTECTED, errors.NOT_POSSIBLE, errors.UNAVAILABLE,
    }  # fmt: skip
    assert named == used


def actions() -> dict[str, ET.Element]:
    return {action.get("id", ""): action for action in ET.parse(POLICY).findall("action")}


def test_every_action_in_use_has_its_policy_with_the_defaults_of_the_security_rules() -> None:
    defaults = {
        name: tuple(action.findtext(f"defaults/allow_{who}") for who in ("any", "inactive", "active"))
        for name, action in actions().items()
    }
    assert defaults == {OWN: ("no", "no", "yes"), OTHERS: ("auth_admin", "no", "auth_admin")}


def test_only_root_may_ask_polkit_with_details_so_no_action_names_another_owner() -> None:
    assert not [entry for action in actions().values() for entry in action.findall("annotate")]


def test_the_prompt_names_what_pid_owner_and_program_in_every_language() -> None:
    messages = {
        (name, message.get("{http://www.w3.org/XML/1998/namespace}lang")): message.text or ""
        for name, action in actions().items()
        for message in action.findall("message")
    }
    assert {language for _, language in messages} == {None, "de", "ru"}
    for (name, _), message in messages.items():
        wanted = ["operation", "pid", "executable"] + (["owner"] if name == OTHERS else [])
        assert all(f"$({field})" in message for field in wanted), message


def test_no_rules_are_shipped() -> None:
    assert not list(RESOURCES.rglob("*.rules"))
