"""A metric's course as a line of text: ▁▂▃▅▇."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gittrack.runs.reading import StoredRun

BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 10
_MOST_BYTES = 64 * 1024 * 1024


def sparkline(values: Sequence[float], width: int = _WIDTH) -> str:
    """Return finite values as bars, the last of each part where there are more than `width`."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) > width:
        ends = [round((part + 1) * len(finite) / width) - 1 for part in range(width)]
        finite = [finite[end] for end in ends]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    # Halved, since the span of two large floats may be infinite.
    span = high / 2 - low / 2
    if not span:
        return BARS[len(BARS) // 2 - 1] * len(finite)
    top = len(BARS) - 1
    return "".join(BARS[round((value / 2 - low / 2) / span * top)] for value in finite)


def course(run: StoredRun, metric: str, width: int = _WIDTH) -> str:
    """Return the sparkline of a run's metric; "" where it has one value, or very many."""
    summary = run.record.metrics.get(metric)
    if summary is None or summary.count < 2 or sum(run.record.files.values()) > _MOST_BYTES:  # noqa: PLR2004
        return ""
    return sparkline([point.value for point in run.history(metric)], width)
