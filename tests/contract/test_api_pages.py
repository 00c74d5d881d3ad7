"""The generated pages of docs/api are those that the source gives; `./dev docs` makes them anew."""

import ast
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.contract.layout import read_constants, read_header

ROOT = Path(__file__).parents[2]


def _tool(name: str) -> ModuleType:
    """A module of packaging/dev; the developer's tools aren't a package."""
    sys.path.insert(0, str(ROOT / "packaging" / "dev"))
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[0]


@pytest.fixture(scope="session")
def api_pages() -> ModuleType:
    return _tool("api_pages")


@pytest.fixture(scope="session")
def python_page() -> ModuleType:
    return _tool("python_page")


def test_the_page_of_the_bus_is_what_the_contracts_say(api_pages: ModuleType) -> None:
    page = (ROOT / "docs" / "api" / "dbus.md").read_text()
    assert page == api_pages.dbus_page(ROOT), "run ./dev docs"
    assert "OpenStream(u period_ms, u kinds) → (h stream)" in page


def test_the_page_of_the_records_has_every_number_and_place_as_the_compiler_lays_them_out(
    api_pages: ModuleType,
) -> None:
    page = (ROOT / "docs" / "api" / "records.md").read_text()
    assert page == api_pages.records_page(ROOT), "run ./dev docs"
    for name, number in read_constants().items():
        assert f"| `{name}` | {number} |" in page
    tables = dict(re.findall(r"^### `(\w+)`: (.*?)(?=^### |\Z)", page, re.DOTALL | re.MULTILINE))
    for name, layout in read_header().items():
        assert tables[name].startswith(f"{layout.size} bytes\n")
        rows = re.findall(r"^\| (\d+) \| `[^`]+` \| `(\w+)` \|", tables[name], re.MULTILINE)
        assert rows == [(str(place.offset), member) for member, place in layout.members.items()], name


@pytest.mark.parametrize("room", ["domain", "sources", "adapters"])
def test_no_public_name_is_missing_in_the_page_of_the_python_api(python_page: ModuleType, room: str) -> None:
    modules = (ROOT / "docs" / "api" / "python.md").read_text().split("\n### ")
    listed = {entry.partition("`\n")[0].removeprefix("`"): entry for entry in modules}
    for path in (ROOT / "smoothtask_gui" / room).rglob("*.py"):
        if path.name == "__init__.py":
            continue
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert dotted in listed, "run ./dev docs"
        for name in python_page.public_names(ast.parse(path.read_text())):
            row = rf"^- `((async )?def |class )?{name}\b"
            assert re.search(row, listed[dotted], re.MULTILINE), f"{dotted}.{name}: run ./dev docs"


def test_the_page_of_the_python_api_tells_columns_with_their_units_and_errors(python_page: ModuleType) -> None:
    page = python_page.python_page(ROOT)
    assert "\n  - `rss_bytes: 'u8'`" in page
    assert "\n  - `start_ns: 'u8'`: boot time; with pid it is the identity\n" in page
    assert re.search(r"^- `def condition\(text: str\).*Raises ExpressionError\.$", page, re.MULTILINE)


def test_every_link_of_the_pages_leads_somewhere() -> None:
    for name in ("dbus.md", "records.md", "python.md", "stream-format.md", "recording-format.md", "compatibility.md"):
        page = ROOT / "docs" / "api" / name
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).resolve().exists(), (name, target)
