"""How a list of runs looks: a table with what varies, or with the columns that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from gittrack.cli import cells
from gittrack.cli.cells import Cell
from gittrack.cli.render import Column, Table, Value, View
from gittrack.cli.views import (
    ABOUT,
    about,
    last_value,
    natural,
    param_cell,
    run_json,
    state_cell,
    took,
)
from gittrack.compare.sparklines import sparkline
from gittrack.files import Problem
from gittrack.runs.reading import StoredRun
from gittrack.runs.values import ParamValue
from gittrack.search import Key, fields

_TEXT_WIDTH = 24
_RARE = 5
_BRANCH = "└ "


@dataclass(frozen=True)
class Layout:
    """What a table of runs shows.

    Attributes:
        metrics, params: those that are shown even where they do not vary.
        columns: what is shown and nothing else; where empty, what varies.
        sparks: metrics whose course is drawn.
        tree: runs stand below the run that started them.
    """

    metrics: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    columns: tuple[Key, ...] = ()
    sparks: tuple[str, ...] = ()
    tree: bool = False


_Columns = list[tuple[Column, list[Value]]]


def runs_view(
    runs: Sequence[StoredRun], problems: Sequence[Problem], *, now: int, layout: Layout
) -> View:
    """Return a listing; its table leaves out what is the same in all runs."""
    depths = _depths(runs) if layout.tree else dict.fromkeys((run.run_id for run in runs), 0)
    by_id = {run.run_id: run for run in runs}
    placed = [by_id[run_id] for run_id in depths] if layout.tree else list(runs)
    names = [
        f"{'  ' * (depths[run.run_id] - 1)}{_BRANCH}{run.record.name}"
        if depths[run.run_id]
        else run.record.name
        for run in placed
    ]
    columns = (
        _chosen(placed, names, now, layout)
        if layout.columns
        else _usual(placed, names, now, layout)
    )
    columns += [_spark_column(name, placed) for name in layout.sparks]
    table = Table(
        [column for column, _ in columns],
        [*zip(*(values for _, values in columns), strict=True)],
    )
    return View(
        kind="runs",
        data=[run_json(run) for run in placed],
        tables=[table] if runs else [],
        problems=problems,
        csv=table if layout.columns else _csv(placed),
    )


def _depths(runs: Sequence[StoredRun]) -> dict[str, int]:
    """Return how deep each run is nested, each one after the run that started it."""
    children: dict[str | None, list[str]] = {}
    known = {run.run_id for run in runs}
    for run in runs:
        parent = run.record.parent if run.record.parent in known else None
        children.setdefault(parent, []).append(run.run_id)
    depths: dict[str, int] = {}
    # Runs that name each other as their parents hang on none; they come last, and not nested.
    waiting = [(run_id, 0) for run_id in [*children.get(None, ()), *known]][::-1]
    while waiting:
        run_id, depth = waiting.pop()
        if run_id not in depths:
            depths[run_id] = depth
            waiting += [(child, depth + 1) for child in reversed(children.get(run_id, ()))]
    return depths


def _usual(runs: Sequence[StoredRun], names: Sequence[str], now: int, layout: Layout) -> _Columns:
    metric_maps = [run.record.metrics for run in runs]
    param_maps = [run.record.params for run in runs]
    metrics = _varying(metric_maps, layout.metrics, last_value)
    params = _varying(param_maps, layout.params, _param_key)
    both = set(metrics) & set(params)
    columns = _about_columns(runs, names, now, wide=layout.tree)
    for name in metrics:
        column = Column(
            f"metrics.{name}" if name in both else name,
            drop=1 if name in layout.metrics else 3 + _rare(name, metric_maps),
        )
        columns.append((column, [last_value(entries.get(name)) for entries in metric_maps]))
    for name in params:
        column = Column(
            f"params.{name}" if name in both else name,
            drop=1 if name in layout.params else 5 + _rare(name, param_maps),
            most=_TEXT_WIDTH,
        )
        values = [entries.get(name, "") for entries in param_maps]
        columns.append((column, [param_cell(value) for value in values]))
    return columns


def _about_columns(
    runs: Sequence[StoredRun], names: Sequence[str], now: int, *, wide: bool
) -> _Columns:
    columns: _Columns = [
        (Column("run"), [Cell(run.run_id, style="bold") for run in runs]),
        (Column("name", drop=1, most=2 * _TEXT_WIDTH if wide else _TEXT_WIDTH), [*names]),
    ]
    if len({run.experiment_id for run in runs}) > 1:
        column = Column("experiment", drop=2, most=_TEXT_WIDTH)
        columns.append((column, [run.record.experiment for run in runs]))
    revisions = [run.tree.revisions(run.folder) for run in runs]
    if len(set(revisions)) > 1:
        columns.append((Column("branch", drop=1, most=_TEXT_WIDTH), [*map(_branches, revisions)]))
    states = [state_cell(run) for run in runs]
    if any(state.text != "finished" for state in states):
        columns.append((Column("state", drop=2), [*states]))
    started = [cells.moment(run.record.start_time, now=now) for run in runs]
    columns.append((Column("started", drop=2), [*started]))
    columns.append((Column("took", drop=7), [cells.duration(took(run, now)) for run in runs]))
    return columns


def _branches(names: Sequence[str]) -> str:
    """Return the first of the branches that have a run, and how many more there are."""
    return f"{names[0]} +{len(names) - 1}" if len(names) > 1 else "".join(names)


_HEADS = {"run_id": "run", "run_name": "name", "status": "state", "user_id": "user"}
_HEADS |= {"start_time": "started", "end_time": "ended"}


def _chosen(runs: Sequence[StoredRun], names: Sequence[str], now: int, layout: Layout) -> _Columns:
    columns: _Columns = []
    for key in layout.columns:
        is_ours = key.entity == "attribute"
        head = _HEADS.get(key.name, key.name) if is_ours else key.name
        values = [*names] if is_ours and head == "name" else [_value(run, key, now) for run in runs]
        columns.append((Column(head), [*values]))
    return columns


def _value(run: StoredRun, key: Key, now: int) -> Value:
    if key == Key("attribute", "status"):
        return state_cell(run)
    if key.entity == "param" and key.name in run.record.params:
        return param_cell(run.record.params[key.name])
    answer = fields.answer(run, key)
    if key.name in fields.TIMES and key.entity == "attribute":
        return cells.moment(answer if isinstance(answer, int) else None, now=now)
    return ", ".join(answer) if isinstance(answer, list) else answer


def _spark_column(name: str, runs: Sequence[StoredRun]) -> tuple[Column, list[Value]]:
    histories = [run.history(name) if name in run.record.metrics else [] for run in runs]
    drawn = [sparkline([point.value for point in points]) for points in histories]
    return Column(f"course of {name}", drop=1), [*drawn]


def _csv(runs: Sequence[StoredRun]) -> Table:
    metrics = sorted({name for run in runs for name in run.record.metrics})
    params = sorted({name for run in runs for name in run.record.params})
    tags = sorted({name for run in runs for name in run.record.tags})
    columns = [*ABOUT, *(f"metrics.{name}" for name in metrics)]
    columns += [*(f"params.{name}" for name in params), *(f"tags.{name}" for name in tags)]
    rows: list[list[Value]] = [
        [
            *about(run.record),
            *(last_value(run.record.metrics.get(name)) for name in metrics),
            *(run.record.params.get(name) for name in params),
            *(run.record.tags.get(name) for name in tags),
        ]
        for run in runs
    ]
    return Table(columns, rows)


def _varying(
    maps: Sequence[Mapping[str, Any]], chosen: AbstractSet[str], key: Callable[[Any], object]
) -> list[str]:
    """Return the names to show: those chosen first, then those whose values differ."""
    names = {name for entries in maps for name in entries}
    shown = {
        name
        for name in names
        if len(maps) == 1 or name in chosen or len({key(run.get(name)) for run in maps}) > 1
    }
    return sorted(shown, key=lambda name: (name not in chosen, natural(name)))


def _rare(name: str, maps: Sequence[Mapping[str, Any]]) -> int:
    """Return what makes a column that most runs lack go before all others."""
    return _RARE if 2 * sum(name in entries for entries in maps) < len(maps) else 0


def _param_key(value: ParamValue) -> tuple[str, str]:
    return type(value).__name__, str(value)
