"""Which temperature means what: a sensor's kind, whether its reading can be true, which limit holds, which is the CPU.

Everything is decided by driver name and label, never by the first match or by hwmonN, whose numbers change from boot
to boot. A reading that can't be true becomes missing with a reason. A sensor whose driver gives no limit raises an
alert only if it is the processor's and the settings hold a limit for that case; `limit_of` says whose limit it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smoothtask_gui.domain.batch import SensorReading

KINDS: Final = ("cpu", "gpu", "disk", "memory", "board", "other")

# (pattern of the hwmon name or thermal zone type, kind). The first row that matches the whole name wins.
# Names: Documentation/hwmon/*.rst and drivers/thermal of the kernel.
_KINDS: Final = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"coretemp|k8temp|k10temp|zenpower|via_cputemp|fam15h_power", "cpu"),
        (
            r"x86_pkg_temp|TCPU|B0D4|cpu[-_]?\w*[-_]thermal.*|cpu[-_]?thermal.*|soc[-_]thermal.*|bigcore.*|littlecore.*",
            "cpu",
        ),
        (r"amdgpu|radeon|nouveau|nvidia|i915|xe|gpu[-_]thermal.*|panfrost|v3d", "gpu"),
        (r"nvme|drivetemp|ufs.*", "disk"),
        (r"jc42|spd5118|TMEM", "memory"),
        (
            r"acpitz|pch_.*|nct\d+.*|it87\w*|it8\d+\w*|w83\w+|f71\w+|sch5\w+|asus.*|dell_smm|dell_ddv|thinkpad|hp.*",
            "board",
        ),
        (r"applesmc|macsmc.*|gigabyte_wmi|msi\w*|lm\d+|adt7\w+|adm1\w+|emc\d+|tmp\d+|max\d+|INT3400.*|SEN\d", "board"),
        (r"iwlwifi.*|ath1\w*|mt7\w*|r8169.*|rtw.*|enp.*|mlx5|bnxt_en|BAT\w+|ucsi\w*|nfp|liquid.*|corsair.*", "other"),
    )
)

# Super I/O chips report a number for inputs that nothing is connected to (AUXTIN at 111 or 6 °C for ever).
_FLOATING: Final = re.compile(r"nct\d+.*|it8\w+|w83\w+|f71\w+|sch5\w+|asus\w*|lm\d+|adt7\w+|adm1\w+")

# (driver, label): the best first. Tdie before Tctl: Tctl has an offset of up to 27 °C on some models
# (Documentation/hwmon/k10temp.rst).
_CPU_RANKS: Final = tuple(
    (re.compile(driver), re.compile(label))
    for driver, label in (
        (r"k10temp|zenpower", r"Tdie"),
        (r"k10temp|zenpower", r"Tctl"),
        (r"coretemp", r"Package id \d+"),
        (r"x86_pkg_temp|TCPU|B0D4", r".*"),
        (r"k10temp|zenpower|k8temp|via_cputemp", r".*"),
        (r"coretemp", r".*"),
        (r"cpu[-_]?thermal.*|cpu.*thermal.*|soc[-_]thermal.*|bigcore.*|littlecore.*", r".*"),
        (r"dell_smm|dell_ddv|thinkpad|asus.*|applesmc|hp.*", r"CPU.*|cpu.*|TC0P"),
        (r"nct\d+.*|it8\w+|f71\w+|w83\w+", r"PECI.*|CPUTIN|CPU.*|TSI0.*|SMBUSMASTER 0"),
        (r"acpitz", r".*"),
    )
)

_LOWEST_C: Final = -40.0  # below what consumer parts are specified for; -128 and -55 are "no sensor" codes
_HIGHEST_C: Final = 150.0  # silicon is off long before; 255 and 65261.8 are "no reading" codes
_LIMIT_RANGE_C: Final = (30.0, 150.0)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, from the driver unless `is_set`. `is_critical`: the hardware throttles or shuts down there.

    `stands_in`: it is set for processors whose driver gives none, not for this sensor.
    """

    temperature_c: float
    is_critical: bool
    is_set: bool = False  # by the person, in the settings: no reading
    stands_in: bool = False

    @property
    def name(self) -> str:
        """As in "critical limit"; what it is, and whose."""
        if self.is_set:
            return "limit set in the settings" if self.stands_in else "own limit"
        return "critical limit" if self.is_critical else "limit"


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """Limits that the person set. `of_sensors`: by sensor (`is_called`); they hold before the driver's, 0 is no limit.

    `without_driver_c` stands in for a processor's sensor whose driver gives none; 0 doesn't.
    """

    without_driver_c: float = 0.0
    of_sensors: Mapping[str, float] = field(default_factory=dict)

    def of(self, reading: SensorReading) -> float | None:
        """What is set for this sensor: by its key, else by the first pattern that means it; None if nothing is."""
        if reading.key in self.of_sensors:
            return self.of_sensors[reading.key]
        return next((limit_c for name, limit_c in self.of_sensors.items() if is_called(reading, name)), None)


