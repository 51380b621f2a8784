"""Line files: one call a line, appended by one process, folded into summaries by every reader.

    {"step":3,"time":1795411510252,"metrics":{"acc":0.9,"loss":0.33}}
    {"time":1795411510300,"params":{"alpha":0.5}}
    {"time":1795411510301,"tags":{"team":"a","old":null}}
    {"time":1795411510302,"inputs":[{"name":"wine.csv","digest":"sha256:..."}]}
    {"time":1795411510303,"left_out":["artifacts/model.pkl: No space left on device"]}
    {"time":1795411510999,"status":"FAILED"}

`time` is ms since 1970 UTC. A line without `step` is at step 0. A tag that is null is removed.
`status` is how a process that joined another's run asks for its end, and `left_out` all that such a
process has lost so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

from gittrack import paths
from gittrack.files import Problem
from gittrack.runs.record import ENDED, MetricSummary, RunRecord, joined_inputs
from gittrack.runs.trees import DISK, Tree
from gittrack.runs.values import (
    ParamValue,
    metric_json,
    metric_value,
    param_text,
    same_param,
    to_json,
)

# How the names of metrics stand in lines: to make each anew would take longer than to write it.
keys: dict[str, str] = {}
_KEYS_KEPT = 10_000
_BLOCK = 1 << 20


class Point(NamedTuple):
    """One logged value of a metric; `time` in ms since 1970 UTC."""

    step: int
    time: int
    value: float


class MetricFold:
    """A metric of one line file, folded line by line."""

    __slots__ = ("count", "last", "max", "min", "step", "time")

    def __init__(self, point: Point) -> None:
        self.step, self.time, self.last = point
        self.min = self.max = point.value
        self.count = 1

    def add(self, step: int, time: int, value: float) -> None:
        """Fold in the next line's value.

        `last` is that of the greatest step, of equal steps the later line.
        """
        self.count += 1
        if step >= self.step:
            self.step, self.time, self.last = step, time, value
        # A NaN is neither less nor greater than anything, and one that came first gives way to any
        # number.
        if value < self.min or self.min != self.min:
            self.min = value
        if value > self.max or self.max != self.max:
            self.max = value

    def add_all(self, steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> None:
        """Fold in the values of many lines, in their order, much faster than one by one."""
        if isnan(sum(values)):  # a NaN among them, or infinities of both signs
            for point in zip(steps, times, values, strict=True):
                self.add(*point)
            return
        self.count += len(values)
        top = max(steps)
        if top >= self.step:
            last = len(steps) - 1 - steps[::-1].index(top)
            self.step, self.time, self.last = top, times[last], values[last]
        low, high = min(values), max(values)
        self.min = low if isnan(self.min) else min(self.min, low)
        self.max = high if isnan(self.max) else max(self.max, high)


@dataclass
class FileFold:
    """All that one line file says."""

    size: int = 0
    metrics: dict[str, MetricFold] = field(default_factory=dict)
    params: dict[str, tuple[int, ParamValue]] = field(default_factory=dict)
    tags: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    inputs: list[Mapping[str, object]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    status: tuple[int, str] | None = None
    last_time: int = 0
    problems: list[Problem] = field(default_factory=list)
    # Name, step, time and value of one metric after the other: no tuples that Python has to track.
    waiting: list[Any] = field(default_factory=list)

    def settle(self) -> None:
        """Fold in the metrics that wait."""
        waiting, self.waiting = self.waiting, []
        names, *columns = (waiting[at::4] for at in range(4))
        for name, (steps, times, values) in _grouped(names, columns):
            fold = self.metrics.get(name)
            if fold is None:
                fold = self.metrics[name] = MetricFold(Point(steps[0], times[0], values[0]))
                fold.count = 0
            fold.add_all(steps, times, values)
            self.last_time = max(self.last_time, *times)

    def add(self, entry: Mapping[str, object]) -> None:
        """Fold in one line.

        Raises:
            ValueError: the line is not of the format.
        """
        step, time = place_of(entry)
        self.last_time = max(self.last_time, time)
        metrics = {name: metric_value(value) for name, value in _map(entry, "metrics").items()}
        self.add_metrics(metrics, step=step, time=time)
        for name, value in _map(entry, "params").items():
            if value is not None and not isinstance(value, (bool, int, float, str)):
                raise ValueError(f"param {name!r} is not a plain value")
            self.params.setdefault(name, (time, value))
        for name, value in _map(entry, "tags").items():
            if value is not None and not isinstance(value, str):
                raise ValueError(f"tag {name!r} is not text")
            self.tags[name] = (time, value)
        if isinstance(inputs := entry.get("inputs"), list):
            self.inputs += [item for item in inputs if isinstance(item, Mapping)]
        if isinstance(left_out := entry.get("left_out"), list):
            self.left_out = [str(item) for item in left_out]
        if isinstance(status := entry.get("status"), str) and status in ENDED:
            self.status = (time, status)

    def add_metrics(self, metrics: Mapping[str, float], *, step: int, time: int) -> None:
        """Fold in the metrics of one line."""
        for name, value in metrics.items():
            fold = self.metrics.get(name)
            if fold is None:
                self.metrics[name] = MetricFold(Point(step, time, value))
            else:
                fold.add(step, time, value)


@dataclass(frozen=True)
class Folded:
    """All that a run's line files say together."""

    metrics: dict[str, MetricSummary]
    params: dict[str, ParamValue]
    tags: dict[str, str | None]
    inputs: list[Mapping[str, object]]
    left_out: list[str]
    files: dict[str, int]
    status: tuple[int, str] | None
    last_time: int
    problems: list[Problem]


