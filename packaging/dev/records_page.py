"""docs/api/records.md: every number, struct and byte offset of bpf/records.h, for who has no C compiler.

The header is read as text. Its members have fixed widths and explicit padding, so each begins where the one before it
ends; tests/contract compares these offsets and numbers with what a C compiler says. What the parser doesn't know raises
ValueError or KeyError with the text it stumbled over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MADE = "<!-- Made by ./dev docs. -->"
SAYS = (
    "What [`bpf/records.h`](../../bpf/records.h) says, which is the contract, with the numbers worked out. All of it "
    "is in the machine's byte order. Members lie one after another as listed; nothing is between them. `char` members "
    "are bytes of no certain encoding, filled up with NUL. A member named `pad` means nothing. Times in `_ns` are "
    "nanoseconds; those of a moment are `CLOCK_BOOTTIME`. What the members mean together, how rows are joined and how "
    "rates are made: [the stream](stream-format.md)."
)
WIDTHS = {"u8": 1, "char": 1, "u16": 2, "u32": 4, "s32": 4, "u64": 8, "s64": 8}

_ENTITY = re.compile(
    r"(?:/\*(?P<said>(?:(?!\*/).)*)\*/\n)?"
    r"(?:^\#define\ (?P<macro>ST_\w+)\ (?P<value>[^\n]*)"
    r"|^enum\ (?P<enum>\w+)\ \{(?P<values>.*?)\};(?P<enum_tail>[^\n]*)"
    r"|^struct\ (?P<struct>\w+)\ \{(?P<members>.*?)^\};)",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_VALUE = re.compile(r"(ST_\w+) = ([^,/}]+?)\s*(?:,|$)[ \t]*(?:/\*(.*?)\*/)?", re.MULTILINE)
_MEMBER = re.compile(r"^\s*(?:struct )?(\w+) (\w+)(?:\[(\w+)\])?;[ \t]*(?:/\*(.*?)\*/)?", re.MULTILINE)
_COMMENT = re.compile(r"/\*(.*?)\*/")


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    type: str
    offset: int
    size: int
    said: str


@dataclass(frozen=True, slots=True)
class Struct:
    size: int
    said: str
    members: tuple[Member, ...]


@dataclass(slots=True)
class Header:
    """What was found, in the header's order. `groups`: the numbers of each enum, or of a macro alone, by title."""

    numbers: dict[str, int] = field(default_factory=dict)
    groups: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    structs: dict[str, Struct] = field(default_factory=dict)


def read_header(path: Path) -> Header:
    """Raises ValueError or KeyError where the header goes beyond what is known here."""
    header = Header()
    for match in _ENTITY.finditer(path.read_text()):
        said = _plain(match["said"])
        if match["macro"]:
            comment = _COMMENT.search(match["value"])
            _take_number(header, match["macro"], _COMMENT.sub("", match["value"]))
            header.groups.append(("", said, [(match["macro"], _plain(comment and comment[1]))]))
        elif match["enum"]:
            said = said or _plain(match["enum_tail"].replace("/*", "").replace("*/", ""))
            rows = [(name, value, _plain(words)) for name, value, words in _VALUE.findall(match["values"])]
            for name, value, _ in rows:
                _take_number(header, name, value)
            header.groups.append((f"enum {match['enum']}", said, [(name, words) for name, _, words in rows]))
        else:
            header.structs[match["struct"]] = _struct(header, said, match["members"])
    return header


def _take_number(header: Header, name: str, text: str) -> None:
    header.numbers[name] = _number(text, header.numbers)


def _number(text: str, known: dict[str, int]) -> int:
    """Of a sum of alternatives (`|`), a shift, a name or a literal."""
    text = text.strip().removeprefix("(").removesuffix(")")
    if "|" in text:
        return sum(_number(part, known) for part in text.split("|"))
    if "<<" in text:
        number, places = text.split("<<")
        return _number(number, known) << _number(places, known)
    return known[text] if text in known else int(text.removesuffix("u"), 0)


def _struct(header: Header, said: str, body: str) -> Struct:
    members: list[Member] = []
    offset = 0
    for kind, name, count, words in _MEMBER.findall(body):
        width = WIDTHS[kind] if kind in WIDTHS else header.structs[kind].size
        size = width * (_number(count, header.numbers) if count else 1)
        shown = f"{kind}[{size // width}]" if count else kind
        members.append(Member(name, shown, offset, size, _plain(words)))
        offset += size
    return Struct(offset, said, tuple(members))


def records_page(top: Path) -> str:
    """The page's text."""
    header = read_header(top / "bpf" / "records.h")
    parts = ["# Records, byte by byte", MADE, SAYS, "## Numbers", *_numbers(header), "## Structs"]
    for name, layout in header.structs.items():
        parts += [f"### `{name}`: {layout.size} bytes", *([layout.said] if layout.said else []), _table(layout)]
    return "\n\n".join(parts) + "\n"


def _numbers(header: Header) -> Iterator[str]:
    alone = [row for title, _, rows in header.groups if not title for row in rows]
    yield from _group(header, "Limits and marks", "", alone)
    for title, said, rows in header.groups:
        if title:
            yield from _group(header, f"`{title}`", said, rows)


def _group(header: Header, title: str, said: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    yield f"### {title}"
    if said:
        yield said
    lines = [f"| `{name}` | {header.numbers[name]} | {words} |" for name, words in rows]
    yield "\n".join(["| name | number | |", "|---|---|---|", *lines])


def _table(layout: Struct) -> str:
    lines = [f"| {row.offset} | `{row.type}` | `{row.name}` | {row.said} |" for row in layout.members]
    return "\n".join(["| at | type | member | |", "|---|---|---|---|", *lines])


def _plain(comment: str | None) -> str:
    """A comment in one line, fit for a table."""
    lines = (line.strip().removeprefix("*") for line in (comment or "").splitlines())
    words = " ".join(" ".join(lines).split()).replace("|", "\\|")
    return re.sub("^-{4}.*?-{4} ", "", words)  # a heading of the header's own
