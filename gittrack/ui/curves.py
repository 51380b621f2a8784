"""Logged values for drawing: thinned to the least and the greatest of each stretch.

A curve of a million values drawn from a few hundred looks the same, spikes included.
"""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gittrack.runs import jsonlines
from gittrack.runs.lines import line_files
from gittrack.runs.series import Series, read_series
from gittrack.runs.systemlines import system_files
from gittrack.ui.table import metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

BUCKETS = 250
_FEWEST, _MOST = 20, 2000
_KEPT = 4_000


def thinned(values: Sequence[float], buckets: int = BUCKETS) -> Sequence[int]:
    """Return the places of at most two values a bucket, the least and the greatest, and the ends.

    What is no finite number is kept where it is alone in its bucket.
    """
    count = len(values)
    if count <= 2 * buckets:
        return range(count)
    kept = {0, count - 1}
    for number in range(buckets):
        begin, end = count * number // buckets, count * (number + 1) // buckets
        stretch = values[begin:end]
        if math.isfinite(sum(stretch)):
            kept.update(begin + stretch.index(one) for one in (min(stretch), max(stretch)))
            continue
        finite = [place for place in range(begin, end) if math.isfinite(values[place])] or [begin]
        kept.update((min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)))
    return sorted(kept)


def curve(series: Series, buckets: int = BUCKETS) -> dict[str, Any]:
    """Return a curve as JSON: what is kept of it, in columns, and how many values there are."""
    kept = thinned(series.values, buckets)
    return {
        "step": [series.steps[place] for place in kept],
        "time": [series.times[place] for place in kept],
        "value": [metric(series.values[place]) for place in kept],
        "count": len(series.values),
    }


class Curves:
    """Curves of runs by metric, remembered as JSON as long as their files stay the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, str, int], tuple[object, str]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, folder: Path, name: str, buckets: int = BUCKETS) -> str:
        """Return the curve of a metric of the run in a folder, as JSON."""
        found = line_files(folder)
        now, buckets = _sizes(found), max(_FEWEST, min(buckets, _MOST))
        with self._lock:
            seen, text = self._kept.get((folder, name, buckets), (None, ""))
        if seen != now:
            text = _text(curve(read_series(found, name), buckets))
            with self._lock:
                self._kept[folder, name, buckets] = now, text
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return text


def of_run(folder: Path, names: Iterable[str], curves: Curves) -> str:
    """Return the curves of a run as JSON: of its metrics, and of its system metrics."""
    system = {name: _text(curve(series)) for name, series in _system(folder).items()}
    metrics = {name: curves.of(folder, name) for name in names}
    return joined({"metrics": joined(metrics), "system": joined(system)})


def joined(texts: Mapping[str, str]) -> str:
    """Return the JSON of a map whose values are JSON already."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in texts.items()) + "}"


def _text(value: object) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _system(folder: Path) -> Mapping[str, Series]:
    """Return the values of each system metric."""
    found: dict[str, list[tuple[int, int, float]]] = {}

    def take(entry: dict[str, Any]) -> None:
        for name, value in entry.get("metrics", {}).items():
            if isinstance(value, (int, float)):
                place = int(entry["time"]), int(entry.get("step", 0))
                found.setdefault(name, []).append((*place, float(value)))

    for path in system_files(folder):
        jsonlines.read_lines(path, take)
    series = {}
    for name in sorted(found):
        times, steps, values = zip(*sorted(found[name]), strict=True)
        series[name] = Series(list(steps), list(times), list(values))
    return series


def _sizes(found: Iterable[Path]) -> tuple[object, ...]:
    sizes: list[object] = []
    for path in found:
        with suppress(OSError):
            status = path.lstat()
            sizes += [path.name, status.st_size, status.st_mtime_ns]
    return tuple(sizes)
