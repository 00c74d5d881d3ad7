"""./dev docs: make dbus.md, records.md and python.md of docs/api anew: bus contracts, bpf/records.h, docstrings.

tests/contract/test_api_pages.py fails when a page has fallen behind.
"""

import api_pages
import places


def run(arguments: list[str]) -> int:
    """Write the pages; 0."""
    if arguments:
        print("./dev docs")
        return 0 if arguments in (["-h"], ["--help"]) else 2
    for name, page in api_pages.pages(places.TOP).items():
        (places.TOP / "docs" / "api" / name).write_text(page)
        print(f"docs/api/{name}")
    return 0
