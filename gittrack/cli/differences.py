"""How the difference of two runs looks: a table a section; one flat table for CSV, Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from gittrack.cli import cells
from gittrack.cli.cells import Cell, Style
from gittrack.cli.render import Table, Value, View
from gittrack.cli.views import param_cell, state_cell
from gittrack.compare import (
    Absent,
    ArtifactChange,
    Change,
    DatasetChange,
    Difference,
    MetricChange,
    Side,
)
from gittrack.compare.branches import Best, RevisionDifference
from gittrack.compare.many import Comparison
from gittrack.compare.many import Row as Entry
from gittrack.git.changes import FileChange
from gittrack.runs.reading import StoredRun

_ABSENT = Cell("-", "", right=True, style="dim")
_MOST_FILES = 20
_MOST_LINES = 2000
_DIGEST = 10
_DATA_DIGEST = len("sha256:") + _DIGEST

Row = list[Value]


def diff_view(difference: Difference, *, now: int) -> View:
    """Return a difference as JSON, as a table a section, and flat for CSV and Markdown."""
    sections = {
        "params": [_change(change) for change in difference.params],
        "metrics": [_metric(change) for change in difference.metrics],
        "tags": [_change(change) for change in difference.tags],
        "code": [
            *(_code(change) for change in difference.code),
            *_files(difference.files),
        ],
        "environment": [
            *(_change(change) for change in difference.environment),
            *(_change(change) for change in difference.packages),
        ],
        "datasets": [_dataset(change) for change in difference.datasets],
        "models": [_change(change) for change in difference.models],
        "artifacts": [_artifact(change) for change in difference.artifacts],
    }
    sides = (difference.first, difference.second)
    ids = [run.run_id for run in sides]
    flat = [[title, *entry[:4]] for title, entries in sections.items() for entry in entries]
    table = Table(["section", "name", *ids, "change"], flat)
    return View(
        kind="diff",
        data=difference.to_dict(),
        tables=[
            Table(["run", "name", "state", "started"], [_head(run, now) for run in sides]),
            *(
                Table(["", *ids, "", *[""] * (len(entries[0]) - 4)], entries, title=title)
                for title, entries in sections.items()
                if entries
            ),
            *([_patch("patch", difference.patch)] if difference.patch else []),
        ],
        problems=[
            *difference.first.problems,
            *difference.second.problems,
            *difference.problems,
        ],
        csv=table,
        md=table,
    )


def contents_tables(artifacts: Sequence[ArtifactChange]) -> list[Table]:
    """Return a table of what differs inside of each artifact."""
    tables = []
    for change in artifacts:
        if change.content is not None and change.content.entries:
            rows = [_change(entry) for entry in change.content.entries]
            tables.append(Table(["", "", "", ""], rows, title=change.path, header=False))
        elif change.content is not None and change.content.patch:
            tables.append(_patch(change.path, change.content.patch))
    return tables


def many_view(comparison: Comparison, *, now: int) -> View:
    """Return what differs among several runs, a table a part."""
    ids = [run.run_id for run in comparison.runs]
    rows: dict[str, list[Row]] = {
        part: [[row.name, *_values(row)] for row in comparison.rows if row.part == part]
        for part in dict.fromkeys(row.part for row in comparison.rows)
    }
    flat = Table(
        ["section", "name", *ids], [[part, *row] for part, some in rows.items() for row in some]
    )
    heads = Table(["run", "name", "state", "started"], [_head(run, now) for run in comparison.runs])
    return View(
        kind="comparison",
        data=comparison.to_dict(),
        tables=[heads, *(Table(["", *ids], some, title=part) for part, some in rows.items())],
        problems=[
            *(found for run in comparison.runs for found in run.problems),
            *comparison.problems,
        ],
        csv=flat,
        md=flat,
    )


def _values(row: Entry) -> Row:
    cut = row.part == "metrics"
    return [
        Cell(cells.number(value), value, right=True)
        if cut and isinstance(value, float)
        else _side(value)
        for value in row.values
    ]


def revisions_view(difference: RevisionDifference, *, now: int) -> View:
    """Return what differs between the runs of two revisions."""
    names = (difference.first, difference.second or "here")
    parts = {
        f"only in {names[1]}": difference.new,
        f"only in {names[0]}": difference.gone,
        "changed": difference.changed,
    }
    best = [_best(found) for found in difference.best]
    columns = ["run", "name", "state", "started"]
    tables = [
        Table(
            columns, [_head(run, now) for run in runs], title=f"{title} ({len(runs)})", header=False
        )
        for title, runs in parts.items()
        if runs
    ]
    flat = [
        [title, *_head(run, now)[:2], "", ""] for title, runs in parts.items() for run in runs
    ] + [["best", *row] for row in best]
    table = Table(["section", "name", *names, "change"], flat)
    return View(
        kind="revisions",
        data=difference.to_dict(),
        tables=[*tables, *([Table(["", *names, ""], best, title="best")] if best else [])],
        problems=difference.problems,
        csv=table,
        md=table,
    )


def _best(found: Best) -> Row:
    name, first, second, change, *_ = _metric(found.change)
    sides = [
        cell
        if run is None or not isinstance(cell, Cell)
        else cell._replace(text=f"{cell.text} {run.run_id}")
        for cell, run in ((first, found.first), (second, found.second))
    ]
    return [name, *sides, change]


def _patch(title: str, text: str) -> Table:
    lines = text.expandtabs(4).splitlines()
    styles: dict[str, Style] = {"+": "good", "-": "bad", "@": "busy"}
    rows: list[Row] = [[Cell(line, style=styles.get(line[:1], ""))] for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        rows.append([Cell(f"{len(lines) - _MOST_LINES} more lines", style="dim")])
    return Table(["line"], rows, title=title, header=False)


def _head(run: StoredRun, now: int) -> Row:
    started = cells.moment(run.record.start_time, now=now)
    return [Cell(run.run_id, style="bold"), run.record.name, state_cell(run), started]


def _change(change: Change) -> Row:
    return [change.name, _side(change.first), _side(change.second), ""]


def _code(change: Change) -> Row:
    sides = [_code_side(change.name, side) for side in (change.first, change.second)]
    return [change.name, *sides, ""]


def _code_side(name: str, value: Side) -> Cell:
    cell = _side(value)
    if isinstance(value, bool):
        return cell._replace(text="yes" if value else "no")
    return cell._replace(text=cell.text[:_DIGEST]) if name in ("commit", "patch") else cell


def _side(value: Side) -> Cell:
    return _ABSENT if isinstance(value, Absent) else param_cell(value)


def _metric(change: MetricChange) -> Row:
    values = (change.first, change.second)
    texts = [None if side is None else cells.number(side) for side in values]
    if texts[0] == texts[1]:
        texts = [None if side is None else repr(side) for side in values]
    sides = [
        _ABSENT if text is None else Cell(text, value, right=True)
        for text, value in zip(texts, values, strict=True)
    ]
    styles: dict[bool | None, Style] = {True: "good", False: "bad", None: ""}
    by = Cell(_by(change), change.change, style=styles[change.better])
    trend = " → ".join(filter(None, change.trends))
    return [change.name, *sides, by, Cell(trend, "", style="dim")]


def _by(change: MetricChange) -> str:
    if change.change is None:
        return ""
    sign = "+" if change.change > 0 else ""
    text = f"{sign}{cells.number(change.change, digits=3)}"
    if change.relative is None:
        return text
    word = {True: ", better", False: ", worse", None: ""}[change.better]
    return f"{text} ({change.relative * 100:+.3g} %{word})"


def _files(changes: Sequence[FileChange]) -> list[Row]:
    rows: list[Row] = [[change.path, "", "", _lines(change)] for change in changes[:_MOST_FILES]]
    if (more := len(changes) - _MOST_FILES) > 0:
        rows.append([Cell(f"{more} more files", style="dim"), "", "", ""])
    return rows


def _lines(change: FileChange) -> str:
    if change.added is None or change.removed is None:
        return "binary"
    parts = [
        f"+{change.added}" if change.added else "",
        f"-{change.removed}" if change.removed else "",
    ]
    return " ".join(part for part in parts if part) + " lines"


def _dataset(change: DatasetChange) -> Row:
    name = f"{change.name} ({change.context})" if change.context else change.name
    sides = [
        _ABSENT if digest is None else Cell(digest[:_DATA_DIGEST], digest)
        for digest in (change.first, change.second)
    ]
    return [name, *sides, ""]


def _artifact(change: ArtifactChange) -> Row:
    sides = [
        _ABSENT if size is None else cells.size(size) for size in (change.first, change.second)
    ]
    if change.first is None or change.second is None or change.same:
        return [change.path, *sides, ""]
    if change.content is not None:
        return [change.path, *sides, change.content.summary]
    more = change.second - change.first
    sign = "+" if more > 0 else "-"
    return [change.path, *sides, f"{sign}{cells.size(abs(more)).text}" if more else "other content"]
