"""The generated pages of docs/api: bus interfaces (resources/dbus/*.xml), records (bpf/records.h), Python API (source).

The source is read, not imported (ast): making the pages needs nothing but the standard library, and a module's
optional imports don't matter. A public name without a docstring is listed with its signature alone.
"""

import ast
import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from records_page import MADE, records_page

ROOMS = ("domain", "sources", "adapters")
"""The parts of smoothtask_gui that other modules and programs may use; the rest is the app itself."""


def pages(top: Path) -> dict[str, str]:
    """File name in docs/api → text."""
    return {"dbus.md": dbus_page(top), "records.md": records_page(top), "python.md": python_page(top)}


def dbus_page(top: Path) -> str:
    """Every interface of resources/dbus, in the words of its own comments."""
    says = "What the files of [`resources/dbus`](../../resources/dbus) say, which are the contract."
    parts = ["# The bus interfaces", MADE, says]
    for path in sorted((top / "resources" / "dbus").glob("*.xml")):
        parts += _interface(path)
    return "\n\n".join(parts) + "\n"


def _interface(path: Path) -> Iterator[str]:
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.fromstring(path.read_text(), parser)
    head = re.search(r"<!--(.*?)-->\s*<node", path.read_text(), re.DOTALL)
    yield f"## `{root.get('name') or path.stem}`"
    yield f"From [`{path.name}`](../../resources/dbus/{path.name})."
    if head:
        yield _block(head[1])
    for interface in root.iter("interface"):
        yield f"### Interface `{interface.get('name')}`"
        said = ""
        for entry in interface:
            if entry.tag is ET.Comment:
                said = _block(entry.text or "")
                continue
            yield f"#### {_title(entry)}"
            yield said or "(no comment)"
            said = ""


def _title(entry: ET.Element) -> str:
    """`OpenStream(u period_ms, u kinds) → (h stream)`."""
    if entry.tag == "property":
        return f"Property `{entry.get('name')}`: `{entry.get('type')}`, {entry.get('access')}"
    words: dict[str, list[str]] = {"in": [], "out": []}
    for argument in entry.iter("arg"):
        default = "out" if entry.tag == "signal" else "in"
        words[argument.get("direction", default)].append(f"{argument.get('type')} {argument.get('name')}")
    if entry.tag == "signal":
        return f"Signal `{entry.get('name')}({', '.join(words['out'])})`"
    answer = f" → ({', '.join(words['out'])})" if words["out"] else ""
    return f"Method `{entry.get('name')}({', '.join(words['in'])}){answer}`"


def _block(comment: str) -> str:
    return f"```text\n{textwrap.dedent(comment.expandtabs()).strip()}\n```"


def python_page(top: Path) -> str:
    """Every public name of ROOMS: modules, classes with their public methods, functions, constants and types."""
    says = (
        "Every public name of the modules that other modules and programs may use; the rest is the app's own. "
        "[`examples/`](../../examples) shows the usual way: `sources.choose.choose` gives a source, its `items` yield "
        "batches, and `domain.rates.rates` makes a sample of two. `domain` never reads a clock or a file."
    )
    parts = ["# The Python API", MADE, says]
    for room in ROOMS:
        parts.append(f"## `smoothtask_gui.{room}`")
        for path in sorted((top / "smoothtask_gui" / room).rglob("*.py")):
            if path.name != "__init__.py":
                parts += _module(path, top)
    return "\n\n".join(parts) + "\n"


def _module(path: Path, top: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    dotted = ".".join(path.relative_to(top).with_suffix("").parts)
    yield f"### `{dotted}`"
    yield _first_sentence(ast.get_docstring(tree))
    rows = [row for statement in tree.body for row in _rows(statement)]
    if rows:
        yield "\n".join(rows)


def public_names(tree: ast.Module) -> list[str]:
    """The names that a module defines for others: no leading underscore, not imported."""
    return [name for statement in tree.body for name in _names(statement)]


def _names(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            found = [statement.name]
        case ast.Assign():
            found = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name() as target):
            found = [target.id]
        case _:
            found = []
    return [name for name in found if not name.startswith("_")]


def _rows(statement: ast.stmt) -> Iterator[str]:
    """The lines of one statement; those of a class's public members are indented."""
    for name in _names(statement):
        match statement:
            case ast.ClassDef():
                yield _row(f"class {name}{_bases(statement)}", ast.get_docstring(statement))
                for member in statement.body:
                    yield from ("  " + row for row in _members(member))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield _row(_signature(statement), ast.get_docstring(statement))
            case _:
                yield _row(name, None)


def _members(member: ast.stmt) -> Iterator[str]:
    for name in _names(member):
        match member:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                decorators = {ast.unparse(decorator) for decorator in member.decorator_list}
                shown = f"{name}: {_type(member.returns)}" if "property" in decorators else _signature(member)
                yield _row(shown, ast.get_docstring(member))
            case ast.AnnAssign():
                yield _row(f"{name}: {_type(member.annotation)}", None)
            case _:
                yield _row(name, None)


def _bases(statement: ast.ClassDef) -> str:
    return f"({', '.join(map(ast.unparse, statement.bases))})" if statement.bases else ""


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    start = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    return f"{start}{function.name}({ast.unparse(function.args)}) -> {_type(function.returns)}"


def _type(annotation: ast.expr | None) -> str:
    return "None" if annotation is None else ast.unparse(annotation)


def _row(shown: str, docstring: str | None) -> str:
    says = _first_sentence(docstring)
    return f"- `{shown}`" + (f": {says}" if says else "")


def _first_sentence(docstring: str | None) -> str:
    paragraph = " ".join((docstring or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]
