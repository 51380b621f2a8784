"""How a run looks: as JSON, and as tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gittrack import files, paths
from gittrack.cli import cells
from gittrack.cli.cells import Cell, Style
from gittrack.cli.render import Table, Value, View
from gittrack.compare import MAX_REQUIREMENTS, text_of
from gittrack.runs.reading import StoredRun
from gittrack.runs.record import MetricSummary, RunRecord
from gittrack.runs.values import ParamValue, format_time, param_text

_COMMIT = 10
ABOUT = ("run_id", "name", "experiment", "status", "start_time", "end_time")
_NUMBERS = re.compile(r"(\d+)")
_DIGITS = 20
_STYLES: Mapping[str, Style] = {
    "finished": "good",
    "failed": "bad",
    "killed": "bad",
    "interrupted": "bad",
    "deleted": "dim",
}


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


def run_view(run: StoredRun, *, now: int, models: Mapping[str, str]) -> View:
    """Return everything about one run; `models` are the flavors of its models by path."""
    record = run.record
    problems = list(run.problems)
    sizes = run.tree.sizes(run.folder / paths.ARTIFACTS, problems)
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
    duration = cells.duration(took(run, now)).text
    packages = _count_lines(run)
    facts: dict[str, Value] = {
        "state": state_cell(run),
        "experiment": record.experiment,
        "started": f"{local} ({started})" if started.endswith("ago") else local,
        "took": duration,
        "user": record.user,
        "parent": record.parent,
        **_source_facts(record.source),
        "python": " on ".join(item for item in (record.python, record.platform) if item),
        "packages": f"{packages} in {paths.REQUIREMENTS}" if packages else None,
        "data": ", ".join(_dataset(item) for item in record.inputs),
        "left out": ", ".join(record.left_out),
        "note": Cell(run.note.rstrip("\n"), long=True) if run.note else None,
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
    return [[name, cells.cut(param_text(params[name]))] for name in sorted(params, key=natural)]


def _tags(tags: Mapping[str, str]) -> list[list[Value]]:
    return [[name, cells.cut(value)] for name, value in tags.items()]


def _metrics_table(metrics: Mapping[str, MetricSummary]) -> Table:
    names = sorted(metrics, key=natural)
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
        ["run", name, value] for name, value in zip(ABOUT, about(record), strict=True)
    ]
    rows += [["param", name, record.params[name]] for name in sorted(record.params)]
    for name in sorted(record.metrics):
        entries = _summary_json(record.metrics[name]).items()
        rows += [["metric", f"{name}.{key}", value] for key, value in entries]
    rows += [["tag", name, record.tags[name]] for name in sorted(record.tags)]
    rows += [["artifact", path, size] for path, size in sizes.items()]
    return Table(["kind", "name", "value"], rows)


def about(record: RunRecord) -> tuple[str, ...]:
    """Return what `ABOUT` names."""
    end = "" if record.end_time is None else format_time(record.end_time)
    start = format_time(record.start_time)
    return record.run_id, record.name, record.experiment, record.status, start, end


def natural(name: str) -> list[str]:
    """Return what sorts `layer10` behind `layer9`."""
    return [part.zfill(_DIGITS) if part.isdigit() else part for part in _NUMBERS.split(name)]


def last_value(summary: MetricSummary | None) -> float | None:
    """Return the last value of a metric, None of one that is not there."""
    return None if summary is None else summary.last


def _summary_json(summary: MetricSummary) -> dict[str, int | float]:
    return {key: value for key, value in asdict(summary).items() if value is not None}


def took(run: StoredRun, now: int) -> int | None:
    """Return how long a run took, in ms; None where that is not known."""
    if run.record.end_time is not None:
        return run.record.end_time - run.record.start_time
    return now - run.record.start_time if run.state() == "running" else None


def _count_lines(run: StoredRun) -> int:
    try:
        text = files.read_bytes(
            run.tree.local(run.folder / paths.REQUIREMENTS), most=MAX_REQUIREMENTS
        )
    except OSError:
        return 0
    return text.count(b"\n")
