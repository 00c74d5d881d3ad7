"""Promises of `lean.py`: what the app would hold for nothing isn't there, and nothing misses it."""

import subprocess
import sys

CHECK = """
import sys
from smoothtask_gui.lean import stay_lean
stay_lean()
import smoothtask_gui.resident, smoothtask_gui.app, hashlib, linecache
import smoothtask_gui.ui.window, smoothtask_gui.ui.settings_window
import colorsys  # a new module: what the import before it left goes with it
lines = sum(len(entry[2]) for entry in linecache.cache.values() if len(entry) > 2)
print(lines, hashlib.sha256(b"x").hexdigest()[:8], sys.modules["ssl"])
print(sorted({line.split("/")[-1].split(".so")[0] for line in open("/proc/self/maps") if "libssl" in line}))
"""


def test_neither_sources_of_modules_nor_tls_are_held_and_all_is_imported() -> None:
    ran = subprocess.run([sys.executable, "-c", CHECK], check=True, capture_output=True, text=True, timeout=120)
    said, libraries = ran.stdout.splitlines()
    lines, digest, tls = said.split()
    assert int(lines) < 5_000, "PySide and linecache held 300,000"
    assert (digest, tls) == ("2d711642", "None")
    assert libraries == "[]"
