"""How runs and their differences look: as JSON, and as tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from typing import Any

from gittrack import files, paths
from gittrack.cli import cells
from gittrack.cli.cells import Cell, Style
from gittrack.cli.render import Column, Table, Value, View
from gittrack.compare import MAX_REQUIREMENTS, text_of
from gittrack.files import Problem
from gittrack.runs.reading import StoredRun
from gittrack.runs.record import MetricSummary, RunRecord
from gittrack.runs.values import ParamValue, format_time, param_text

_TEXT_WIDTH = 24
_COMMIT = 10
_ABOUT = ("run_id", "name", "experiment", "status", "start_time", "end_time")
_NUMBERS = re.compile(r"(\d+)")
_DIGITS = 20
_RARE = 5
_STYLES: Mapping[str, Style] = {
    "finished": "good",
    "failed": "bad",
    "killed": "bad",
    "interrupted": "bad",
    "deleted": "dim",
}


@dataclass(frozen=True)
class Chosen:
    """Metrics and params that a table of runs shows even where they do not vary."""

    metrics: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()


def run_json(run: StoredRun) -> dict[str, object]:
    """Return a run as JSON, without what only its own folder tells."""
    record = run.record
    entries = {
        "run_id": run.run_id,
        "name": record.name,
        "experiment": record.experiment,
        "status": record.status,
        "state": run.state(),
        "deleted": run.deleted,
        "start_time": format_time(record.start_time),
        "end_time": None if record.end_time is None else format_time(record.end_time),
        "parent": record.parent,
        "params": dict(record.params),
        "metrics": {name: _summary_json(value) for name, value in record.metrics.items()},
        "tags": dict(record.tags),
        "folder": run.place,
    }
    return {key: value for key, value in entries.items() if value is not None}


def runs_view(
    runs: Sequence[StoredRun], problems: Sequence[Problem], *, now: int, chosen: Chosen
) -> View:
    """Return a listing; its table leaves out what is the same in all runs."""
    return View(
        kind="runs",
        data=[run_json(run) for run in runs],
        tables=[_runs_table(runs, now=now, chosen=chosen)] if runs else [],
        problems=problems,
        csv=_runs_csv(runs),
    )


def _runs_table(runs: Sequence[StoredRun], *, now: int, chosen: Chosen) -> Table:
    metric_maps = [run.record.metrics for run in runs]
    param_maps = [run.record.params for run in runs]
    metrics = _varying(metric_maps, chosen.metrics, _last)
    params = _varying(param_maps, chosen.params, _param_key)
    both = set(metrics) & set(params)
    columns: list[tuple[Column, list[Value]]] = [
        (Column("run"), [Cell(run.run_id, style="bold") for run in runs]),
        (Column("name", drop=1, most=_TEXT_WIDTH), [run.record.name for run in runs]),
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
    columns.append((Column("took", drop=7), [cells.duration(_took(run, now)) for run in runs]))
    for name in metrics:
        column = Column(
            f"metrics.{name}" if name in both else name,
            drop=1 if name in chosen.metrics else 3 + _rare(name, metric_maps),
        )
        columns.append((column, [_last(entries.get(name)) for entries in metric_maps]))
    for name in params:
        column = Column(
            f"params.{name}" if name in both else name,
            drop=1 if name in chosen.params else 5 + _rare(name, param_maps),
            most=_TEXT_WIDTH,
        )
        values = [entries.get(name, "") for entries in param_maps]
        columns.append((column, [param_cell(value) for value in values]))
    rows = zip(*(values for _, values in columns), strict=True)
    return Table([column for column, _ in columns], [*rows])


def _branches(names: Sequence[str]) -> str:
    """Return the first of the branches that have a run, and how many more there are."""
    return f"{names[0]} +{len(names) - 1}" if len(names) > 1 else "".join(names)


def _runs_csv(runs: Sequence[StoredRun]) -> Table:
    metrics = sorted({name for run in runs for name in run.record.metrics})
    params = sorted({name for run in runs for name in run.record.params})
    tags = sorted({name for run in runs for name in run.record.tags})
    columns = [*_ABOUT, *(f"metrics.{name}" for name in metrics)]
    columns += [*(f"params.{name}" for name in params), *(f"tags.{name}" for name in tags)]
    rows: list[list[Value]] = [
        [
            *_about(run.record),
            *(_last(run.record.metrics.get(name)) for name in metrics),
            *(run.record.params.get(name) for name in params),
            *(run.record.tags.get(name) for name in tags),
        ]
        for run in runs
    ]
    return Table(columns, rows)


def run_view(run: StoredRun, *, now: int, models: Mapping[str, str]) -> View:
    """Return everything about one run; `models` are the flavors of its models by path."""
    record = run.record
    problems = list(run.problems)
    sizes = files.sizes(run.artifacts, problems)
    uris = {f"runs:/{run.run_id}/{path}".rstrip("/"): kind for path, kind in models.items()}
    tables = [
        Table(["", ""], _facts(run, now), header=False),
        Table(["param", "value"], _params(record.params), title="params", header=False),
        _metrics_table(record.metrics),
        Table(["tag", "value"], _tags(record.tags), title="tags", header=False),
        Table(["model", "flavors"], [*uris.items()], title="models", header=False),
        Table(["path", "size"], _tree(sizes), title=_artifacts_title(sizes), header=False),
    ]
    data = {
        **run_json(run),
        "note": run.note or None,
        "user": record.user,
        "python": record.python,
        "platform": record.platform,
        "source": dict(record.source),
        "inputs": [dict(item) for item in record.inputs],
        "left_out": list(record.left_out),
        "models": [{"uri": uri, "flavors": kind.split(", ")} for uri, kind in uris.items()],
        "artifacts": [{"path": path, "size": size} for path, size in sizes.items()],
    }
    return View(
        kind="run",
        data={key: value for key, value in data.items() if value is not None},
        tables=[table for table in tables if table.rows],
        problems=problems,
        csv=_run_csv(run, sizes),
        heading=[f"{record.name}  {run.run_id}"],
    )


def state_cell(run: StoredRun) -> Cell:
    """Return the cell of a run's state."""
    state = "deleted" if run.deleted else run.state()
    return Cell(state, style=_STYLES.get(state, "busy"))


