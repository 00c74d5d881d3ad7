"""./dev freeze: keep this version's contract between app and helper in tests/contract/frozen/VERSION; before a tag.

What is kept: the bus interfaces, bpf/records.h, the client in C, packets and frames of a real stream, and what the app
makes of its last frame. The tests then hold all later versions to it, in both directions. A version that has been
released is never frozen anew.
"""

import shutil
from pathlib import Path

import places
import privilege
import ready
import shared
import steps
from recipes import source

FROZEN = places.TOP / "tests" / "contract" / "frozen"
KEPT = (
    "bpf/records.h",
    "examples/stream_client.c",
    "resources/dbus/io.github.smoothtask.Sampler1.xml",
    "resources/dbus/io.github.smoothtask.Control1.xml",
)
LIMIT_S = 120


def run(arguments: list[str]) -> int:
    """Write the folder; 0, 1 if the stream couldn't be kept, 2 on wrong usage."""
    if arguments:
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    version = source.version()
    if source.git("tag", "--list", f"v{version}").strip():
        raise steps.StepError(f"v{version} has been released: what it promised stays. Set a new version first.")
    privilege.ask_once()
    ready.ensure({"bpf", "box"})
    folder = FROZEN / version
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in KEPT:
        shutil.copy(places.TOP / name, folder)
    # hidepid: the recording holds alice's own processes, and nothing of whoever makes it
    box = [places.PYTHON, "-B", places.TOOLS / "box.py", "--hidepid=2", "--user", "alice"]
    folder.chmod(0o777)
    code = steps.bounded(shared.command([*box, "--", places.PYTHON, FROZEN.parent / "freezing.py", folder]), LIMIT_S)
    folder.chmod(0o755)
    for path in folder.iterdir():  # alice's, who is nobody outside the box
        octets = path.read_bytes()
        path.unlink()
        path.write_bytes(octets)
    print(folder.relative_to(places.TOP))
    return code


def refuse_unless_frozen() -> None:
    """StepError unless the contract of this version is kept as it is now."""
    folder = FROZEN / source.version()
    kept = {name: folder / name.rpartition("/")[2] for name in KEPT}
    if other := [name for name, copy in kept.items() if _text(copy) != _text(places.TOP / name)]:
        raise steps.StepError(f"{', '.join(other)}: not as kept in {folder.relative_to(places.TOP)}: run ./dev freeze")


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
