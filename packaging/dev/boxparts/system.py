"""Lays the box's own system over the machine's: bus, polkit and helper files, in memory, seen only inside.

Small folders are copied and mounted over the originals; no overlay file system is used, so it works where the root
folder is itself an overlay, at any depth. Only polkit and the helper can be activated: a desktop's other services stay
out.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from boxparts import kernel
from boxparts.accounts import SERVICE_USER

REPOSITORY = Path(__file__).resolve().parents[3]
SCRATCH = Path("/run/dbus/box")
SOCKET = Path("/run/dbus/system_bus_socket")
SAMPLER = "io.github.smoothtask.Sampler1"
POLKIT_SERVICE = "org.freedesktop.PolicyKit1.service"
CONTROL = "io.github.smoothtask.Control1"


@dataclass(frozen=True, slots=True)
class Service:
    """One half of the helper. `privileges`: what its unit leaves it, in setpriv's words."""

    bus_name: str
    launcher: str
    module: str
    privileges: str
    user: str


_SAMPLER_RIGHTS, _CONTROL_RIGHTS = "-all,+bpf,+perfmon", "-all,+kill,+sys_nice"
SERVICES = (
    Service(
        SAMPLER,
        "smoothtask-sampler",
        "helper.__main__",
        f"--reuid={SERVICE_USER} --regid={SERVICE_USER} --clear-groups --inh-caps={_SAMPLER_RIGHTS}"
        f" --ambient-caps={_SAMPLER_RIGHTS} --bounding-set={_SAMPLER_RIGHTS}",
        SERVICE_USER,
    ),
    Service(
        CONTROL,
        "smoothtask-control",
        "helper.control.__main__",
        f"--inh-caps=-all --bounding-set={_CONTROL_RIGHTS}",
        "root",
    ),
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the box. `python` starts the helper; `object_dir` holds the built BPF objects."""

    python: Path
    object_dir: Path
    polkit: bool = True
    helper: bool = True
    helper_arguments: tuple[str, ...] = ()
    control_arguments: tuple[str, ...] = ()


def _cover_with_copy(folder: Path, name: str) -> None:
    copy = SCRATCH / name
    shutil.copytree(folder, copy, symlinks=True)
    kernel.bind(copy, folder)


def lay_out() -> None:
    """Covers the machine's bus, sessions and service folders; SCRATCH is there afterwards."""
    kernel.mount_tmpfs(Path("/run/dbus"))
    SCRATCH.mkdir()
    for name in ("seats", "sessions", "users"):
        kernel.mount_tmpfs(Path("/run/systemd", name))
    _cover_with_copy(Path("/usr/share/dbus-1"), "dbus-1")
    services = Path("/usr/share/dbus-1/system-services")
    for service in services.iterdir():
        if service.name != POLKIT_SERVICE:
            service.unlink()
    _cover_with_copy(Path("/usr/share/polkit-1/actions"), "actions")
    rules = Path("/etc/polkit-1/rules.d")  # the machine's own rules would change what tests prove
    if rules.is_dir():
        empty = SCRATCH / "rules.d"
        empty.mkdir()
        status = rules.stat()
        os.chown(empty, status.st_uid, status.st_gid)
        empty.chmod(status.st_mode & 0o7777)
        kernel.bind(empty, rules)


def reachable_path(python: Path) -> Path:
    """The path inside at which every user may start `python`, even if its virtual environment is under root's home."""
    if (python.parent.parent / "pyvenv.cfg").exists():
        return SCRATCH / "venv" / "bin" / python.name
    return python


def _make_reachable(python: Path) -> Path:
    inside = reachable_path(python)
    environment = SCRATCH / "venv"
    if inside != python and not environment.exists():
        environment.mkdir()
        kernel.bind(python.parent.parent, environment)
    return inside


def _readable_copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _install_helper(contents: Contents) -> None:
    resources = REPOSITORY / "resources"
    library = SCRATCH / "lib"
    library.mkdir()
    _readable_copy(REPOSITORY / "helper", library / "helper")
    _readable_copy(REPOSITORY / "bpf", library / "bpf")
    _readable_copy(resources, library / "resources")
    shutil.copy(REPOSITORY / "pyproject.toml", library)
    objects = SCRATCH / "objects"
    if contents.object_dir.is_dir():
        _readable_copy(contents.object_dir, objects)
    else:
        print(f"box: no BPF objects in {contents.object_dir}: the sampler will start without probes", file=sys.stderr)
    python = _make_reachable(contents.python)
    _expect_import(python, "dbus_fast")
    arguments = {
        SAMPLER: ("--object-dir", str(objects), *contents.helper_arguments),
        CONTROL: contents.control_arguments,
    }
    for service in SERVICES:
        _install_service(service, python, library, arguments[service.bus_name])


def _install_service(service: Service, python: Path, library: Path, arguments: tuple[str, ...]) -> None:
    """Does what systemd does from the service's unit, without systemd: user, capabilities, no_new_privs."""
    start = f'import sys; sys.path.insert(0, "{library}"); from {service.module} import main; main()'
    launcher = SCRATCH / service.launcher
    launcher.write_text(
        f"#!/bin/sh\nexec setpriv --no-new-privs {service.privileges} --"
        f" {python} -I -c '{start}' {' '.join(arguments)}\n",
        encoding="utf-8",
    )
    launcher.chmod(0o755)
    resources = library / "resources"
    name = service.bus_name
    entry = (resources / "dbus" / f"{name}.service.in").read_text(encoding="utf-8")
    entry = entry.replace("@LIBEXECDIR@", str(SCRATCH)).replace(f"User={service.user}", "User=root")
    Path("/usr/share/dbus-1/system-services", f"{name}.service").write_text(entry, encoding="utf-8")
    shutil.copy(resources / "dbus" / f"{name}.conf", "/usr/share/dbus-1/system.d")
    shutil.copy(resources / "polkit" / f"{name}.policy", "/usr/share/polkit-1/actions")


def _expect_import(python: Path, module: str) -> None:
    """Refuses an interpreter that the sampler's user can't start or that lacks `module`."""
    probe = ["setpriv", f"--reuid={SERVICE_USER}", "--clear-groups", str(python), "-I", "-c", f"import {module}"]
    outcome = subprocess.run(probe, cwd="/", capture_output=True, text=True, check=False)
    if outcome.returncode:
        last_line = (outcome.stderr.strip().splitlines() or ["no output"])[-1]
        raise SystemExit(
            f"box: {python} can't run the sampler as user {SERVICE_USER}: {last_line}\n"
            f"box: name a Python with {module} that every user may start: --helper-python /usr/bin/python3"
        )


def start_bus(contents: Contents) -> "subprocess.Popen[bytes]":
    """Installs what `contents` asks for and starts the real dbus-daemon; polkitd and the helper start when called."""
    if not contents.polkit:
        Path("/usr/share/dbus-1/system-services", POLKIT_SERVICE).unlink(missing_ok=True)
    if contents.helper:
        _install_helper(contents)
    log = (SCRATCH / "bus.log").open("wb")
    command = ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("DBUS_")}
    bus = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True)
    log.close()
    deadline = time.monotonic() + 10
    while not SOCKET.exists():
        if bus.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"box: dbus-daemon didn't start: {(SCRATCH / 'bus.log').read_text()}")
        time.sleep(0.002)
    return bus
