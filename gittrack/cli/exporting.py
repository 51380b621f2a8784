"""Commands that take out what is here, in forms that others read."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from gittrack import files, search
from gittrack.cli import options, progress, render
from gittrack.cli.exchanging import show_problems
from gittrack.errors import UsageError
from gittrack.exchange.exporters import mlflow as mlflow_files
from gittrack.exchange.exporters import tables
from gittrack.exchange.incoming import Left
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store

Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RUN]...", help="Which runs; without any, all.", show_default=False),
]
Filter = Annotated[
    str | None,
    typer.Option("--filter", "-f", help="Only runs such as 'metrics.acc > 0.9'."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write here. [default: standard output]"),
]
History = Annotated[
    bool, typer.Option("--history", help="A row for every value of every metric, not every run.")
]


def mlflow(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="The file store to write.")],
    runs: Runs = None,
    filter_string: Filter = None,
) -> None:
    """Write a file store that MLflow of 1.x to 3.x reads."""
    store, left = options.open_store(), Left()
    if runs or filter_string:
        folders = [run.folder for run in _chosen(store, runs, filter_string)]
    else:
        folders = list(store.run_folders(deleted=True, problems=left.problems))
    with progress.bar("exporting") as show:
        done = mlflow_files.export(store, target, folders, left, progress=show)
    show_problems("export", left.problems, left.more)
    known = f", {done.known} there before" if done.known else ""
    render.say(f"{done.runs} runs written{known}, in {target}", kind="done")


def _table_command(form: tables.Form, words: str) -> Callable[..., None]:
    def command(
        runs: Runs = None,
        filter_string: Filter = None,
        output: Output = None,
        history: History = False,
    ) -> None:
        if output is None and form == "parquet":
            hint = "gittrack export parquet -o runs.parquet"
            raise UsageError("Parquet goes into a file", hint=hint)
        chosen = _chosen(options.open_store(), runs, filter_string)
        if output is None:
            shown = io.BytesIO() if sys.stdout.isatty() else None
            tables.write(chosen, form, shown or sys.stdout.buffer, history=history)
            if shown is not None:  # a terminal gets escapes for what it would act on
                render.raw(shown.getvalue())
            return
        with files.replacing(output) as file:
            tables.write(chosen, form, file, history=history)
        render.say(f"{len(chosen)} runs written to {output}", kind="done")

    command.__doc__ = words
    return command


csv = _table_command("csv", "Write runs, or histories of metrics, as CSV.")
json = _table_command("json", "Write runs, or histories of metrics, as one JSON list.")
parquet = _table_command("parquet", "Write runs, or histories of metrics, as Parquet.")


def _chosen(store: Store, names: list[str] | None, filter_string: str | None) -> list[StoredRun]:
    if names:
        if filter_string:
            raise UsageError("runs are named and filtered", hint="give either")
        return [search.find(store, name) for name in names]
    found = search.runs(store, filter_string=filter_string or "")
    render.emit(render.View("export", None, problems=found.problems))
    return list(found.runs)
