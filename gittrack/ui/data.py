"""The data that pages ask for, as JSON: the same for the server and for exported pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack.compare import code, directions
from gittrack.errors import FilterError, ToolError
from gittrack.git.uncommitted import uncommitted
from gittrack.search import Key, fields, parse_filter, unknown_keys
from gittrack.search.evaluate import fitting
from gittrack.ui import artifactview, curves
from gittrack.ui.source import newest_first
from gittrack.ui.table import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store
    from gittrack.ui.curves import Curves
    from gittrack.ui.source import Runs

_MOST_PROBLEMS = 100
_MOST_DIFF = 400_000


def runs(
    source: Runs, *, since: int = 0, ids: Sequence[str] = (), system: bool = False
) -> dict[str, Any]:
    """Return all runs as columns, or those that changed after a version, or some.

    Args:
        system: with the tags that MLflow's API derives, which only a filter asks for.
    """
    found = source.changes(since)
    chosen = [run for run in found.runs if not ids or run.run_id in ids]
    return {
        "version": found.version,
        "removed": found.removed,
        "experiments": [
            {
                "id": item.experiment_id,
                "name": item.name,
                "description": item.description,
                "deleted": item.deleted,
            }
            for item in source.experiments
        ],
        "problems": [str(problem) for problem in source.problems()[:_MOST_PROBLEMS]],
        "directions": _directions(chosen, source.store),
        **table(newest_first(chosen), source.state, system=system),
    }


def matches(source: Runs, text: str) -> dict[str, Any]:
    """Return the ids of the runs that a filter fits, or what is wrong with the filter."""
    try:
        node = parse_filter(text)
    except FilterError as error:
        return {"error": error.message, "hint": error.hint}
    found = source.changes().runs
    fits = fitting(node, lambda key: [fields.answer(run, key) for run in found], count=len(found))
    ids = [run.run_id for run, fit in zip(found, fits, strict=True) if fit]
    return {"ids": ids, "notes": unknown_keys(node, _known_keys(found))}


def curve_of_each(
    chosen: Iterable[StoredRun], metric: str, kept: Curves, *, buckets: int = curves.BUCKETS
) -> str:
    """Return the curve of a metric of every run that has it, by run id, as JSON."""
    having = (run for run in chosen if metric in run.record.metrics)
    return curves.joined({run.run_id: kept.of(run.local, metric, buckets) for run in having})


def curves_of(run: StoredRun, kept: Curves) -> str:
    """Return the curves of a run as JSON: of its metrics, and of its system metrics."""
    return curves.of_run(run.local, sorted(run.record.metrics), kept)


def images(chosen: Iterable[StoredRun]) -> dict[str, list[str]]:
    """Return the pictures among the artifacts of each run, by run id."""
    return {
        run.run_id: [
            file.path
            for file in artifactview.flat(artifactview.tree(run.artifacts, []))
            if artifactview.kind_of(file.path) == "image"
        ]
        for run in chosen
    }


def committed(source: Runs) -> dict[str, list[str]]:
    """Return the ids of runs that are not committed, or not as they stand.

    Without a repository there is nothing to tell.
    """
    try:
        found = uncommitted(source.store.root)
    except ToolError:
        return {}
    states: dict[str, list[str]] = {"new": [], "changed": []}
    for run in source.changes().runs:
        if state := found.state(f"{run.experiment_id}/{run.folder.name}"):
            states[state].append(run.run_id)
    return states


def differing_code(first: StoredRun, second: StoredRun, source: Runs) -> dict[str, Any]:
    """Return what differs in the code of two runs: what was recorded, and the text of it."""
    changed = code.compare_code(first, second, source.store.root, text=True)
    entries = [pair.to_dict() for pair in code.source_pairs(first, second) if pair.differs]
    return {"entries": entries, "unknown": changed.unknown, "diff": changed.patch[:_MOST_DIFF]}


def code_states(found: Iterable[StoredRun]) -> tuple[dict[str, Any], list[StoredRun]]:
    """Return where each run's code came from and which state of it that is, and a run of each."""
    numbers: dict[tuple[object, ...], int] = {}
    examples: list[StoredRun] = []
    known = {}
    for run in found:
        entries = code.entries_of(run)
        state = tuple(entries.get(name) for name in ("commit", "uncommitted", "patch"))
        number = numbers.setdefault(state, len(numbers))
        if number == len(examples):
            examples.append(run)
        known[run.run_id] = {"entries": entries, "state": number}
    return known, examples


def _directions(found: Iterable[StoredRun], store: Store) -> dict[str, str]:
    """Return the direction in which each metric is better, as far as that is known."""
    chosen = directions.configured(store.root)
    metrics = {name for run in found for name in run.record.metrics}
    known = {name: directions.direction_of(name, chosen) for name in sorted(metrics)}
    return {name: way for name, way in known.items() if way is not None}


def _known_keys(found: Iterable[StoredRun]) -> set[Key]:
    """Return the metrics, params and tags that any run has."""
    known: set[Key] = set()
    for run in found:
        record = run.record
        known.update(Key("metric", name) for name in record.metrics)
        known.update(Key("param", name) for name in record.params)
        known.update(Key("tag", name) for name in record.tags)
    return known
