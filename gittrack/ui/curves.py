"""Logged values for drawing: thinned to the least and the greatest of each stretch.

A curve of a million values drawn from a few hundred looks the same, spikes included.
"""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from gittrack import files
from gittrack.runs import lines
from gittrack.runs.lines import Point
from gittrack.runs.series import history
from gittrack.ui.table import metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

BUCKETS = 250
_KEPT = 4_000


def thinned(points: Sequence[Point], buckets: int = BUCKETS) -> list[Point]:
    """Return at most two points a bucket, the least and the greatest, and the ends of the curve.

    Values that are no finite number are kept where they are alone in their bucket.
    """
    if len(points) <= 2 * buckets:
        return list(points)
    kept = {0, len(points) - 1}
    for number in range(buckets):
        begin, end = (len(points) * edge // buckets for edge in (number, number + 1))
        finite = [place for place in range(begin, end) if math.isfinite(points[place].value)]
        places = finite or [begin]
        kept.add(min(places, key=lambda place: points[place].value))
        kept.add(max(places, key=lambda place: points[place].value))
    return [points[place] for place in sorted(kept)]


def curve(points: Sequence[Point], buckets: int = BUCKETS) -> dict[str, Any]:
    """Return a curve as JSON: the points kept of it, in columns, and how many there are."""
    kept = thinned(points, buckets)
    return {
        "step": [point.step for point in kept],
        "time": [point.time for point in kept],
        "value": [metric(point.value) for point in kept],
        "count": len(points),
    }


class Curves:
    """Curves of runs by metric, remembered as long as their files stay the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, str], tuple[object, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, folder: Path, name: str) -> dict[str, Any]:
        """Return the curve of a metric of the run in a folder."""
        found = lines.line_files(folder)
        now = _sizes(found)
        with self._lock:
            seen, kept = self._kept.get((folder, name), (None, b""))
        if seen != now:
            kept = json.dumps(curve(history(found, name))).encode()
            with self._lock:
                self._kept[folder, name] = now, kept
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return dict(json.loads(kept))


def of_run(folder: Path, names: Iterable[str], curves: Curves) -> dict[str, Any]:
    """Return the curves of a run: of its metrics, and of its system metrics."""
    return {
        "metrics": {name: curves.of(folder, name) for name in names},
        "system": {name: curve(points) for name, points in _system(folder).items()},
    }


def _system(folder: Path) -> Mapping[str, list[Point]]:
    """Return the points of each system metric."""
    found: dict[str, list[Point]] = {}

    def take(entry: dict[str, Any]) -> None:
        for name, value in entry.get("metrics", {}).items():
            if isinstance(value, (int, float)):
                point = Point(int(entry.get("step", 0)), int(entry["time"]), float(value))
                found.setdefault(name, []).append(point)

    for path in sorted(folder.glob("system*.jsonl")):
        files.read_lines(path, take)
    return {name: sorted(found[name], key=lambda point: point.time) for name in sorted(found)}


def _sizes(found: Iterable[Path]) -> tuple[object, ...]:
    sizes: list[object] = []
    for path in found:
        try:
            status = path.lstat()
        except OSError:
            continue
        sizes += [path.name, status.st_size, status.st_mtime_ns]
    return tuple(sizes)
