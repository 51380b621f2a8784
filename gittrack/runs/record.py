"""run.json: what was run, with what, and what came out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from gittrack.errors import NewerFormatError
from gittrack.runs.values import (
    ParamValue,
    format_time,
    metric_json,
    metric_value,
    parse_time,
    to_json,
)

FORMAT = 1

RUNNING = "RUNNING"
SCHEDULED = "SCHEDULED"
FINISHED = "FINISHED"
FAILED = "FAILED"
KILLED = "KILLED"
STATUSES = (RUNNING, SCHEDULED, FINISHED, FAILED, KILLED)
ENDED = (FINISHED, FAILED, KILLED)

_EXPANDED = ("params", "metrics", "tags", "source")


@dataclass(frozen=True)
class MetricSummary:
    """What became of one metric.

    The value at the greatest step, and the extremes over all that are not NaN.
    """

    last: float
    step: int
    min: float | None
    max: float | None
    count: int

    def __eq__(self, other: object) -> bool:
        """Tell whether both say the same; NaN is the same as NaN."""
        return isinstance(other, MetricSummary) and self._told() == other._told()

    def __hash__(self) -> int:
        return hash(self._told())

    def _told(self) -> tuple[object, ...]:
        last = "NaN" if math.isnan(self.last) else self.last
        return (last, self.step, self.min, self.max, self.count)


@dataclass(frozen=True)
class RunRecord:
    """One run as `run.json` holds it. Times are ms since 1970 UTC.

    `source` is JSON as it stands in the file.
    """

    run_id: str
    name: str
    experiment: str
    status: str
    start_time: int
    end_time: int | None = None
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    python: str | None = None
    platform: str | None = None
    user: str | None = None
    inputs: tuple[Mapping[str, Any], ...] = ()
    left_out: tuple[str, ...] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def replaced(self, **changes: Any) -> RunRecord:
        """Return a copy with some fields changed."""
        # What `dataclasses.replace` does, in a tenth of its time; a short run takes nine copies.
        copy = object.__new__(RunRecord)
        copy.__dict__.update(self.__dict__, **changes)
        return copy


# The keys of the file, in their order.
_KNOWN = ("format", *(one.name for one in fields(RunRecord) if one.name != "unknown"))


def joined_inputs(
    first: Iterable[Mapping[str, Any]], second: Iterable[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """Return the datasets of both, each once."""
    joined: list[Mapping[str, Any]] = []
    for item in (*first, *second):
        if item not in joined:
            joined.append(item)
    return tuple(joined)


def to_bytes(record: RunRecord) -> bytes:
    """Return the bytes of `run.json`.

    One entry a line, maps sorted by key, absent rather than null.
    """
    entries: dict[str, str] = {"format": str(FORMAT)}
    for key in _KNOWN[1:]:
        value = getattr(record, key)
        if value is None or (not isinstance(value, (str, int)) and not value):
            continue
        entries[key] = _entry(key, value)
    for key in sorted(record.unknown):
        entries[key] = to_json(record.unknown[key])
    return _braced(entries, "").encode() + b"\n"


def from_json(data: Mapping[str, Any]) -> RunRecord:
    """Read what `to_bytes` wrote; unknown keys are kept.

    Raises:
        ValueError: a key is missing or of another type than the format says.
        NewerFormatError: a newer gittrack wrote it.
    """
    version = data.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(
            f"is of format {version}, this gittrack reads up to {FORMAT}",
            hint="install a newer gittrack",
        )
    if version != FORMAT:
        raise ValueError(f"'format' is {version!r}, not {FORMAT}")
    end = data.get("end_time")
    status = _text(data, "status")
    if status not in STATUSES:
        raise ValueError(f"'status' is {status!r}, not one of {', '.join(STATUSES)}")
    return RunRecord(
        run_id=_text(data, "run_id"),
        name=_text(data, "name"),
        experiment=_text(data, "experiment"),
        status=status,
        start_time=parse_time(data.get("start_time")),
        end_time=parse_time(end) if end is not None else None,
        params={key: _param(key, value) for key, value in _map(data, "params").items()},
        metrics={key: _summary(key, value) for key, value in _map(data, "metrics").items()},
        tags={
            key: value if isinstance(value, str) else to_json(value)
            for key, value in _map(data, "tags").items()
        },
        parent=_optional_text(data, "parent"),
        source=_map(data, "source"),
        python=_optional_text(data, "python"),
        platform=_optional_text(data, "platform"),
        user=_optional_text(data, "user"),
        inputs=tuple(item for item in _list(data, "inputs") if isinstance(item, Mapping)),
        left_out=tuple(str(item) for item in _list(data, "left_out")),
        files={key: value for key, value in _map(data, "files").items() if isinstance(value, int)},
        unknown={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _entry(key: str, value: Any) -> str:
    if key in ("start_time", "end_time"):
        return to_json(format_time(value))
    if key == "metrics":
        return _braced({name: _summary_json(value[name]) for name in sorted(value)}, "  ")
    if key in _EXPANDED:
        names = value if key == "source" else sorted(value)
        return _braced({name: to_json(value[name]) for name in names}, "  ")
    if key == "files":
        return to_json({name: value[name] for name in sorted(value)})
    return to_json(list(value) if isinstance(value, tuple) else value)


def _braced(entries: Mapping[str, str], indent: str) -> str:
    lines = ",\n".join(f"{indent}  {to_json(key)}: {text}" for key, text in entries.items())
    return f"{{\n{lines}\n{indent}}}"


def _summary_json(summary: MetricSummary) -> str:
    parts = [f'"last": {metric_json(summary.last)}', f'"step": {summary.step}']
    if summary.min is not None and summary.max is not None:
        parts += [f'"min": {metric_json(summary.min)}', f'"max": {metric_json(summary.max)}']
    return "{" + ", ".join([*parts, f'"count": {summary.count}']) + "}"


def _summary(name: str, value: object) -> MetricSummary:
    if not isinstance(value, dict):
        raise ValueError(f"metric {name!r} is {type(value).__name__}, not an object")
    get = value.get
    step, count = get("step", 0), get("count", 1)
    if not isinstance(step, int) or not isinstance(count, int):
        raise ValueError(f"metric {name!r} has a step or count that is no integer")
    low, high = get("min"), get("max")
    return MetricSummary(
        metric_value(get("last")),
        step,
        None if low is None else metric_value(low),
        None if high is None else metric_value(high),
        count,
    )


def _param(name: str, value: object) -> ParamValue:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(f"param {name!r} is {type(value).__name__}, not a plain value")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is missing" if value is None else f"{key!r} is not text")
    return value


def _optional_text(data: Mapping[str, Any], key: str) -> str | None:
    return None if data.get(key) is None else _text(data, key)


def _map(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{key!r} is not an object")
    return value


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise ValueError(f"{key!r} is not a list")
    return value
