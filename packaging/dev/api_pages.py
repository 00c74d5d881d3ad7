"""The generated pages of docs/api; that of the bus interfaces, from resources/dbus/*.xml, is made here.

Making them needs nothing but the standard library.
"""

import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from python_page import python_page
from records_page import MADE, records_page


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
