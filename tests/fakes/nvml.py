"""NVIDIA's library at its outermost edge: the functions of `pynvml` that are in use, over cards in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class NvmlError(Exception):
    """As pynvml's: `value` is the library's return code."""

    def __init__(self, value: int) -> None:
        super().__init__(
            {3: "Not Supported", 6: "Not Found", 9: "Driver Not Loaded", 15: "GPU is lost"}.get(value, "?")
        )
        self.value = value


NOT_SUPPORTED, NOT_FOUND, DRIVER_NOT_LOADED, LOST = 3, 6, 9, 15


@dataclass
class NvmlCard:
    """What one card answers; None is "not supported". `samples` are (pid, µs, sm, enc, dec) in percent."""

    busy_percent: int | None = 0
    memory: tuple[int, int] | None = (0, 8 << 30)
    power_mw: int | None = None
    temperature_c: int | None = None
    clock_mhz: int | None = None
    name: str | bytes = "NVIDIA Test 1"
    graphics: dict[int, int | None] = field(default_factory=dict)
    compute: dict[int, int | None] = field(default_factory=dict)
    samples: list[tuple[int, int, int, int, int]] | None = field(default_factory=list)


class FakeNvml:
    """Counts how often it was opened and shut; using it while shut fails the test."""

    NVMLError = NvmlError

    def __init__(self, **cards: NvmlCard) -> None:
        self.cards = {key.replace("_", ":").replace("x", "."): card for key, card in cards.items()}
        self.init_error: int | None = None
        self.opened = self.shut = 0

    @property
    def is_open(self) -> bool:
        return self.opened > self.shut

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own names
        if self.init_error is not None:
            raise NvmlError(self.init_error)
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        assert self.is_open
        self.shut += 1

    def nvmlDeviceGetHandleByPciBusId(self, pciBusId: bytes) -> NvmlCard:  # noqa: N802, N803
        assert self.is_open
        card = self.cards.get(pciBusId.decode())
        if card is None:
            raise NvmlError(NOT_FOUND)
        return card

    def nvmlDeviceGetName(self, handle: NvmlCard) -> str | bytes:  # noqa: N802
        return handle.name

    def nvmlDeviceGetUtilizationRates(self, handle: NvmlCard) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=self._supported(handle.busy_percent), memory=0)

    def _memory(self, handle: NvmlCard) -> Any:
        used, total = self._supported(handle.memory)
        return SimpleNamespace(used=used, total=total, free=total - used)

    def nvmlDeviceGetPowerUsage(self, handle: NvmlCard) -> int:  # noqa: N802
        return self._supported(handle.power_mw)

    def nvmlDeviceGetTemperature(self, handle: NvmlCard, sensor: int) -> int:  # noqa: N802
        assert sensor == 0
        return self._supported(handle.temperature_c)

    def _clock(self, handle: NvmlCard, kind: int) -> int:
        assert kind == 0
        return self._supported(handle.clock_mhz)

    def nvmlDeviceGetProcessUtilization(self, handle: NvmlCard, timeStamp: int) -> list[Any]:  # noqa: N802, N803
        samples = self._supported(handle.samples)
        found = [
            SimpleNamespace(pid=pid, timeStamp=at, smUtil=sm, memUtil=0, encUtil=enc, decUtil=dec)
            for pid, at, sm, enc, dec in samples
            if at > timeStamp
        ]
        if not found:
            raise NvmlError(NOT_FOUND)
        return found

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: NvmlCard) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in handle.graphics.items()]

    def nvmlDeviceGetComputeRunningProcesses(self, handle: NvmlCard) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in handle.compute.items()]

    def _supported(self, value: Any) -> Any:
        assert self.is_open
        if value is None:
            raise NvmlError(NOT_SUPPORTED)
        return value

    nvmlDeviceGetMemoryInfo = _memory  # noqa: N815 - as above
    nvmlDeviceGetClockInfo = _clock  # noqa: N815
