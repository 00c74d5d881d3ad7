"""NVIDIA's cards, through the owner's library NVML and its Python binding nvidia-ml-py (optional).

NVML keeps /dev/nvidia* open from nvmlInit to nvmlShutdown, and an open handle keeps a card from falling asleep: so it
is opened by the first reading of a card that is awake and shut down by `release`. What a card doesn't support is None;
no binding, no library or a driver that doesn't fit it is a reason in words.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from smoothtask_gui.sources.gpu.protocol import CardUse, ProcessUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.sources.gpu.protocol import Card

T = TypeVar("T")
TEMPERATURE_GPU: Final = 0  # nvmlTemperatureSensors_t
CLOCK_GRAPHICS: Final = 0  # nvmlClockType_t
LOOK_BACK_US: Final = 2_000_000
"""How old a sample of a process's use may be; the driver samples several times a second."""

_NO_SAMPLES: Final = (0, 6)
"""NVML_SUCCESS with an empty list, which the binding raises too, and NVML_ERROR_NOT_FOUND: nobody used the card."""


class Nvml(Protocol):
    """The part of the module `pynvml` in use; every function raises NVMLError."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> None: ...  # noqa: N802 - NVML's own names
    def nvmlShutdown(self) -> None: ...  # noqa: N802
    def nvmlDeviceGetHandleByPciBusId(self, pciBusId: bytes) -> Any: ...  # noqa: N802, N803
    def nvmlDeviceGetName(self, handle: Any) -> str | bytes: ...  # noqa: N802
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...  # noqa: N802

    nvmlDeviceGetMemoryInfo: Callable[[Any], Any]  # noqa: N815

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int: ...  # noqa: N802
    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int: ...  # noqa: N802

    nvmlDeviceGetClockInfo: Callable[[Any, int], int]  # noqa: N815

    def nvmlDeviceGetProcessUtilization(self, handle: Any, timeStamp: int) -> list[Any]: ...  # noqa: N802, N803
    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Any) -> list[Any]: ...  # noqa: N802
    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[Any]: ...  # noqa: N802


def load_nvml() -> Nvml:
    """The binding itself. Raises ImportError without it."""
    return cast("Nvml", importlib.import_module("pynvml"))


class NvidiaDriver:
    """Opens NVML when first asked. `now_us` is the wall clock, by which NVML stamps its samples."""

    def __init__(
        self,
        load: Callable[[], Nvml] = load_nvml,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._load = load
        self._now_us = now_us
        self._nvml: Nvml | None = None
        self._handles: dict[str, Any] = {}

    def read(self, card: Card) -> CardUse:
        """Read it now; opens NVML if it isn't open."""
        try:
            nvml = self._open()
        except ImportError:
            return CardUse(reason="NVIDIA's binding isn't installed: install nvidia-ml-py.")
        except OSError as error:
            return CardUse(reason=f"NVIDIA's library can't be loaded ({error}).")
        if isinstance(nvml, str):
            return CardUse(reason=nvml)
        try:
            if card.key not in self._handles:
                self._handles[card.key] = nvml.nvmlDeviceGetHandleByPciBusId(card.key.encode())
        except nvml.NVMLError as error:
            self.release()
            return CardUse(reason=f"NVIDIA's driver doesn't know this card ({error}).")
        return self._ask(nvml, self._handles[card.key])

    def release(self) -> None:
        """Shut NVML down, so that cards may sleep."""
        nvml, self._nvml = self._nvml, None
        self._handles.clear()
        if nvml is not None:
            _tried(nvml, nvml.nvmlShutdown)

    def _open(self) -> Nvml | str:
        """The library, or why it can't be used. Raises ImportError, OSError."""
        if self._nvml is None:
            nvml = self._load()
            try:
                nvml.nvmlInit()
            except nvml.NVMLError as error:
                return f"NVIDIA's library can't be used ({error}): is its version the driver's?"
            self._nvml = nvml
        return self._nvml

    def _ask(self, nvml: Nvml, handle: Any) -> CardUse:
        use = _tried(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        memory = _tried(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        power_mw = _tried(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        degrees = _tried(nvml, lambda: nvml.nvmlDeviceGetTemperature(handle, TEMPERATURE_GPU))
        clock_mhz = _tried(nvml, lambda: nvml.nvmlDeviceGetClockInfo(handle, CLOCK_GRAPHICS))
        name = _tried(nvml, lambda: nvml.nvmlDeviceGetName(handle))
        return CardUse(
            busy_ratio=None if use is None else use.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_w=None if power_mw is None else power_mw / 1000,
            frequency_mhz=None if clock_mhz is None else float(clock_mhz),
            temperature_c=None if degrees is None else float(degrees),
            name=name.decode("utf-8", "replace") if isinstance(name, bytes) else name or "",
            processes=self._processes(nvml, handle),
        )

    def _processes(self, nvml: Nvml, handle: Any) -> tuple[ProcessUse, ...]:
        running = [
            *(_tried(nvml, lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses(handle)) or ()),
            *(_tried(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or ()),
        ]
        memory: dict[int, int | None] = {process.pid: process.usedGpuMemory for process in running}
        ratios = self._ratios(nvml, handle)
        idle = None if ratios is None else 0.0  # who has no sample in that time did nothing
        return tuple(ProcessUse(pid, used, (ratios or {}).get(pid, idle)) for pid, used in sorted(memory.items()))

    def _ratios(self, nvml: Nvml, handle: Any) -> dict[int, float] | None:
        """Each process's latest share by pid, None where the card doesn't tell."""
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(handle, self._now_us() - LOOK_BACK_US)
        except nvml.NVMLError as error:
            return {} if getattr(error, "value", None) in _NO_SAMPLES else None
        return {
            sample.pid: min(1.0, max(sample.smUtil, sample.encUtil, sample.decUtil) / 100)
            for sample in sorted(samples, key=lambda sample: int(sample.timeStamp))
        }


def _tried(nvml: Nvml, ask: Callable[[], T]) -> T | None:
    """The answer, None where this card or driver has none."""
    try:
        return ask()
    except nvml.NVMLError:
        return None