NO_OWN_LIMITS: Final = OwnLimits()


def is_called(reading: SensorReading, name: str) -> bool:
    """Whether a rules file means this sensor: by its key, driver or label, or a pattern of one ("nvme*")."""
    return any(fnmatchcase(known, name) for known in (reading.key, reading.driver, reading.label) if known)


def kind_of(driver: str) -> str:
    """One of KINDS, by hwmon name or thermal zone type; "other" for a name that no row knows."""
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(driver)), "other")


def is_plausible(temperature_c: float) -> bool:
    """Whether a part of a running computer can have this temperature; exactly 0 is what drivers say for nothing."""
    return temperature_c != 0 and _LOWEST_C < temperature_c < _HIGHEST_C


def checked(reading: SensorReading) -> SensorReading:
    """`reading`, or the same without temperature and with a reason when its temperature can't be true."""
    value = reading.temperature_c
    if value is None:
        return reading
    if not is_plausible(value):
        return replace(reading, temperature_c=None, reason=f"The sensor says {value:g} °C, which can't be true.")
    return reading


def limit_of(reading: SensorReading, own: OwnLimits = NO_OWN_LIMITS) -> Limit | None:
    """What the person set for this sensor, else the driver's critical limit, else its max.

    None where there is none, or where the person wants no alert: then no alert can be raised from this sensor.
    """
    if own.of_sensors and (set_c := own.of(reading)) is not None:
        return Limit(set_c, is_critical=False, is_set=True) if set_c > 0 else None
    return driver_limit(reading) or _stand_in(reading, own.without_driver_c)


def driver_limit(reading: SensorReading) -> Limit | None:
    """The driver's critical limit, else its max, else None."""
    low, high = _LIMIT_RANGE_C
    if reading.critical_c is not None and low <= reading.critical_c <= high:
        return Limit(reading.critical_c, is_critical=True)
    if reading.max_c is not None and low <= reading.max_c <= high:
        return Limit(reading.max_c, is_critical=False)
    return None


def _stand_in(reading: SensorReading, without_driver_c: float) -> Limit | None:
    if without_driver_c > 0 and reading.kind == "cpu":
        return Limit(without_driver_c, is_critical=False, is_set=True, stands_in=True)
    return None


def no_limit_reason(reading: SensorReading, own: OwnLimits = NO_OWN_LIMITS) -> str:
    """Why no alert can be raised from this sensor, in words for people."""
    if own.of(reading) == 0:
        return "No alert is raised from this sensor: it is switched off in the settings."
    return f"The driver {reading.driver} gives no temperature limit, so no alert is raised from this sensor."


def may_float(driver: str) -> bool:
    """Whether this driver reports inputs that nothing is connected to: believe them only once they have moved."""
    return _FLOATING.fullmatch(driver) is not None


def cpu_sensor(readings: Iterable[SensorReading]) -> SensorReading | None:
    """The sensor that is *the* CPU temperature: best rank with a reading, the hottest of several (two packages).

    Without any reading the best-ranked sensor comes back, so that its reason can be shown; None without a CPU sensor.
    """
    ranked = [(rank, reading) for reading in readings if (rank := _cpu_rank(reading)) is not None]
    if not ranked:
        return None
    return min(ranked, key=_preference)[1]


def hottest_c(readings: Iterable[SensorReading]) -> float | None:
    """The highest plausible temperature of all sensors, None if there is none."""
    return max((reading.temperature_c for reading in readings if reading.temperature_c is not None), default=None)


def _preference(entry: tuple[int, SensorReading]) -> tuple[bool, int, float, str]:
    rank, reading = entry
    value = reading.temperature_c
    return value is None, rank, -(value or 0.0), reading.key


def _cpu_rank(reading: SensorReading) -> int | None:
    for rank, (driver, label) in enumerate(_CPU_RANKS):
        if driver.fullmatch(reading.driver) and label.fullmatch(reading.label):
            return rank
    return None
