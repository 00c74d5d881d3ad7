"""Graphics cards and their users in a folder: sysfs of the usual drivers, and processes that hold /dev/dri open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.trees import plant

if TYPE_CHECKING:
    from collections.abc import Mapping

PCI = "devices/pci0000:00"
DISPLAY = "0x030000"


def card(root: Path, number: int, slot: str, driver: str, **files: str | int) -> Path:
    """A DRM card that may sleep but is awake; `files` (slashes written __) are added. Returns its device folder."""
    device = f"{PCI}/{slot}"
    plant(
        root,
        {
            f"bus/pci/drivers/{driver}/x": 1,
            f"{device}/class": DISPLAY,
            f"{device}/vendor": "0x1002",
            f"{device}/device": "0x744c",
            f"{device}/driver": Path(f"bus/pci/drivers/{driver}"),
            f"{device}/power/runtime_status": "active",
            f"{device}/power/control": "on",
            f"{device}/power/autosuspend_delay_ms": 5000,
            f"class/drm/card{number}/device": Path(device),
            f"class/drm/card{number}-DP-1/enabled": "disabled",
            f"bus/pci/devices/{slot}": Path(device),
            **{f"{device}/{name.replace('__', '/')}": value for name, value in files.items()},
        },
    )
    return root / device


def set_files(folder: Path, **files: str | int) -> None:
    """Change what the kernel shows."""
    for name, value in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


def process(proc: Path, pid: int, start_ticks: int = 100) -> Path:
    """A process with an ordinary open file."""
    stat = f"{pid} (app) S 1 " + " ".join(["0"] * 17) + f" {start_ticks} 0"
    plant(proc, {f"{pid}/stat": stat, f"{pid}/fdinfo/0": "pos: 0"})
    folder = proc / str(pid)
    (folder / "fd").mkdir(exist_ok=True)
    if not (folder / "fd/0").is_symlink():
        (folder / "fd/0").symlink_to("/dev/null")
    return folder


def drm_file(folder: Path, descriptor: int, **keys: str | int) -> None:
    """Open a card, or change what an open one has used; `keys` are drm keys, dashes written _."""
    link = folder / f"fd/{descriptor}"
    if not link.is_symlink():
        link.symlink_to("/dev/dri/renderD128")
    write_fdinfo(folder, descriptor, {name.replace("_", "-"): value for name, value in keys.items()})


def write_fdinfo(folder: Path, descriptor: int, keys: Mapping[str, str | int]) -> None:
    lines = ["pos:\t0", "flags:\t02100002", *(f"drm-{name}:\t{value}" for name, value in keys.items())]
    (folder / f"fdinfo/{descriptor}").write_text("\n".join(lines) + "\n")


def close(folder: Path, descriptor: int) -> None:
    (folder / f"fd/{descriptor}").unlink()
    (folder / f"fdinfo/{descriptor}").unlink()
