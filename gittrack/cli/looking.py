"""`gittrack ls` and `show`: the runs there are, and one of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from gittrack import paths, search
from gittrack.cli import cells, charts, complete, options, render, views
from gittrack.cli.listing import runs_view
from gittrack.cli.render import Form
from gittrack.errors import GittrackError, UsageError
from gittrack.models import mlmodel
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store

MOST_ROWS = 100
_MOST_CHARTS = 12
_CHART_ROWS = 6

_RUN_HELP = "Id or its beginning, name, @ (latest), @~2, best:METRIC, REV:RUN, or a path."

Run = Annotated[str, typer.Argument(metavar="RUN", help=_RUN_HELP, autocompletion=complete.runs)]


def ls(
    filter_string: options.Filter = "",
    sort: options.Sort = None,
    most: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--max",
            metavar="N",
            help=f"Show at most N, 0 for all. [default: {MOST_ROWS} in a table]",
        ),
    ] = None,
    experiment: options.Experiments = None,
    columns: options.Columns = None,
    spark: options.Spark = None,
    tree: Annotated[bool, typer.Option("--tree", help="Runs below their parents.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only the ids, one a line.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Deleted runs too.")] = False,
    rev: options.Rev = "",
    all_branches: options.AllBranches = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """List runs, the newest first, with the params and metrics that vary."""
    form = options.form(json=json, csv=csv, md=md, quiet=quiet)
    store = options.store_at(rev, all_branches=all_branches)
    layout = options.layout(filter_string, sort or [], columns or [], spark or [], tree=tree)
    limit = _limit(most, form)
    listing = search.runs(
        store,
        experiments=experiment or None,
        filter_string=filter_string,
        order_by=sort or [],
        max_results=limit or None,
        view="ALL" if everything else "ACTIVE_ONLY",
    )
    render.emit(runs_view(listing.runs, listing.problems, now=_now(), layout=layout), form)
    if not listing.runs:
        _say_why_empty(store, filter_string)
    elif len(listing.runs) < listing.total:
        render.say(f"{len(listing.runs)} of {listing.total} runs; -n 0 shows all")
    courses = [f"metrics.`{name}`" for name in layout.sparks]
    _warn_of_unknown(store, {"sort key": sort, "column": columns, "course": courses})


def _limit(most: int | None, form: Form) -> int:
    """Return how many runs to show, 0 for all."""
    if most is None:
        return MOST_ROWS if form is Form.TABLE else 0
    if most < 0:
        raise UsageError(f"-n {most} is less than nothing", hint="-n 0 shows all")
    return most


def show(
    run: Run,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show everything about one run."""
    form = options.form(json=json, csv=csv, md=md)
    found = options.find_run(run)
    view = views.run_view(found, now=_now(), models=_models(found))
    render.emit(replace(view, text=_courses(found)) if form is Form.TABLE else view, form)


def _courses(run: StoredRun) -> list[str]:
    """Return a chart of each metric that has a course."""
    names = [name for name, summary in run.record.metrics.items() if summary.count > 1]
    text: list[str] = []
    for name in names[:_MOST_CHARTS]:
        lines = [charts.by_step("", run.history(name))]
        drawn = charts.chart(lines, columns=charts.width(), rows=_CHART_ROWS)
        text += ["", cells.plain(name), *drawn]
    if more := len(names) - _MOST_CHARTS:
        text += ["", f"{more} more: gittrack plot {run.run_id}"] if more > 0 else []
    return text


def _now() -> int:
    return time.time_ns() // 1_000_000


def _warn_of_unknown(store: Store, asked: Mapping[str, list[str] | None]) -> None:
    """Say what no run has of what was asked for; all runs are looked at only where it was."""
    known = search.known_keys(store) if any(asked.values()) else frozenset()
    nothing = search.parse_filter("")
    for role, texts in asked.items():
        orders = search.parse_order(texts or [], role="column")
        for sentence in search.unknown_keys(nothing, known, orders):
            render.say(f"{role}: {sentence}", kind="warning")


def _say_why_empty(store: Store, filter_string: str) -> None:
    runs = search.runs(store, max_results=0).total
    if not runs:
        render.say(f"no runs in {store.place} yet")
        render.say(
            "gittrack run PROJECT, or in Python: gittrack.log_metric('acc', 0.9)", kind="hint"
        )
        return
    few = "the one run" if runs == 1 else f"none of the {runs} runs"
    fits = "does not fit" if runs == 1 else "fits"
    render.say(f"{few} in {store.place} {fits}")
    node = search.parse_filter(filter_string)
    for sentence in search.unknown_keys(node, search.known_keys(store)):
        render.say(sentence, kind="hint")


def _models(run: StoredRun) -> dict[str, str]:
    """Return the flavors of a run's models by their path in its artifacts."""
    found: dict[str, str] = {}
    artifacts = run.folder / paths.ARTIFACTS
    for name in run.tree.sizes(artifacts, []):
        folder, _, file = name.rpartition("/")
        if file == paths.MLMODEL:
            try:
                flavors = ", ".join(mlmodel.read(run.tree.local(artifacts / name).parent).flavors)
            except GittrackError as error:
                flavors = error.message
            found[folder] = flavors
    return found