def metric_line(name: str, value: float, *, time: int, step: int | None) -> bytes:
    """Return the line of one `log_metric` call."""
    head = "" if step is None else f'"step":{step},'
    key = keys.get(name) or _key_of(name)
    return f'{{{head}"time":{time},"metrics":{{{key}{metric_json(value)}}}}}\n'.encode()


def metrics_line(metrics: Mapping[str, float], *, time: int, step: int | None) -> bytes:
    """Return the line of one `log_metrics` call."""
    total = sum(metrics.values())
    try:
        written = [f"{keys[name]}{value!r}" for name, value in metrics.items()]
    except KeyError:
        written = []
    if not written or total - total != 0.0:  # a name is new, or a value is NaN or infinite
        written = [
            f"{keys.get(name) or _key_of(name)}{metric_json(value)}"
            for name, value in metrics.items()
        ]
    head = "" if step is None else f'"step":{step},'
    return f'{{{head}"time":{time},"metrics":{{{",".join(written)}}}}}\n'.encode()


def _key_of(name: str) -> str:
    if len(keys) >= _KEYS_KEPT:
        keys.clear()
    key = keys[name] = f"{to_json(name)}:"
    return key


def entry_line(kind: str, value: object, *, time: int) -> bytes:
    """Return the line of one `log_params` or `set_tags` call, or of a status."""
    return f'{{"time":{time},{to_json(kind)}:{to_json(value, compact=True)}}}\n'.encode()


def line_files(
    folder: Path, is_one: Callable[[str], bool] = paths.is_line_file, tree: Tree = DISK
) -> list[Path]:
    """Return a run's metrics files, each followed by those that it was continued in.

    Or files of another kind, where `is_one` tells them by their names.
    """
    try:
        names = [name for name in tree.names(folder) if is_one(name)]
    except FileNotFoundError:
        return []
    return [tree.local(folder / name) for name in sorted(names, key=paths.line_file_order)]


def fold_file(path: Path, tree: Tree = DISK) -> FileFold:
    """Read one line file; lines that cannot be read become problems."""
    fold = FileFold()
    fold.size, fold.problems = tree.read_lines(path, fold.add)
    return fold


