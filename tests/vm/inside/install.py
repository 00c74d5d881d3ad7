"""Installs the sampler as resources/README.md says, from the checkout in HOME: unit, bus, polkit, user, launcher."""

import json
import subprocess
from pathlib import Path

HOME = Path("/opt/smoothtask")
LIBEXECDIR = Path("/usr/libexec")
NAME = "io.github.smoothtask.Sampler1"
LAUNCHER = f"""#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "{HOME}")
from helper.__main__ import main

main()
"""
PLACES = {
    "systemd/smoothtask-sampler.service.in": "/usr/lib/systemd/system",
    f"dbus/{NAME}.service.in": "/usr/share/dbus-1/system-services",
    f"dbus/{NAME}.conf": "/usr/share/dbus-1/system.d",
    f"dbus/{NAME}.xml": "/usr/share/dbus-1/interfaces",
    f"polkit/{NAME}.policy": "/usr/share/polkit-1/actions",
    "sysusers/smoothtask.conf": "/usr/lib/sysusers.d",
}


def main() -> None:
    for source, folder in PLACES.items():
        text = (HOME / "resources" / source).read_text(encoding="utf-8").replace("@LIBEXECDIR@", str(LIBEXECDIR))
        target = Path(folder) / Path(source).name.removesuffix(".in")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    launcher = LIBEXECDIR / "smoothtask-sampler"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    for command in (["systemd-sysusers"], ["systemctl", "daemon-reload"], ["systemctl", "reload", "dbus"]):
        subprocess.run(command, check=True)
    subprocess.run(["systemctl", "try-restart", "polkit"], check=True)
    print(json.dumps("installed"))


if __name__ == "__main__":
    main()
