"""Whether a run that was run again came to the same metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from gittrack.errors import InvalidValueError, NotComparableError
from gittrack.runs.record import FINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gittrack.runs.reading import StoredRun

EVERY = ""


class Deviation(NamedTuple):
    """A metric that differs by more than is tolerated; `tolerance` is relative to the first."""

    metric: str
    first: float
    second: float
    tolerance: float

    def __str__(self) -> str:
        return f"{self.metric}: {self.second:g} instead of {self.first:g}"


def parse_tolerances(given: Sequence[str]) -> dict[str, float]:
    """Return what is tolerated by metric: `METRIC=0.01`, and for every other one `0.01`.

    Raises:
        InvalidValueError: it is no number from 0 on.
    """
    found = {}
    for text in given:
        name, equals, number = text.rpartition("=")
        try:
            found[name or EVERY] = value = math.nan if equals and not name else float(number)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise InvalidValueError(
                f"--tolerance {text!r} is no METRIC=NUMBER", hint="such as --tolerance loss=0.01"
            )
    return found


def verify(first: StoredRun, second: StoredRun, tolerances: Mapping[str, float]) -> list[Deviation]:
    """Return the metrics whose last values differ by more than is tolerated.

    Raises:
        NotComparableError: one of them did not finish, or lacks a metric that is to be compared.
    """
    for run in (first, second):
        if run.record.status != FINISHED:
            raise NotComparableError(f"run {run.run_id} ended as {run.record.status}")
    before, after = first.record.metrics, second.record.metrics
    if not before:
        raise NotComparableError(f"run {first.run_id} has no metric to compare")
    missing = [
        name
        for name in {**before, **tolerances}
        if name and not {name} <= before.keys() & after.keys()
    ]
    if missing:
        raise NotComparableError(f"not both runs have {', '.join(map(repr, missing))}")
    found = []
    for name, summary in before.items():
        tolerance = tolerances.get(name, tolerances.get(EVERY, 0.0))
        old, new = summary.last, after[name].last
        same = old == new or (math.isnan(old) and math.isnan(new))
        if not same and not abs(new - old) <= tolerance * abs(old):
            found.append(Deviation(name, old, new, tolerance))
    return found
