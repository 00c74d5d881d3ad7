"""./dev clean: remove build/ and the caches of the tools. Debian packages stay."""

import shutil

import places
import steps

CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache")


def run(arguments: list[str]) -> int:
    """Remove them; 2 on any argument."""
    if arguments:
        print("./dev clean takes no arguments: it removes build/ and the tools' caches.")
        return 2
    with steps.only_one():
        for entry in [*places.BUILD.iterdir(), *(places.TOP / name for name in CACHES)]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != "set-up.lock":
                entry.unlink(missing_ok=True)
        for cache in places.TOP.rglob("__pycache__"):
            shutil.rmtree(cache)
    return 0
