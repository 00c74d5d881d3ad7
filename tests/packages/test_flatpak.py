"""The Flatpak in its sandbox, against a stand-in of KDE's runtime; its manifest against Flathub's policy."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.bus.acting import SLEEPING, is_untouched
from tests.bus.boxes import Box
from tests.contract.layout import ROOT
from tests.vm.conftest import tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

RECIPE: Final[Any] = tool("recipes.flatpak")
MODULES: Final[Any] = tool("recipes.modules")
MANIFEST: Final[dict[str, Any]] = json.loads(RECIPE.MANIFEST.read_text())
ARGUMENTS: Final[list[str]] = MANIFEST["finish-args"]
ALLOWED: Final = (
    "--share=ipc",
    "--socket=wayland",
    "--socket=fallback-x11",
    r"--talk-name=org\.kde\.StatusNotifierWatcher",
    r"--talk-name=org\.freedesktop\.Notifications",
    r"--system-talk-name=io\.github\.smoothtask\.(Sampler1|Control1)",
)
"""Nothing else: no files, no network, no devices, no session of the bus as a whole, no name with a wildcard."""


def test_the_sandbox_gets_no_permission_but_those_that_are_reasoned_for() -> None:
    assert [word for word in ARGUMENTS if not any(re.fullmatch(allowed, word) for allowed in ALLOWED)] == []
    assert len(set(ARGUMENTS)) == len(ARGUMENTS)


def test_the_manifest_keeps_to_what_flathub_s_linter_asks() -> None:
    assert MANIFEST["id"].startswith("io.github.")
    assert len(MANIFEST["id"].split(".")) >= 4  # appid-code-hosting-too-few-components
    assert MANIFEST["runtime-version"] == MANIFEST["base-version"]
    assert "--socket=x11" not in ARGUMENTS  # finish-args-contains-both-x11-and-fallback
    assert "--share=ipc" in ARGUMENTS  # finish-args-x11-without-ipc
    assert not any("*" in word or "=host" in word or "=home" in word for word in ARGUMENTS)
    assert "build-args" not in json.dumps(MANIFEST)  # module-build-network-access
    names = [module if isinstance(module, str) else module["name"] for module in MANIFEST["modules"]]
    assert names == ["python3-modules.json", "smoothtask"]


CHROOT: Final = """
cd "$1"; shift
for name in dev etc mnt proc usr; do mount --rbind /$name $name; done
exec chroot . env -C / "$@"
"""
CAN_SANDBOX: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from recipes.flatpak import can_sandbox as can; print(can())"
)


@pytest.fixture
def chroot(tmp_path: Path) -> list[str]:
    """Words to begin a command with that runs in a chroot."""
    place = tmp_path / "bare"
    for name in ("dev", "etc", "mnt", "proc", "tmp", "usr"):
        (place / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (place / name).symlink_to(f"usr/{name}")
    return ["unshare", "--mount", "sh", "-euc", CHROOT, "sh", str(place)]


@pytest.mark.parametrize("uid", ["0", "65534"])
def test_in_a_chroot_there_is_no_sandbox_until_its_folder_is_the_root(chroot: list[str], uid: str) -> None:
    tools = RECIPE.places.TOOLS
    for through, can in (
        (["setpriv", f"--reuid={uid}", "--clear-groups"], False),
        (["/usr/bin/python3", "-B", tools / "rooted.py", uid], True),
    ):
        command = [*chroot, *through, "/usr/bin/python3", "-B", "-c", CAN_SANDBOX, tools]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (said.stdout, said.stderr) == (f"{can}\n", "")


def test_no_address_is_in_the_repository_and_every_module_is_pinned() -> None:
    assert "://" not in RECIPE.MANIFEST.read_text()
    assert set(MODULES.names()) >= {"dbus-fast", "desktop-notifier", "numpy", "psutil", "tomlkit", "bidict"}
    assert not {"pyside6-essentials", "pytest", "ruff"} & set(MODULES.names())
    made = json.loads((RECIPE.FOLDER / "python3-modules.json").read_text())
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    assert all(f"sha256:{entry['sha256']}" in lock for entry in made["sources"])
    for architecture in MODULES.ARCHITECTURES:
        for_it = [entry for entry in made["sources"] if architecture in entry.get("only-arches", [architecture])]
        assert len(for_it) == len(MODULES.names())


@pytest.fixture(scope="module")
def sandboxed() -> Any:
    """The app, installed from its repository: sandboxed(WORD…) runs it."""
    RECIPE.check()
    return RECIPE.run


def test_the_app_starts_in_its_sandbox_and_sees_its_own_processes_only(sandboxed: Any) -> None:
    told = sandboxed("top", "--json", "--count", "1", "--source", "procfs")
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["processes"]) < 10


def test_without_the_helper_the_sandboxed_app_says_which_package_brings_it(sandboxed: Any) -> None:
    rows = json.loads(sandboxed("doctor", "--json").stdout)
    (helper,) = (row for row in rows if row["check"] == "helper")
    assert helper["state"] != "ok"
    assert "smoothtask-helper" in helper["remedy"], helper


def test_without_the_helper_one_sentence_says_so_and_the_app_goes_on(sandboxed: Any) -> None:
    refused = sandboxed("top", "--source", "helper", "--count", "1")
    assert refused.returncode == 1
    (said,) = words_of_the_app(refused.stderr)
    assert "The helper is not installed: install the package smoothtask-helper" in said
    served = sandboxed("top", "--json", "--count", "1")
    assert json.loads(served.stdout)["source"] == "procfs"
    (said,) = words_of_the_app(served.stderr)
    assert "install the package smoothtask-helper" in said


def words_of_the_app(stderr: str) -> list[str]:
    """Without those of the buses that stand for the machine's."""
    return [line for line in stderr.splitlines() if line and not line.startswith("dbus-daemon[")]


