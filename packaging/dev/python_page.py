"""docs/api/python.md: every public name of the app's Python modules, with types, columns, units and errors.

The source is read, not imported (ast), so a module's optional imports don't matter. Of a docstring the first sentence
is shown, and what it says of errors. A public name without one is listed with its signature alone; of a numpy dtype
that is written as a list of fields the columns are listed with the comments beside them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from records_page import MADE

ROOMS = ("domain", "sources", "adapters")
"""The parts of smoothtask_gui that other modules and programs may use; the rest is the app itself."""


class Comments:
    """The comments of a module at the ends of its lines."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def beside(self, line: int) -> str:
        """That of line `line`, counted from 1, if an element of a list ends there; else empty."""
        found = re.search(r"\),\s+# (?!noqa|type:)(.*)$", self._lines[line - 1])
        return found[1] if found else ""


def python_page(top: Path) -> str:
    """Every public name of ROOMS: modules, classes with their public methods, functions, constants and types."""
    says = (
        "Every public name of the modules that other modules and programs may use; the rest is the app's own. "
        "[`examples/`](../../examples) shows the usual way: `sources.choose.choose` gives a source, its `items` yield "
        "batches, and `domain.rates.rates` makes a sample of two. `domain` never reads a clock or a file. Names tell "
        "units: `_ns` nanoseconds (of a moment: boot time), `_bps` bytes a second, `_ratio` a part of 1 or cores, "
        "`_c` °C. "
        "NaN and None are *not known*."
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
    comments = Comments(path.read_text().splitlines())
    following = [*tree.body[1:], None]
    rows = [row for pair in zip(tree.body, following, strict=True) for row in _rows(*pair, comments)]
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


def _rows(statement: ast.stmt, following: ast.stmt | None, comments: Comments) -> Iterator[str]:
    """The lines of one statement; those of a class's public members, and of a dtype's columns, are indented."""
    for name in _names(statement):
        match statement:
            case ast.ClassDef():
                yield _row(f"class {name}{_bases(statement)}", ast.get_docstring(statement))
                for member, below in zip(statement.body, [*statement.body[1:], None], strict=True):
                    yield from ("  " + row for row in _members(member, below))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield _row(_signature(statement), ast.get_docstring(statement))
            case _:
                yield _row(name, _said_after(following))
                yield from _columns(statement, comments)


def _said_after(following: ast.stmt | None) -> str | None:
    """The docstring of a constant, which stands below it."""
    match following:
        case ast.Expr(value=ast.Constant(value=str() as words)):
            return words
    return None


def _columns(statement: ast.stmt, comments: Comments) -> Iterator[str]:
    """Of `NAME = np.dtype([("column", "u8"), …])`: one line a column; a part that has a name of its own is named."""
    match statement:
        case ast.Assign(value=made) | ast.AnnAssign(value=ast.expr() as made):
            pass
        case _:
            return
    match made:
        case ast.Call(func=ast.Attribute(attr="dtype"), args=[ast.List(elts=entries), *_]):
            pass
        case _:
            return
    for entry in entries:
        match entry:
            case ast.Tuple(elts=[ast.Constant(value=str() as column), *kind]):
                words = comments.beside(entry.lineno) if entry.lineno == entry.end_lineno else ""
                shown = f"{column}: {', '.join(map(ast.unparse, kind))}"
                yield f"  - `{shown}`" + (f": {words}" if words else "")
            case _:
                yield f"  - `{ast.unparse(entry)}`"


def _members(member: ast.stmt, below: ast.stmt | None) -> Iterator[str]:
    for name in _names(member):
        match member:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                decorators = {ast.unparse(decorator) for decorator in member.decorator_list}
                shown = f"{name}: {_type(member.returns)}" if "property" in decorators else _signature(member)
                yield _row(shown, ast.get_docstring(member))
            case ast.AnnAssign():
                yield _row(f"{name}: {_type(member.annotation)}", _said_after(below))
            case _:
                yield _row(name, _said_after(below))


def _bases(statement: ast.ClassDef) -> str:
    return f"({', '.join(map(ast.unparse, statement.bases))})" if statement.bases else ""


def _signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    start = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    return f"{start}{function.name}({ast.unparse(function.args)}) -> {_type(function.returns)}"


def _type(annotation: ast.expr | None) -> str:
    return "None" if annotation is None else ast.unparse(annotation)


def _row(shown: str, docstring: str | None) -> str:
    says = _summary(docstring)
    return f"- `{shown}`" + (f": {says}" if says else "")


def _first_sentence(docstring: str | None) -> str:
    return _sentences((docstring or "").partition("\n\n")[0])[0]


def _summary(docstring: str | None) -> str:
    """The first sentence, and those that tell errors."""
    first, *others = _sentences(docstring or "")
    return " ".join([first, *(sentence for sentence in others if re.search(r"\b[Rr]aises?\b|Error\b", sentence))])


def _sentences(text: str) -> list[str]:
    """At least one, which may be empty."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", " ".join(text.split()))
