"""What a server counts, in memory that its workers share, and the text that Prometheus reads.

A worker writes only its own row, and its successor goes on in it, so that no counter falls when a
worker is replaced.
"""

from __future__ import annotations

import mmap
import threading
import time
from bisect import bisect_left
from itertools import product
from typing import TYPE_CHECKING

from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# "other" stands for every path that is none of ours.
PATHS = ("/invocations", "/ping", "/health", "/version", "/metrics", "/openapi.json", "other")
STATUSES = (200, 400, 404, 405, 408, 413, 415, 431, 500, 501, 504)
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_DOUBLE = 8
_BEAT, _STARTS, _CONNECTIONS = range(3)
_ANSWERS = 3
_PLACES = {pair: _ANSWERS + at for at, pair in enumerate(product(PATHS, STATUSES))}
_REQUEST_SECONDS = _ANSWERS + len(_PLACES)
_HISTOGRAM = len(BOUNDS) + 2  # one for what is longer than all bounds, one for the sum
_MODEL_SECONDS = _REQUEST_SECONDS + _HISTOGRAM
_LENGTH = _MODEL_SECONDS + _HISTOGRAM


class Row:
    """The numbers of one worker."""

    def __init__(self, cells: memoryview[float]) -> None:
        self._cells = cells
        self._lock = threading.Lock()

    def answered(self, path: str, status: int, seconds: float = 0.0) -> None:
        """Count an answer, and the seconds of a prediction from the request to the answer."""
        with self._lock:
            self._cells[_PLACES.get((path, status)) or _PLACES["other", status]] += 1
            if path == PATHS[0]:
                self._observe(_REQUEST_SECONDS, seconds)

    def count(self, path: str, status: int) -> int:
        """Return how many answers of a status this worker has given on a path."""
        return int(self._cells[_PLACES[path, status]])

    def predicted(self, seconds: float) -> None:
        """Count the seconds that the model itself took."""
        with self._lock:
            self._observe(_MODEL_SECONDS, seconds)

    def _observe(self, start: int, seconds: float) -> None:
        self._cells[start + bisect_left(BOUNDS, seconds)] += 1
        self._cells[start + _HISTOGRAM - 1] += seconds

    def beat(self, connections: int) -> None:
        """Note that the worker lives, and how many connections it holds."""
        self._cells[_BEAT] = time.monotonic()
        self._cells[_CONNECTIONS] = connections

    def begin(self) -> None:
        """Make the row that of a new worker; what was counted stays."""
        self._cells[_STARTS] += 1
        self.beat(0)

    @property
    def silence(self) -> float:
        """The seconds since the worker's last beat."""
        return time.monotonic() - self._cells[_BEAT]

    @property
    def connections(self) -> int:
        """How many connections the worker holds."""
        return int(self._cells[_CONNECTIONS])


class Board:
    """The rows of all workers; shared by the processes that are forked after it was made."""

    def __init__(self, workers: int = 1) -> None:
        cells = memoryview(mmap.mmap(-1, workers * _LENGTH * _DOUBLE)).cast("d")
        self._cells = cells
        self.rows = [Row(cells[start : start + _LENGTH]) for start in range(0, len(cells), _LENGTH)]

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        cells = [sum(self._cells[at::_LENGTH]) for at in range(_LENGTH)]
        lines = [
            "# HELP gittrack_info The version of gittrack.",
            "# TYPE gittrack_info gauge",
            f'gittrack_info{{version="{VERSION}"}} 1',
            "# HELP gittrack_workers Worker processes of this server.",
            "# TYPE gittrack_workers gauge",
            f"gittrack_workers {len(self.rows)}",
            "# HELP gittrack_worker_starts_total Workers started, replacements included.",
            "# TYPE gittrack_worker_starts_total counter",
            f"gittrack_worker_starts_total {cells[_STARTS]:.0f}",
            "# HELP gittrack_connections Open connections.",
            "# TYPE gittrack_connections gauge",
            f"gittrack_connections {cells[_CONNECTIONS]:.0f}",
            "# HELP gittrack_requests_total Answers, by path and status.",
            "# TYPE gittrack_requests_total counter",
            *_answers(cells),
            "# HELP gittrack_request_seconds POST /invocations, from the request to its answer.",
            *_histogram("gittrack_request_seconds", cells[_REQUEST_SECONDS:_MODEL_SECONDS]),
            "# HELP gittrack_model_seconds The model's own part of POST /invocations.",
            *_histogram("gittrack_model_seconds", cells[_MODEL_SECONDS:]),
        ]
        return "".join(f"{line}\n" for line in lines).encode()


def _answers(cells: Sequence[float]) -> Iterator[str]:
    for (path, status), at in _PLACES.items():
        if cells[at]:
            yield f'gittrack_requests_total{{path="{path}",status="{status}"}} {cells[at]:.0f}'


def _histogram(name: str, cells: Sequence[float]) -> Iterator[str]:
    yield f"# TYPE {name} histogram"
    count = 0.0
    for bound, more in zip((*BOUNDS, "+Inf"), cells, strict=False):
        count += more
        yield f'{name}_bucket{{le="{bound}"}} {count:.0f}'
    yield f"{name}_sum {cells[-1]!r}"
    yield f"{name}_count {count:.0f}"
