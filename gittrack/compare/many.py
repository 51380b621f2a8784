"""What differs among several runs: one row an entry, one column a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gittrack.compare.changes import ABSENT, Absent, Side
from gittrack.compare.code import entries_of
from gittrack.compare.environment import environment_of, read_packages
from gittrack.runs.values import same_param

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gittrack.files import Problem
    from gittrack.runs.reading import StoredRun


class Row(NamedTuple):
    """An entry of all runs; `ABSENT` where one lacks it."""

    part: str
    name: str
    values: tuple[Side, ...]


@dataclass(frozen=True)
class Comparison:
    """What differs among runs, and what could not be read."""

    runs: tuple[StoredRun, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a run that lacks an entry has none in its values."""
        ids = [run.run_id for run in self.runs]
        return {
            "runs": ids,
            "rows": [
                {
                    "part": row.part,
                    "name": row.name,
                    "values": {
                        run_id: value
                        for run_id, value in zip(ids, row.values, strict=True)
                        if value is not ABSENT
                    },
                }
                for row in self.rows
            ],
        }


def compare_many(
    runs: Sequence[StoredRun], *, everything: bool = False, parts: Sequence[str] = ()
) -> Comparison:
    """Return what differs among runs, or all of it.

    Args:
        parts: of "params", "metrics", "tags", "code" and "environment", only these.
    """
    problems: list[Problem] = []
    sources: dict[str, Callable[[StoredRun], Mapping[str, Side]]] = {
        "params": lambda run: run.record.params,
        "metrics": lambda run: {name: value.last for name, value in run.record.metrics.items()},
        "tags": lambda run: run.record.tags,
        "code": entries_of,
        "environment": lambda run: {**environment_of(run), **read_packages(run.local, problems)},
    }
    rows = []
    for part, entries in sources.items():
        maps = [entries(run) for run in runs] if not parts or part in parts else []
        for name in sorted({name for found in maps for name in found}):
            values = tuple(found.get(name, ABSENT) for found in maps)
            if everything or not all(_same(part, values[0], value) for value in values):
                rows.append(Row(part, name, values))
    return Comparison(tuple(runs), tuple(rows), tuple(problems))


def _same(part: str, first: Side, second: Side) -> bool:
    if isinstance(first, Absent) or isinstance(second, Absent) or part != "params":
        return first == second or (first != first and second != second)  # noqa: PLR0124 - two NaN
    return same_param(first, second)
