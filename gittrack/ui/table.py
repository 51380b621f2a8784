"""All runs as compact columns: what the list of runs and the comparison work on.

    {"version": 7, "runs": {"id": ["k3v9x2mq7d", …], "start": [1795411510252, …], …},
     "metrics": {"loss": [0.3, …]}, "params": {"alpha": {"at": [0, 4], "of": ["0.5", "0.1"]}}, …}

A column is a list with a value a run, or, where some runs have none, the places of those that have
one and their values. Params are text, as a filter compares them. Metric values that JSON has no
number for are "NaN", "Infinity", "-Infinity".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gittrack.entities import system_tags
from gittrack.runs.values import metric_json, param_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.runs.reading import StoredRun

_NOTE = 200
_COMMAND = 200


def table(
    runs: Sequence[StoredRun], state: Callable[[StoredRun], str], *, system: bool = False
) -> dict[str, Any]:
    """Return the columns of some runs.

    Args:
        state: tells how a run stands.
        system: with the tags that MLflow's API derives from a run.
    """
    derived = (system_tags(run.record, run.note) for run in runs)
    return {
        "runs": {
            **{name: [read(run) for run in runs] for name, read in _ABOUT.items()},
            "state": [state(run) for run in runs],
        },
        "metrics": _sparse(
            {name: metric(summary.last) for name, summary in run.record.metrics.items()}
            for run in runs
        ),
        "params": _sparse(
            {name: param_text(value) for name, value in run.record.params.items()} for run in runs
        ),
        "tags": _sparse(run.record.tags for run in runs),
        "datasets": _datasets(runs),
        "system": _sparse(derived) if system else {},
    }


def metric(value: float) -> float | str:
    """Return a metric's value as JSON can hold it."""
    return value if math.isfinite(value) else metric_json(value).strip('"')


def git_of(run: StoredRun) -> Mapping[str, Any]:
    """Return what a run recorded of its repository."""
    git = run.record.source.get("git")
    return git if isinstance(git, Mapping) else {}


def source_of(run: StoredRun) -> str:
    """Return in short what was run: a project's entry point, or the command line."""
    project = run.record.source.get("project")
    if isinstance(project, Mapping):
        entry = project.get("entry_point")
        return f"{project.get('uri')}" + (f" -e {entry}" if entry not in (None, "main") else "")
    return str(run.record.source.get("command") or "")[:_COMMAND]


def _sparse(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    at: dict[str, list[int]] = {}
    of: dict[str, list[Any]] = {}
    count = 0
    for count, row in enumerate(rows, 1):
        for name, value in row.items():
            at.setdefault(name, []).append(count - 1)
            of.setdefault(name, []).append(value)
    return {
        name: of[name] if len(at[name]) == count else {"at": at[name], "of": of[name]}
        for name in sorted(at)
    }


def _datasets(runs: Sequence[StoredRun]) -> dict[str, list[dict[str, str]]]:
    """Return name, digest and context of the datasets, by the place of their run."""
    found = {}
    for place, run in enumerate(runs):
        if run.record.inputs:
            found[str(place)] = [
                {
                    key: value
                    for key in ("name", "digest", "context")
                    if isinstance(value := item.get(key), str)
                }
                for item in run.record.inputs
            ]
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_ABOUT: Mapping[str, Callable[[StoredRun], Any]] = {
    "id": lambda run: run.run_id,
    "name": lambda run: run.record.name,
    "experiment": lambda run: run.experiment_id,
    "experiment_name": lambda run: run.record.experiment,
    "status": lambda run: run.record.status,
    "start": lambda run: run.record.start_time,
    "end": lambda run: run.record.end_time,
    "source": source_of,
    "commit": lambda run: _text(git_of(run).get("commit")),
    "branch": lambda run: _text(git_of(run).get("branch")),
    "dirty": lambda run: bool(git_of(run).get("dirty")),
    "user": lambda run: run.record.user,
    "parent": lambda run: run.record.parent,
    "note": lambda run: run.note[:_NOTE],
    "deleted": lambda run: run.deleted,
}
