"""The doctor on the kernel, the sensors and the settings: what can be read without any bus."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Final

from smoothtask_gui.adapters.files import FileError, read_text
from smoothtask_gui.adapters.settings import parse_app_settings
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.cli.checks import Row, failed, ok, warning
from smoothtask_gui.domain.gpu_reading import GpuReading, GpuState
from smoothtask_gui.domain.rules import RulesError, parse_rules
from smoothtask_gui.domain.sensors import kind_of, limit_of
from smoothtask_gui.sources import files
from smoothtask_gui.sources.energy import EnergyReader
from smoothtask_gui.sources.gpu.reader import GpuReader
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.sensors import SensorReader
from smoothtask_gui.sources.system import SystemReader

OLDEST_KERNEL: Final = (5, 15)
"""The oldest that the helper's programs are tested on."""


async def kernel(proc_root: Path = Path("/proc"), sysfs_root: Path = Path("/sys")) -> list[Row]:
    """Version, type information, lockdown and pressure."""
    release = os.uname().release
    version = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    rows = [
        ok("kernel", f"Linux {release}")
        if version >= OLDEST_KERNEL
        else warning("kernel", f"Linux {release} is older than 5.15", "The helper may not work; /proc is used then.")
    ]
    if (sysfs_root / "kernel/btf/vmlinux").exists():
        rows.append(ok("btf", "the kernel describes its types (/sys/kernel/btf/vmlinux)"))
    else:
        rows.append(
            warning(
                "btf",
                "no /sys/kernel/btf/vmlinux: the helper's programs can't adapt to this kernel",
                "Use a kernel with CONFIG_DEBUG_INFO_BTF, as most distributions' are; until then /proc is read.",
            )
        )
    lockdown = files.read_text(f"{sysfs_root}/kernel/security/lockdown") or ""
    if "[confidentiality]" in lockdown:
        rows.append(
            warning(
                "lockdown",
                "kernel lockdown is in confidentiality mode: eBPF programs may not read the kernel",
                "Boot with lockdown=integrity if you want the helper.",
            )
        )
    rows.append(_pressure(proc_root))
    return rows


def _pressure(proc_root: Path) -> Row:
    if files.read_text(f"{proc_root}/pressure/cpu") is not None:
        return ok("pressure", "the kernel measures pressure (/proc/pressure)")
    return warning("pressure", "the kernel does not measure pressure", "Boot with psi=1.")


async def machine(proc_root: Path = Path("/proc"), sysfs_root: Path = Path("/sys")) -> list[Row]:
    """Whether the machine's counters can be read."""
    try:
        reading = SystemReader(proc_root, sysfs_root).read()
    except SourceError as error:
        return [failed("proc", str(error), "Mount /proc.")]
    return [ok("proc", f"{reading.cpus} processors, counters can be read")]


async def sensors(sysfs_root: Path = Path("/sys")) -> list[Row]:
    """Which temperatures there are, which can't be read, which have no limit."""
    readings = SensorReader(kind_of, sysfs_root).read()
    if not readings:
        return [
            warning(
                "sensors",
                "no temperature sensor was found, so overheating can't be noticed",
                "Normal in virtual machines; elsewhere run sensors-detect (package lm-sensors).",
            )
        ]
    limited = sum(1 for reading in readings if limit_of(reading) is not None)
    rows = [ok("sensors", f"{len(readings)} temperatures, {limited} of them with a limit of their own")]
    rows += [
        warning("sensor", f"{reading.driver} {reading.label} can't be read: {reading.reason}")
        for reading in readings
        if reading.temperature_c is None
    ]
    return rows


async def hardware(proc_root: Path = Path("/proc"), sysfs_root: Path = Path("/sys")) -> list[Row]:
    """Which graphics cards report their use, and whether the processor's energy can be read. Wakes no card."""
    reader = GpuReader(sysfs_root, proc_root)
    cards = reader.read()
    reader.close()
    rows = [_card(card) for card in cards] or [ok("graphics", "no graphics card: usual in virtual machines")]
    energy = EnergyReader(sysfs_root)
    if energy.read() is not None:
        return [*rows, ok("energy", "the processor's energy can be read (RAPL)")]
    return [*rows, ok("energy", f"not known: {energy.reason}")]


def _card(card: GpuReading) -> Row:
    name = f"{card.name} ({card.driver or 'no driver'}) at {card.key}"
    if card.state == GpuState.ASLEEP:
        return ok("graphics", f"{name} sleeps and isn't asked")
    if card.reason:
        return warning("graphics", f"{name}: {card.reason}")
    return ok("graphics", f"{name} reports its use")


async def settings(folder: Path) -> list[Row]:
    """Whether the settings' files can be used."""
    rows = []
    try:
        parse_own = partial(parse_rules, shipped=shipped_rules())
    except RulesError as error:
        return [failed("rules", str(error))]
    for name, parse in (("settings.toml", parse_app_settings), ("rules.toml", parse_own)):
        check = name.removesuffix(".toml")
        try:
            text = read_text(folder / name)
            if text is None:
                rows.append(ok(check, f"{folder / name} isn't there: the defaults hold"))
                continue
            parse(text, str(folder / name))
            rows.append(ok(check, f"{folder / name} is valid"))
        except (FileError, RulesError) as error:
            rows.append(failed(check, str(error), "Correct the file, or remove it to return to the defaults."))
    return rows
