"""Fedora's packages: smoothtask and smoothtask-helper, built by rpmbuild from the source archive, judged by rpmlint.

On a machine that isn't Fedora the build dependencies go by other names (`--nodeps`), and Fedora's macros are missing:
those that the spec uses are defined here, as what they do on Fedora. The scriptlets therefore are those of Fedora only
when it is built there.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import places
from recipes import source
from recipes.deb import PLAIN
from steps import StepError, logged, say

FOLDER = source.FOLDER / "rpm"
GROUPS = {"rpm"}
WORK = places.BUILD / "rpmbuild"
"""One place, always: rpmbuild writes it into its packages."""
SPEC = places.TOP / "packaging" / "rpm" / "smoothtask.spec"
CONFIG = SPEC.with_name("rpmlint.toml")
FEDORA = Path("/etc/fedora-release")
STAND_INS = {
    "_libexecdir": "%{_prefix}/libexec",
    "systemd_post()": "systemctl --no-reload preset %1 >/dev/null 2>&1 || :",
    "systemd_preun()": "if [ $1 -eq 0 ]; then systemctl --no-reload disable --now %1 >/dev/null 2>&1 || :; fi",
    "systemd_postun_with_restart()": "if [ $1 -ge 1 ]; then systemctl try-restart %1 >/dev/null 2>&1 || :; fi",
    "sysusers_create_compat()": "systemd-sysusers %{nil} || :",
}
REPRODUCIBLE = {
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "_buildhost": "reproducible",
}


def packages(out: Path) -> list[Path]:
    """The binary packages in `out`."""
    return sorted(path for path in out.glob("*.rpm") if not path.name.endswith(".src.rpm"))


def build(out: Path = FOLDER) -> list[Path]:
    """The source package and the two binary ones, in `out`."""
    archive = source.archive()
    if source.is_made(out, archive):
        return packages(out)
    shutil.rmtree(WORK, ignore_errors=True)
    for name in ("SOURCES", "SPECS"):
        (WORK / name).mkdir(parents=True)
    shutil.copy(archive, WORK / "SOURCES")
    when_s = source.commit_time_s()
    spec = WORK / "SPECS" / SPEC.name
    date = time.strftime("%a %b %d %Y", time.gmtime(when_s))
    spec.write_text(SPEC.read_text().replace("@VERSION@", source.version()).replace("@DATE@", date))
    for path in (spec, WORK / "SOURCES" / archive.name):
        os.utime(path, (when_s, when_s))
    macros = {"_topdir": str(WORK), **REPRODUCIBLE, **({} if FEDORA.exists() else STAND_INS)}
    defined = [word for name, body in macros.items() for word in ("--define", f"{name} {body}")]
    command = ["rpmbuild", "-ba", *([] if FEDORA.exists() else ["--nodeps"]), *defined, spec]
    environment = PLAIN | {"SOURCE_DATE_EPOCH": str(when_s), "HOME": str(WORK)}
    logged("rpm", command, "building the RPM packages", env=environment)
    for path in sorted(WORK.glob("*RPMS/**/*.rpm")):
        shutil.copy2(path, out)
    source.made(out, archive)
    return packages(out)


def check(out: Path = FOLDER) -> None:
    """StepError with rpmlint's warnings and errors, if it has any that packaging/rpm/rpmlint.toml doesn't name."""
    say("rpmlint")
    command = ["rpmlint", "--config", CONFIG, *sorted(out.glob("*.rpm"))]
    done = subprocess.run(command, capture_output=True, text=True, env=PLAIN | {"HOME": str(out)}, check=False)
    found = [line for line in done.stdout.splitlines() if ": W: " in line or ": E: " in line]
    if done.returncode or found:
        raise StepError("rpmlint has something to say:\n" + ("\n".join(found) or done.stdout + done.stderr))
