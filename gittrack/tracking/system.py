"""System metrics on request: how busy the machine was while a run was open.

A thread of the run's own samples processor, memory, disk, network and GPUs, and appends the means
of some samples to `system.jsonl`, under MLflow's names.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gittrack import settings
from gittrack.errors import InvalidValueError, MissingPackageError, StoreError
from gittrack.runs import lines, systemlines
from gittrack.runs.appending import LineWriter
from gittrack.runs.forgiving import warn
from gittrack.runs.logbook import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gittrack.runs.writer import RunWriter

SECONDS = 10.0
_SHORTEST = 0.01
_MEGA = 1e6


def enable_system_metrics_logging() -> None:
    """Record system metrics of the runs that this process and its children start from now on."""
    settings.set_variable(settings.SYSTEM_METRICS, "true")


def disable_system_metrics_logging() -> None:
    """Record no system metrics but of runs started with `log_system_metrics=True`."""
    settings.set_variable(settings.SYSTEM_METRICS, "false")


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Sample every `interval` seconds; None goes back to 10.

    Raises:
        InvalidValueError: it is no positive number.
    """
    _set_number(settings.SYSTEM_INTERVAL, interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Write the mean of this many samples as one line; None goes back to 1.

    Raises:
        InvalidValueError: it is no positive number.
    """
    _set_number(settings.SYSTEM_SAMPLES, samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Name the metrics `system/NODE/...`, to tell the machines of one run apart; None ends it."""
    settings.set_variable(settings.SYSTEM_NODE, None if node_id is None else str(node_id))


def wanted(asked: bool | None) -> bool:
    """Tell whether a run that is started now records system metrics.

    Args:
        asked: what the call says; None leaves it to the environment.

    Raises:
        MissingPackageError: the call asks for them, and psutil is not installed.
    """
    if not (settings.switched_on(settings.SYSTEM_METRICS) if asked is None else asked):
        return False
    try:
        import psutil  # noqa: F401
    except ImportError:
        error = MissingPackageError(
            "system metrics need psutil, which is not installed",
            hint="pip install psutil, and nvidia-ml-py for NVIDIA's GPUs",
        )
        if asked:
            raise error from None
        warn(str(error))
        return False
    return True


class Sampler:
    """Samples system metrics for a run from a thread of its own until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self._lines = LineWriter(folder, rank=settings.rank(), kind="system")
        self._step = max((last.step + 1 for last in systemlines.latest(folder).values()), default=0)
        self._every = max(settings.number(settings.SYSTEM_INTERVAL) or SECONDS, _SHORTEST)
        self._samples = max(int(settings.number(settings.SYSTEM_SAMPLES) or 1), 1)
        node = settings.variable(settings.SYSTEM_NODE)
        self._prefix = systemlines.PREFIX + (f"{node}/" if node else "")
        self._meters = [_processor, _disk_of(folder), _network(), *_gpus()]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gittrack-system", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        _processor()  # its first reading means nothing: there is none before to compare it with
        with suppress(RuntimeError):  # no more threads are to be had
            self._thread.start()

    def stop(self) -> None:
        """Write what was sampled since the last line, and end."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._lines.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            samples: list[dict[str, float]] = []
            while len(samples) < self._samples and not self._stopped.wait(self._every):
                samples.append(self._sample())
            self._write(samples or [self._sample()])

    def _sample(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for meter in self._meters:
            with suppress(Exception):  # a device that does not answer hides no other
                found.update(meter())
        return found

    def _write(self, samples: list[dict[str, float]]) -> None:
        mean = {
            self._prefix + name: round(
                sum(sample.get(name, value) for sample in samples) / len(samples), 3
            )
            for name, value in samples[-1].items()
        }
        line = lines.metrics_line(mean, time=now_ms(), step=self._step)
        with suppress(OSError, StoreError):  # the next one tries again; of the run itself is warned
            self._lines.check()
            self._lines.append(line)
            self._step += 1


def record(writer: RunWriter) -> None:
    """Record system metrics of a run until it ends."""
    sampler = Sampler(writer.folder)
    writer.companions.append(sampler.stop)
    sampler.start()


def _set_number(name: str, value: float | None) -> None:
    if value is not None and not (isinstance(value, (int, float)) and value > 0):
        raise InvalidValueError(f"{value!r} is no positive number", hint="None goes back to usual")
    settings.set_variable(name, None if value is None else str(value))


def _processor() -> Mapping[str, float]:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / _MEGA,
        "system_memory_usage_percentage": memory.used / memory.total * 100,
    }


def _disk_of(folder: Path) -> Callable[[], Mapping[str, float]]:
    import psutil

    def disk() -> Mapping[str, float]:
        usage = psutil.disk_usage(str(folder))
        return {
            "disk_usage_percentage": usage.percent,
            "disk_usage_megabytes": usage.used / _MEGA,
            "disk_available_megabytes": usage.free / _MEGA,
        }

    return disk


def _network() -> Callable[[], Mapping[str, float]]:
    import psutil

    before = psutil.net_io_counters()

    def network() -> Mapping[str, float]:
        now = psutil.net_io_counters()
        return {
            "network_receive_megabytes": (now.bytes_recv - before.bytes_recv) / _MEGA,
            "network_transmit_megabytes": (now.bytes_sent - before.bytes_sent) / _MEGA,
        }

    return network


def _gpus() -> list[Callable[[], Mapping[str, float]]]:
    """Return what measures each GPU of NVIDIA's; none without its driver or nvidia-ml-py."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())
        ]
    except Exception:  # noqa: BLE001 - ImportError, or one of the library's own
        return []
    return [
        _gpu(reading, f"gpu_{at}_", handle)
        for at, handle in enumerate(handles)
        for reading in (_gpu_memory, _gpu_load, _gpu_power)
    ]


def _gpu(
    reading: Callable[[Any, Any], Mapping[str, float]], prefix: str, handle: Any
) -> Callable[[], Mapping[str, float]]:
    import pynvml

    return lambda: {prefix + name: value for name, value in reading(pynvml, handle).items()}


def _gpu_memory(nvml: Any, handle: Any) -> Mapping[str, float]:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {
        "memory_usage_percentage": memory.used / memory.total * 100,
        "memory_usage_megabytes": memory.used / _MEGA,
    }


def _gpu_load(nvml: Any, handle: Any) -> Mapping[str, float]:
    return {"utilization_percentage": nvml.nvmlDeviceGetUtilizationRates(handle).gpu}


def _gpu_power(nvml: Any, handle: Any) -> Mapping[str, float]:
    used = nvml.nvmlDeviceGetPowerUsage(handle)
    return {
        "power_usage_watts": used / 1000,
        "power_usage_percentage": used / nvml.nvmlDeviceGetEnforcedPowerLimit(handle) * 100,
    }
