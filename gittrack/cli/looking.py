"""`gittrack ls`, `show` and `diff`: the runs there are, one of them, and what differs of two."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import typer

from gittrack import files, paths, search
from gittrack.cli import options, render, views
from gittrack.cli.differences import diff_view
from gittrack.cli.render import Form
from gittrack.compare import compare
from gittrack.errors import GittrackError, NotComparableError, UsageError
from gittrack.models import mlmodel
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store

MOST_ROWS = 100

_RUN_HELP = "Id or its beginning, name, @ (latest), @~2, best:METRIC, REV:RUN, or a path."

Run = Annotated[str, typer.Argument(metavar="RUN", help=_RUN_HELP)]
First = Annotated[str, typer.Argument(metavar="A", help=_RUN_HELP)]
Second = Annotated[str, typer.Argument(metavar="B", help="The run to compare it with.")]


Filter = Annotated[
    str,
    typer.Option(
        "-f", "--filter", metavar="FILTER", help='Such as "metrics.acc > 0.9 and params.lr < 0.1".'
    ),
]
Sort = Annotated[
    list[str] | None,
    typer.Option(
        "-s", "--sort", metavar="KEY", help='Such as "metrics.acc desc". [default: newest first]'
    ),
]
Most = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--max",
        metavar="N",
        help=f"Show at most N, 0 for all. [default: {MOST_ROWS} in a table]",
    ),
]
Experiments = Annotated[
    list[str] | None,
    typer.Option(
        "-e", "--experiment", metavar="NAME", help="Only this experiment's; can be repeated."
    ),
]


def ls(
    filter_string: Filter = "",
    sort: Sort = None,
    most: Most = None,
    experiment: Experiments = None,
    everything: Annotated[bool, typer.Option("--all", help="Deleted runs too.")] = False,
    rev: options.Rev = "",
    all_branches: options.AllBranches = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """List runs, the newest first, with the params and metrics that vary."""
    form = options.form(json=json, csv=csv, md=md)
    limit = _limit(most, form)
    store, order_by = options.store_at(rev, all_branches=all_branches), sort or []
    listing = search.runs(
        store,
        experiments=experiment or None,
        filter_string=filter_string,
        order_by=order_by,
        max_results=limit or None,
        view="ALL" if everything else "ACTIVE_ONLY",
    )
    shown = listing.runs
    chosen = _chosen(filter_string, order_by)
    render.emit(views.runs_view(shown, listing.problems, now=_now(), chosen=chosen), form)
    if not shown:
        _say_why_empty(store, filter_string)
    elif len(shown) < listing.total:
        render.say(f"{len(shown)} of {listing.total} runs; -n 0 shows all")
    if order_by:
        _warn_of_unknown(store, order_by)


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
    render.emit(views.run_view(found, now=_now(), models=_models(found)), form)


def diff(
    first: First,
    second: Second,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where anything differs.")
    ] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show what differs between two runs, and only that."""
    form = options.form(json=json, csv=csv, md=md)
    store = options.open_store()
    difference = compare(options.find_run(first), options.find_run(second), store)
    view = diff_view(difference, now=_now())
    render.emit(view if difference or form is not Form.TABLE else replace(view, tables=()), form)
    both = f"{difference.first.run_id} and {difference.second.run_id}"
    if not difference:
        what = "params, metrics, tags, code, environment, datasets and artifacts"
        doubt = ", as far as they could be read" if difference.problems else ""
        render.say(f"{both} are the same in {what}{doubt}")
    if difference.unknown:
        render.say(f"which files differ is not known: {difference.unknown}")
    if difference and exit_code:
        raise typer.Exit(1)
    if difference.problems and exit_code:
        raise NotComparableError(
            f"{both} could not be compared in full", hint="check the rights of what is named above"
        )


def _now() -> int:
    return time.time_ns() // 1_000_000


def _chosen(filter_string: str, sort: list[str]) -> views.Chosen:
    keys = [
        *search.keys(search.parse_filter(filter_string)),
        *(order.key for order in search.parse_order(sort)),
    ]
    return views.Chosen(
        metrics=frozenset(key.name for key in keys if key.entity == "metric"),
        params=frozenset(key.name for key in keys if key.entity == "param"),
    )


def _warn_of_unknown(store: Store, sort: list[str]) -> None:
    nothing, orders = search.parse_filter(""), search.parse_order(sort)
    for sentence in search.unknown_keys(nothing, search.known_keys(store), orders):
        render.say(f"sort key: {sentence}", kind="warning")


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
    for path in files.walk(run.artifacts):
        if path.name == paths.MLMODEL:
            folder = path.parent
            try:
                flavors = ", ".join(mlmodel.read(folder).flavors)
            except GittrackError as error:
                flavors = error.message
            name = folder.relative_to(run.artifacts).as_posix()
            found["" if name == "." else name] = flavors
    return found
