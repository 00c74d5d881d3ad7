"""The shipped XML is the contract: every method has its row in the table, and what the service exports is that file."""

import asyncio
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from dbus_fast import Variant

from helper.bus.operations import Method
from helper.bus.quotas import Limits
from helper.loaders.choice import Choice
from helper.sampler import service
from helper.sampler.assembly import assemble
from helper.sampler.revocation import Recheck
from helper.version import VERSION

ROOT = Path(__file__).parents[2]
XML = ROOT / "resources" / "dbus" / "io.github.smoothtask.Sampler1.xml"
POLICY = ROOT / "resources" / "polkit" / "io.github.smoothtask.Sampler1.policy"


Exported = tuple[dict[tuple[str, str], Method], dict[str, Callable[[], Variant]], str]


async def nobody_asks(_caller: str) -> None:
    raise AssertionError("no stream is open")


@pytest.fixture
def table() -> Exported:
    async def build() -> Exported:
        parts = assemble(ROOT / "build" / "bpf", ROOT / "bpf" / "bcc", Choice("core", "as a test says"))
        sampler = service.Sampler(parts, Limits(), XML.read_text(), Recheck(nobody_asks))
        operations, readers = sampler.table, sampler.readers
        introspected = await operations["org.freedesktop.DBus.Introspectable", "Introspect"].act(None, ())
        sampler.close()
        return operations, readers, introspected.body[0]

    return asyncio.run(build())


def test_every_method_of_the_contract_has_its_authorization_and_no_other_exists(table: Exported) -> None:
    operations, _, _ = table
    for interface in ET.parse(XML).findall("interface"):
        declared = {
            method.get("name"): "".join(
                arg.get("type") for arg in method.findall("arg") if arg.get("direction") == "in"
            )
            for method in interface.findall("method")
        }
        served = {member: row for (name, member), row in operations.items() if name == interface.get("name")}
        assert {member: row.signature for member, row in served.items()} == declared
        assert not any(row.for_everyone for row in served.values())


def test_every_property_of_the_contract_is_served_with_its_type(table: Exported) -> None:
    _, readers, _ = table
    declared = {entry.get("name"): entry.get("type") for entry in ET.parse(XML).findall("./interface/property")}
    assert readers.keys() == declared.keys()
    assert {name: read().signature for name, read in readers.items()} == declared


def test_introspection_returns_the_file_itself(table: Exported) -> None:
    assert table[2] == XML.read_text()


def test_every_action_in_use_has_its_policy_and_names_the_service_user_as_owner() -> None:
    actions = {action.get("id"): action for action in ET.parse(POLICY).findall("action")}
    assert actions.keys() == {service.MONITOR, service.MONITOR_OTHERS}
    for action in actions.values():
        owners = [
            entry.text for entry in action.findall("annotate") if entry.get("key") == "org.freedesktop.policykit.owner"
        ]
        assert owners == ["unix-user:smoothtask"]


def test_the_defaults_of_the_policy_are_those_of_the_security_rules() -> None:
    defaults = {
        action.get("id"): tuple(
            action.find("defaults").find(f"allow_{who}").text for who in ("any", "inactive", "active")
        )
        for action in ET.parse(POLICY).findall("action")
    }
    assert defaults == {
        service.MONITOR: ("no", "no", "yes"),
        service.MONITOR_OTHERS: ("auth_admin", "no", "auth_admin_keep"),
    }


def test_the_version_is_that_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package["version"] == VERSION
