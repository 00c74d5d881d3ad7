"""Rules of this house that no linter knows: sizes, banned names, and words that must not be in the tree.

Prints one line a finding, `path:line: what`, and exits 1 if there is any.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

TOP = Path(__file__).resolve().parents[2]
MODULE_LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 40
BANNED_NAMES = {"data", "info", "stats", "manager", "utils", "misc"}
QT_NAMES = {"data", "headerData", "setData"}  # QAbstractItemModel names them
# Each pattern has a character class in it, so that this file doesn't match itself.
BANNED_WORDS = {
    "a package registry's address": r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian[.]org|proxy[.]golang",
    "a path of one machine": r"/wor[k]/|/tmp/w[t]/|/tmp/pla[y]/|/opt/pyp[i]|/opt/wheel[s]",
    "the name of a writing tool": r"\bclaud[e]\b|\banthropi[c]\b|\bcopilo[t]\b|\bchatgp[t]\b|\bopena[i]\b",
}


def tracked() -> list[Path]:
    """The files git tracks or would track."""
    listing = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    command = ["git", "-c", "safe.directory=*", "-C", TOP, *listing]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return [TOP / name for name in names if name and (TOP / name).is_file()]


def words(path: Path, text: str) -> Iterator[str]:
    """Findings of words that must not be there."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in BANNED_WORDS.items():
            if found := re.search(pattern, line, re.IGNORECASE):
                yield f"{path.relative_to(TOP)}:{number}: {what}: {found[0]}"


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    docstring = first.end_lineno - first.lineno + 1 if has_docstring and first.end_lineno else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def sizes_and_names(path: Path, text: str) -> Iterator[str]:
    """Findings in one Python file."""
    shown = path.relative_to(TOP)
    if (lines := text.count("\n")) > MODULE_LINES:
        yield f"{shown}:1: {lines} lines; a module has at most {MODULE_LINES}"
    if banned := BANNED_NAMES & set(path.stem.split("_")):
        yield f"{shown}:1: a module isn't named {banned.pop()!r}: say what it is"
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (length := code_lines(node)) > FUNCTION_LINES:
            yield f"{shown}:{node.lineno}: {node.name} has {length} lines; a function has at most {FUNCTION_LINES}"
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z]+", node.name)}
            if node.name not in QT_NAMES and (banned := BANNED_NAMES & parts):
                yield f"{shown}:{node.lineno}: {node.name}: {banned.pop()!r} says nothing; say what it is"


def main() -> int:
    findings: list[str] = []
    lengths = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture
        findings += words(path, text)
        if path.suffix == ".py":
            findings += sizes_and_names(path, text)
            if path.relative_to(TOP).parts[0] in {"smoothtask_gui", "helper"}:
                lengths.append(text.count("\n"))
    if lengths and median(lengths) > MEDIAN_LINES:
        findings.append(f"the median module has {median(lengths):.0f} lines; at most {MEDIAN_LINES}")
    print("\n".join(findings) if findings else f"house rules: {len(lengths)} modules, none breaks one")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
