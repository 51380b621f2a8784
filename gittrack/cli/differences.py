"""How the difference of two runs looks: a table a section; one flat table for CSV, Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from gittrack.cli import cells
from gittrack.cli.cells import Cell
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
from gittrack.git.changes import FileChange
from gittrack.runs.reading import StoredRun

_ABSENT = Cell("-", "", right=True, style="dim")
_MOST_FILES = 20
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
        "artifacts": [_artifact(change) for change in difference.artifacts],
    }
    sides = (difference.first, difference.second)
    ids = [run.run_id for run in sides]
    flat = [[title, *entry] for title, entries in sections.items() for entry in entries]
    table = Table(["section", "name", *ids, "change"], flat)
    return View(
        kind="diff",
        data=difference.to_dict(),
        tables=[
            Table(["run", "name", "state", "started"], [_head(run, now) for run in sides]),
            *(
                Table(["", *ids, ""], entries, title=title)
                for title, entries in sections.items()
                if entries
            ),
        ],
        problems=[
            *difference.first.problems,
            *difference.second.problems,
            *difference.problems,
        ],
        csv=table,
        md=table,
    )


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
    texts = [None if side is None else cells.number(side) for side in change[1:]]
    if texts[0] == texts[1]:
        texts = [None if side is None else repr(side) for side in change[1:]]
    sides = [
        _ABSENT if text is None else Cell(text, value, right=True)
        for text, value in zip(texts, change[1:], strict=True)
    ]
    return [change.name, *sides, Cell(_by(change), change.change)]


def _by(change: MetricChange) -> str:
    if change.change is None:
        return ""
    sign = "+" if change.change > 0 else ""
    text = f"{sign}{cells.number(change.change, digits=3)}"
    if change.relative is None:
        return text
    return f"{text} ({change.relative * 100:+.3g} %)"


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
    if change.first is None or change.second is None:
        return [change.path, *sides, ""]
    more = change.second - change.first
    sign = "+" if more > 0 else "-"
    return [change.path, *sides, f"{sign}{cells.size(abs(more)).text}" if more else "other content"]