@pytest.fixture(scope="module")
def box(sandboxed: Any) -> Iterator[Box]:
    """A system with bus, polkit and helper, in which alice sits."""
    box = Box()
    yield box
    complaints = box.complaints()
    box.close()
    assert complaints == []


IN_SESSION: Final = """
cd {top}
HOME=$(mktemp -d); trap 'rm -rf "$HOME"' EXIT
export HOME FLATPAK_USER_DIR={installation} XDG_RUNTIME_DIR="$HOME" PATH=/usr/bin:/bin LC_ALL=C.UTF-8
dbus-run-session -- sh -ec {script}
"""


def alice(box: Box, script: str) -> CompletedProcess[str]:
    """A shell's run in alice's session, with the installed Flatpak and a session bus; her home goes with it."""
    filled = {"top": ROOT, "installation": RECIPE.STAND_IN / "user", "script": script}
    words = IN_SESSION.format(**{name: shlex.quote(str(value)) for name, value in filled.items()})
    command = box.held.command("sh", "-c", words)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_an_ordinary_user_s_sandboxed_app_gets_the_machine_s_processes_from_the_helper(box: Box) -> None:
    done = alice(box, f"flatpak --user run {RECIPE.ID} top --json --source helper --count 2")
    assert done.returncode == 0, done.stderr
    ticks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [tick["source"] for tick in ticks] == ["helper", "helper"]
    shown = {process["pid"] for process in ticks[-1]["processes"]}
    assert os.getpid() in shown, "a process that the sandbox itself can't see"
    assert box.owner_pid(box.caller()) in shown


PORTAL: Final = """
{python} -m tests.fakes.background_portal grant "$HOME/asked" >"$HOME/ready" &
trap "kill $!" EXIT
until grep -q ready "$HOME/ready"; do sleep 0.05; done
flatpak --user run --command=python3 {app} -c {program}
until [ -s "$HOME/asked" ]; do sleep 0.05; done
cat "$HOME/asked"
"""
TURN_ON: Final = """
import asyncio, os
from pathlib import Path
from smoothtask_gui.adapters.portal_autostart import PortalAutostart
from smoothtask_gui.adapters.session_bus import SessionBus
from smoothtask_gui.session import FLATPAK_FILE

async def turn_on():
    bus = await SessionBus.connect()
    autostart = PortalAutostart(bus, Path(os.environ["XDG_CONFIG_HOME"]), ["smoothtask"])
    await autostart.turn(on=True)
    print(FLATPAK_FILE.exists(), autostart.is_on())
    await bus.close()

asyncio.run(turn_on())
"""


TERMINATE: Final = """
import asyncio, os, sys
from smoothtask_gui.adapters.control_client import ControlClient
from smoothtask_gui.domain.incident import ProcessIdentity

asyncio.run(ControlClient().terminate(ProcessIdentity(int(sys.argv[1]), int(sys.argv[2]), os.getuid(), "sleep")))
"""


def test_what_the_sandboxed_app_acts_on_is_the_machine_s_process_of_that_number(box: Box) -> None:
    keeper = box.caller()
    victim, other = (keeper.start(words=SLEEPING) for _ in range(2))
    words = [TERMINATE, str(victim["pid"]), str(victim["start_ns"])]
    done = alice(box, f"flatpak --user run --command=python3 {RECIPE.ID} -c {shlex.join(words)}")
    assert done.returncode == 0, done.stderr
    assert keeper.ended(pid=victim["pid"]) == -signal.SIGTERM
    assert is_untouched(other)


def test_the_sandboxed_app_asks_the_desktop_to_start_it_with_the_session(box: Box) -> None:
    program = shlex.quote(TURN_ON)
    done = alice(box, PORTAL.format(python=box.held.python, app=RECIPE.ID, program=program))
    assert done.returncode == 0, done.stderr
    answered, asked = done.stdout.splitlines()
    assert answered == "True True"
    options = json.loads(asked)
    assert options["autostart"] is True
    assert options["commandline"] == ["smoothtask", "--hidden"]


def test_the_sandbox_holds_the_menu_entry_the_icons_and_the_metainfo() -> None:
    files = RECIPE.STAND_IN / "work" / "app" / "export" / "share"
    assert (files / "applications" / f"{RECIPE.ID}.desktop").is_file()
    assert (files / "icons" / "hicolor" / "scalable" / "apps" / f"{RECIPE.ID}.svg").is_file()
    assert (RECIPE.STAND_IN / "work" / "app" / "files" / "share" / "metainfo").is_dir()