def merge(folds: Mapping[str, FileFold], base: Mapping[str, ParamValue] | None = None) -> Folded:
    """Join the folds of a run's line files, given by file name.

    `base` are the params that came before all lines.
    """
    params: dict[str, ParamValue] = dict(base or {})
    tags: dict[str, tuple[int, str | None]] = {}
    problems: list[Problem] = []
    statuses = [fold.status for fold in folds.values() if fold.status]
    for fold in folds.values():
        fold.settle()
        problems += fold.problems
        for name, timed in fold.tags.items():
            if name not in tags or timed[0] >= tags[name][0]:
                tags[name] = timed
    by_time = sorted(
        (time, file, name, value)
        for file, fold in folds.items()
        for name, (time, value) in _sortable(fold.params)
    )
    for _, file, name, value in by_time:
        param = folds[file].params[name][1]
        if name not in params:
            params[name] = param
        elif not same_param(params[name], param):
            kept = param_text(params[name])
            problems.append(
                Problem(
                    Path(file),
                    f"param {name!r} is {value} here, but was {kept} before; {kept} is kept",
                )
            )
    return Folded(
        metrics={name: _merge_metric(group) for name, group in _by_metric(folds)},
        params=params,
        tags={name: value for name, (_, value) in tags.items()},
        inputs=[item for file in sorted(folds) for item in folds[file].inputs],
        left_out=[item for file in sorted(folds) for item in folds[file].left_out],
        files={file: fold.size for file, fold in folds.items()},
        status=max(statuses) if statuses else None,
        last_time=max((fold.last_time for fold in folds.values()), default=0),
        problems=problems,
    )


def joined(record: RunRecord, folded: Folded) -> RunRecord:
    """Return a record with all that the run's line files say."""
    tags = {**record.tags, **folded.tags}
    return record.replaced(
        params=folded.params,
        metrics=folded.metrics,
        tags={name: value for name, value in tags.items() if value is not None},
        inputs=joined_inputs(record.inputs, folded.inputs),
        left_out=tuple(sorted({*record.left_out, *folded.left_out})),
        files=folded.files,
    )


def place_of(entry: Mapping[str, object]) -> tuple[int, int]:
    """Return the step and the time of a line.

    Raises:
        ValueError: they are no integers.
    """
    step, time = entry.get("step", 0), entry.get("time")
    if type(step) is not int or type(time) is not int:
        raise ValueError("'time' or 'step' is not an integer")
    return step, time


def _grouped(names: list[str], columns: list[list[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield each name with its part of the columns, in their order."""
    width = next((at for at in range(1, len(names)) if names[at] == names[0]), 1)
    distinct = names[:width]
    same = len(set(distinct)) == width and names == distinct * (len(names) // width)
    if same:  # the same metrics, call after call
        for at, name in enumerate(distinct):
            yield name, [column[at::width] for column in columns]
        return
    rows: dict[str, list[tuple[int, int, float]]] = {}
    for name, *row in zip(names, *columns, strict=True):
        rows.setdefault(name, []).append(tuple(row))
    for name, points in rows.items():
        yield name, tuple(zip(*points, strict=True))


def _by_metric(folds: Mapping[str, FileFold]) -> list[tuple[str, list[MetricFold]]]:
    grouped: dict[str, list[MetricFold]] = {}
    for file in sorted(folds, key=paths.line_file_order):
        for name, fold in folds[file].metrics.items():
            grouped.setdefault(name, []).append(fold)
    return sorted(grouped.items())


def _merge_metric(group: list[MetricFold]) -> MetricSummary:
    newest = group[0]
    for fold in group[1:]:
        if (fold.step, fold.time) >= (newest.step, newest.time):
            newest = fold
    low = min((fold.min for fold in group if fold.min == fold.min), default=None)
    high = max((fold.max for fold in group if fold.max == fold.max), default=None)
    return MetricSummary(newest.last, newest.step, low, high, sum(fold.count for fold in group))


def _sortable(params: Mapping[str, tuple[int, ParamValue]]) -> list[tuple[str, tuple[int, str]]]:
    return [(name, (time, param_text(value))) for name, (time, value) in params.items()]


def _map(entry: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = entry.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{key!r} is not an object")
    return value
