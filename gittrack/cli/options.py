"""Options that several commands share."""

from __future__ import annotations

import gc
import stat
from typing import Annotated

import typer

from gittrack import search, settings
from gittrack.cli import complete
from gittrack.cli.listing import Layout
from gittrack.cli.render import Form
from gittrack.errors import NotFoundError, StoreError, UsageError
from gittrack.runs import revisions
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store

Json = Annotated[bool, typer.Option("--json", help="Write JSON.", show_default=False)]
Csv = Annotated[bool, typer.Option("--csv", help="Write CSV.", show_default=False)]
Safe = Annotated[
    bool, typer.Option("--safe", help="Load only a model that runs no code of its own.")
]
Md = Annotated[bool, typer.Option("--md", help="Write Markdown.", show_default=False)]


Rev = Annotated[
    str,
    typer.Option(
        "--rev", metavar="REV", help="Read this branch, tag or commit, without a checkout."
    ),
]
AllBranches = Annotated[
    bool, typer.Option("--all-branches", help="Read all branches, those of remotes too.")
]


Filter = Annotated[
    str,
    typer.Option(
        "-f", "--filter", metavar="FILTER", help='Such as "metrics.acc > 0.9 and params.lr < 0.1".'
    ),
]
Sort = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--sort",
        metavar="KEY",
        help='Such as "metrics.acc desc". [default: newest first]',
        autocompletion=complete.keys,
    ),
]
Experiments = Annotated[
    list[str] | None,
    typer.Option(
        "-e",
        "--experiment",
        metavar="NAME",
        help="Only this experiment's; can be repeated.",
        autocompletion=complete.experiments,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "-c",
        "--columns",
        metavar="KEYS",
        help='Show these, such as "run_id, metrics.acc, tags.team".',
        autocompletion=complete.keys,
    ),
]
Spark = Annotated[
    list[str] | None,
    typer.Option(
        "--spark",
        metavar="METRIC",
        help="Draw the course of a metric in a column; can be repeated.",
        autocompletion=complete.metrics,
    ),
]


def form(*, json: bool = False, csv: bool = False, md: bool = False, quiet: bool = False) -> Form:
    """Return the one form of output that was asked for; a table where none was.

    Raises:
        UsageError: several were.
    """
    chosen = [
        form
        for form, wanted in (
            (Form.JSON, json),
            (Form.CSV, csv),
            (Form.MD, md),
            (Form.QUIET, quiet),
        )
        if wanted
    ]
    if len(chosen) > 1:
        names = " and ".join(f"--{form.value}" for form in chosen)
        raise UsageError(f"{names} exclude each other", hint="give one of them")
    return chosen[0] if chosen else Form.TABLE


def layout(
    filter_string: str, sort: list[str], columns: list[str], sparks: list[str], *, tree: bool
) -> Layout:
    """Return what a table of runs shows, after what was asked for on the command line.

    Raises:
        FilterError: one of it cannot be read.
    """
    asked = [
        *search.keys(search.parse_filter(filter_string)),
        *(order.key for order in search.parse_order(sort)),
    ]
    return Layout(
        metrics=frozenset(key.name for key in asked if key.entity == "metric"),
        params=frozenset(key.name for key in asked if key.entity == "param"),
        columns=tuple(order.key for order in search.parse_order(columns, role="column")),
        sparks=tuple(sparks),
        tree=tree,
    )


def open_store() -> Store:
    """Return the store for a command that writes no new run.

    Raises:
        NotFoundError: one was named, and is not there.
        StoreError: it is no folder.
    """
    store = Store.open()
    named = settings.variable(settings.DIR) is not None
    try:
        mode = store.root.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if named:
            raise NotFoundError(
                f"there is no folder {store.root}",
                hint="name a folder of runs with --store or GITTRACK_DIR, or none for the nearest",
            ) from None
        return store
    except (OSError, ValueError):  # the store says what is wrong when it is read
        return store
    if not stat.S_ISDIR(mode):
        raise StoreError(
            f"{store.root} is a file, not a folder", hint="name the folder of the runs: mlruns"
        )
    return store


def find_run(reference: str) -> StoredRun:
    """Return the run that `REVISION:RUN` or a reference into the store names, for reading."""
    return search.find_anywhere(open_store(), reference)


def store_at(revision: str, *, all_branches: bool) -> Store:
    """Return the store as it is on disk, or as a revision or all branches hold it.

    Raises:
        UsageError: both were asked for.
    """
    if revision and all_branches:
        raise UsageError("--rev and --all-branches exclude each other", hint="give one of them")
    if revision or all_branches:
        gc.disable()  # all runs are read, which makes many objects, no cycles, and is all there is
    if all_branches:
        return revisions.at_all_branches(Store.open())
    return revisions.at(Store.open(), revision) if revision else open_store()
