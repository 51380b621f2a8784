"""The runs of two revisions: what is new, gone and changed, and the best against the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gittrack.compare.changes import MetricChange
from gittrack.compare.directions import Direction, configured, direction_of, is_better
from gittrack.runs import revisions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gittrack.files import Problem
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store


class Best(NamedTuple):
    """The runs of two revisions that have the best value of a metric; None where none has one."""

    metric: str
    direction: Direction
    first: StoredRun | None
    second: StoredRun | None

    @property
    def change(self) -> MetricChange:
        """The two values side by side."""
        first, second = (
            None if run is None else run.record.metrics[self.metric].last
            for run in (self.first, self.second)
        )
        return MetricChange(self.metric, first, second, direction=self.direction)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        runs = {"first_run": self.first, "second_run": self.second}
        named = {key: run.run_id for key, run in runs.items() if run is not None}
        return {**self.change.to_dict(), **named}


@dataclass(frozen=True)
class RevisionDifference:
    """What differs between the runs of two revisions; the second "" is the store on disk.

    Attributes:
        changed: runs that both have, as the second has them.
        undirected: metrics of which nothing tells where better values are.
    """

    first: str
    second: str
    new: tuple[StoredRun, ...] = ()
    gone: tuple[StoredRun, ...] = ()
    changed: tuple[StoredRun, ...] = ()
    best: tuple[Best, ...] = ()
    undirected: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether a run is new, gone or changed."""
        return bool(self.new or self.gone or self.changed)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        lists = {"new": self.new, "gone": self.gone, "changed": self.changed}
        return {
            "first": self.first,
            "second": self.second,
            "different": bool(self),
            **{key: [run.run_id for run in runs] for key, runs in lists.items()},
            "best": [best.to_dict() for best in self.best],
        }


def compare_revisions(
    store: Store, first: str, second: str, *, everything: bool = False
) -> RevisionDifference:
    """Compare the runs of two revisions, or with `second` "" of one and the store on disk.

    Args:
        everything: also metrics whose best value is the same.

    Raises:
        NotFoundError: a revision is unknown, or has no store.
        ToolError: the store is in no Git repository.
    """
    stores = [revisions.at(store, first), revisions.at(store, second) if second else store]
    listings = [found.runs() for found in stores]
    one, other = ({run.run_id: run for run in listing.runs} for listing in listings)
    directions = configured(store.root)
    metrics = sorted(
        {name for runs in (one, other) for run in runs.values() for name in run.record.metrics}
    )
    best = [
        Best(
            name,
            direction,
            best_of(list(one.values()), name, direction),
            best_of(list(other.values()), name, direction),
        )
        for name in metrics
        if (direction := direction_of(name, directions)) is not None
    ]
    return RevisionDifference(
        first,
        second,
        new=tuple(run for run_id, run in other.items() if run_id not in one),
        gone=tuple(run for run_id, run in one.items() if run_id not in other),
        changed=tuple(run for run_id, run in other.items() if _changed(one, run)),
        best=tuple(found for found in best if everything or found.change.differs),
        undirected=tuple(name for name in metrics if direction_of(name, directions) is None),
        problems=tuple(problem for listing in listings for problem in listing.problems),
    )


def best_of(runs: Sequence[StoredRun], metric: str, direction: Direction) -> StoredRun | None:
    """Return the run with the best last value of a metric, None where none has one."""
    best: StoredRun | None = None
    for run in runs:
        found = run.record.metrics.get(metric)
        if found is None or found.last != found.last:
            continue
        if best is None or is_better(found.last, best.record.metrics[metric].last, direction):
            best = run
    return best


def _changed(before: Mapping[str, StoredRun], run: StoredRun) -> bool:
    old = before.get(run.run_id)
    return old is not None and (old.record, old.note) != (run.record, run.note)
