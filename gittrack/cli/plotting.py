"""`gittrack plot`: the course of metrics, drawn in the terminal or into a PNG or SVG file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gittrack.cli import cells, charts, complete, options, render
from gittrack.cli.charts import Line
from gittrack.cli.render import Form, Table, Value, View
from gittrack.cli.views import natural
from gittrack.errors import (
    MissingPackageError,
    NotComparableError,
    NotFoundError,
    StoreError,
    UsageError,
)
from gittrack.runs.lines import Point
from gittrack.runs.reading import StoredRun
from gittrack.search import fields

_ROWS = 14
_MOST_CHARTS = 12
_ENDINGS = (".png", ".svg")

Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Runs to draw together.", autocompletion=complete.runs),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--metric",
        metavar="NAME",
        help="Draw this metric; can be repeated. [default: all]",
        autocompletion=complete.metrics,
    ),
]


class Course(NamedTuple):
    """The values of one metric in one run."""

    run: StoredRun
    metric: str
    points: Sequence[Point]


def plot(
    runs: Runs,
    metric: Metrics = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write a .png or .svg file instead."),
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Values by their logarithms.")] = False,
    time: Annotated[bool, typer.Option("--time", help="By seconds, not by steps.")] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Draw the course of metrics, in the terminal or into a file."""
    form = options.form(json=json, csv=csv, md=md)
    if output is not None and output.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{output} is neither .png nor .svg", hint="give it one of these endings")
    found = {run.folder: run for run in map(options.find_run, runs)}
    courses = _courses(list(found.values()), metric or [])
    drawn = {name: [item for item in courses if item.metric == name] for name in _names(courses)}
    if output is not None:
        _write(output, {name: _lines(items, time=time) for name, items in drawn.items()}, log=log)
        render.say(f"drawn in {output}", kind="done")
        return
    text: list[str] = []
    for name, items in list(drawn.items())[: _MOST_CHARTS if not metric else None]:
        lines = _lines(items, time=time)
        chart = charts.chart(lines, columns=charts.width(), rows=_ROWS, log=log)
        text += [cells.plain(name), *chart, ""]
    if form is Form.TABLE and not metric and len(drawn) > _MOST_CHARTS:
        render.say(f"{_MOST_CHARTS} of {len(drawn)} metrics; -m NAME draws another")
    table = _table(courses)
    render.emit(View("history", _data(courses), text=text, csv=table, md=table), form)


def _courses(runs: Sequence[StoredRun], wanted: Sequence[str]) -> list[Course]:
    known = {name for run in runs for name in run.record.metrics}
    if not known:
        raise NotComparableError(
            f"{runs[0].run_id} has no metrics", hint="log some: gittrack.log_metric('acc', 0.9)"
        )
    for name in wanted:
        if name not in known:
            close = fields.nearest(name, known)
            raise NotFoundError(
                f"no such metric: {name!r}",
                hint=f"did you mean {close!r}?"
                if close
                else f"there are: {', '.join(sorted(known)[:10])}",
            )
    names = list(dict.fromkeys(wanted)) or sorted(known, key=natural)
    return [
        Course(run, name, run.history(name))
        for name in names
        for run in runs
        if name in run.record.metrics
    ]


def _names(courses: Sequence[Course]) -> list[str]:
    return list(dict.fromkeys(item.metric for item in courses))


def _lines(courses: Sequence[Course], *, time: bool) -> list[Line]:
    lines = []
    for run, _, points in courses:
        label = f"{run.run_id} {run.record.name}"
        if time:
            start = run.record.start_time
            lines.append(Line(label, [((at - start) / 1000, value) for _, at, value in points]))
        else:
            lines.append(charts.by_step(label, points))
    return lines


def _data(courses: Sequence[Course]) -> list[dict[str, object]]:
    return [
        {
            "run_id": run.run_id,
            "name": run.record.name,
            "metric": metric,
            "points": [point._asdict() for point in points],
        }
        for run, metric, points in courses
    ]


def _table(courses: Sequence[Course]) -> Table:
    rows: list[list[Value]] = [
        [run.run_id, run.record.name, metric, *point]
        for run, metric, points in courses
        for point in points
    ]
    return Table(["run_id", "name", "metric", "step", "time", "value"], rows)


def _write(path: Path, drawn: dict[str, list[Line]], *, log: bool) -> None:
    """Write a figure with a chart for each metric, the same bytes for the same values."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingPackageError(
            f"{path} cannot be drawn: matplotlib is not installed",
            hint="pip install matplotlib, or leave out -o to draw in the terminal",
        ) from None
    figure = Figure(figsize=(7, 3.2 * len(drawn)), layout="constrained")
    for axes, (name, lines) in zip(
        figure.subplots(len(drawn), squeeze=False)[:, 0], drawn.items(), strict=True
    ):
        for line in lines:
            single = "o" if len(line.points) == 1 else None
            axes.plot(*zip(*line.points, strict=True), marker=single, linewidth=1.2)
        if log:
            axes.set_yscale("log")
        axes.set_title(cells.plain(name), parse_math=False, fontsize=10)
        axes.legend(axes.get_lines(), [cells.plain(line.label) for line in lines], fontsize=7)
        for label in axes.get_legend().get_texts():
            label.set_parse_math(False)
        axes.grid(alpha=0.3)
    nothing = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
    try:
        with (
            warnings.catch_warnings(),
            rc_context({"svg.hashsalt": "gittrack", "svg.fonttype": "path"}),
        ):
            warnings.simplefilter("ignore")  # of letters that the font lacks
            figure.savefig(path, metadata=nothing, dpi=144)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}", hint="check the folder and its rights"
        ) from None