def param_cell(value: ParamValue) -> Cell:
    """Return the cell of a param as it was given."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Cell(param_text(value), value, right=is_number)


def _facts(run: StoredRun, now: int) -> list[list[Value]]:
    record = run.record
    started = cells.moment(record.start_time, now=now).text
    local = cells.local_time(record.start_time)
    took = cells.duration(_took(run, now)).text
    packages = _count_lines(run)
    facts: dict[str, Value] = {
        "state": state_cell(run),
        "experiment": record.experiment,
        "started": f"{local} ({started})" if started.endswith("ago") else local,
        "took": took,
        "user": record.user,
        "parent": record.parent,
        **_source_facts(record.source),
        "python": " on ".join(item for item in (record.python, record.platform) if item),
        "packages": f"{packages} in {paths.REQUIREMENTS}" if packages else None,
        "data": ", ".join(_dataset(item) for item in record.inputs),
        "left out": ", ".join(record.left_out),
        "note": run.note,
        "folder": run.place,
    }
    return [[Cell(name, style="dim"), value] for name, value in facts.items() if value]


def _source_facts(source: Mapping[str, Any]) -> dict[str, Value]:
    git, project = source.get("git"), source.get("project")
    facts: dict[str, Value] = {"command": text_of(source.get("command") or "")}
    if isinstance(project, Mapping):
        parts = [text_of(project[key]) for key in ("uri", "entry_point") if project.get(key)]
        facts["project"] = ", ".join(parts)
    if isinstance(git, Mapping) and git.get("commit"):
        branch = f" on {text_of(git['branch'])}" if git.get("branch") else ""
        changed = " with uncommitted changes" if git.get("dirty") else ""
        patch = f" ({paths.SOURCE_PATCH})" if git.get("patch_sha256") else ""
        facts["commit"] = f"{text_of(git['commit'])[:_COMMIT]}{branch}{changed}{patch}"
        facts["remote"] = text_of(git.get("remote") or "")
    return facts


def _dataset(item: Mapping[str, Any]) -> str:
    context = f" ({text_of(item['context'])})" if item.get("context") else ""
    return f"{text_of(item.get('name', '?'))}{context}"


def _params(params: Mapping[str, ParamValue]) -> list[list[Value]]:
    return [[name, cells.cut(param_text(params[name]))] for name in sorted(params, key=_natural)]


def _tags(tags: Mapping[str, str]) -> list[list[Value]]:
    return [[name, cells.cut(value)] for name, value in tags.items()]


def _metrics_table(metrics: Mapping[str, MetricSummary]) -> Table:
    names = sorted(metrics, key=_natural)
    rows: list[list[Value]] = [
        [name, summary.last, summary.step, summary.min, summary.max, summary.count]
        for name, summary in ((name, metrics[name]) for name in names)
    ]
    if all(metrics[name].count == 1 for name in names):
        rows = [row[:2] for row in rows]
        return Table(["metric", "last"], rows, title="metrics", header=False)
    return Table(["", "last", "step", "min", "max", "count"], rows, title="metrics")


def _tree(sizes: Mapping[str, int]) -> list[list[Value]]:
    """Return one row a file, folders on lines of their own above what they hold."""
    rows: list[list[Value]] = []
    above: list[str] = []
    for path, size in sorted(sizes.items(), key=lambda item: item[0].split("/")):
        *folders, name = path.split("/")
        for depth, folder in enumerate(folders):
            if above[: depth + 1] != folders[: depth + 1]:
                rows.append([Cell(f"{'  ' * depth}{folder}/", style="dim"), ""])
                above = folders[: depth + 1]
        above = folders
        rows.append([f"{'  ' * len(folders)}{name}", cells.size(size)])
    return rows


def _artifacts_title(sizes: Mapping[str, int]) -> str:
    total = cells.size(sum(sizes.values())).text
    return f"artifacts ({len(sizes)} {'file' if len(sizes) == 1 else 'files'}, {total})"


def _run_csv(run: StoredRun, sizes: Mapping[str, int]) -> Table:
    record = run.record
    rows: list[list[Value]] = [
        ["run", name, value] for name, value in zip(_ABOUT, _about(record), strict=True)
    ]
    rows += [["param", name, record.params[name]] for name in sorted(record.params)]
    for name in sorted(record.metrics):
        entries = _summary_json(record.metrics[name]).items()
        rows += [["metric", f"{name}.{key}", value] for key, value in entries]
    rows += [["tag", name, record.tags[name]] for name in sorted(record.tags)]
    rows += [["artifact", path, size] for path, size in sizes.items()]
    return Table(["kind", "name", "value"], rows)


def _about(record: RunRecord) -> tuple[str, ...]:
    end = "" if record.end_time is None else format_time(record.end_time)
    start = format_time(record.start_time)
    return record.run_id, record.name, record.experiment, record.status, start, end


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
    return sorted(shown, key=lambda name: (name not in chosen, _natural(name)))


def _rare(name: str, maps: Sequence[Mapping[str, Any]]) -> int:
    """Return what makes a column that most runs lack go before all others."""
    return _RARE if 2 * sum(name in entries for entries in maps) < len(maps) else 0


def _natural(name: str) -> list[str]:
    """Return what sorts `layer10` behind `layer9`."""
    return [part.zfill(_DIGITS) if part.isdigit() else part for part in _NUMBERS.split(name)]


def _last(summary: MetricSummary | None) -> float | None:
    return None if summary is None else summary.last


def _param_key(value: ParamValue) -> tuple[str, str]:
    return type(value).__name__, str(value)


def _summary_json(summary: MetricSummary) -> dict[str, int | float]:
    return {key: value for key, value in asdict(summary).items() if value is not None}


def _took(run: StoredRun, now: int) -> int | None:
    if run.record.end_time is not None:
        return run.record.end_time - run.record.start_time
    return now - run.record.start_time if run.state() == "running" else None


def _count_lines(run: StoredRun) -> int:
    try:
        text = files.read_bytes(run.local / paths.REQUIREMENTS, most=MAX_REQUIREMENTS)
    except OSError:
        return 0
    return text.count(b"\n")
