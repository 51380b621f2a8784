"""`gittrack artifacts`: list, print and copy the files of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gittrack import artifactfiles, files
from gittrack.cli import cells, complete, options, render
from gittrack.cli.render import Table, View
from gittrack.errors import AlreadyExistsError, NotFoundError, UsageError
from gittrack.files import Problem
from gittrack.runs.reading import StoredRun
from gittrack.tracking import downloading

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run.", autocompletion=complete.runs)]
Inside = Annotated[str, typer.Argument(metavar="PATH", help="A folder or file of the artifacts.")]


def ls(
    run: Run,
    path: Inside = "",
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """List the artifacts of a run, with their sizes."""
    form = options.form(json=json, csv=csv, md=md)
    found = options.find_run(run)
    place = _place(found, path)
    problems: list[Problem] = []
    if place.is_dir():
        sizes = {
            (place / name).relative_to(found.artifacts).as_posix(): size
            for name, size in files.sizes(place, problems).items()
        }
    else:
        sizes = {path: place.lstat().st_size} if path else {}
    table = Table(["path", "size"], [[name, cells.size(size)] for name, size in sizes.items()])
    data = [{"path": name, "size": size} for name, size in sizes.items()]
    tables = [table] if sizes else []
    render.emit(
        View(kind="artifacts", data=data, tables=tables, problems=problems, csv=table), form
    )
    if not sizes:
        render.say(f"run {found.run_id} has no artifacts{f' in {path}' if path else ''}")


def cat(run: Run, path: Inside) -> None:
    """Print an artifact; a terminal gets escapes for what it would act on."""
    found = options.find_run(run)  # of a revision, its files are there as long as it is
    place = _place(found, path)
    if place.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"gittrack artifacts ls {run} {path}")
    data = files.read_bytes(place)
    if sys.stdout.isatty() and b"\0" in data:
        raise UsageError(
            f"{path} is no text, and this is a terminal",
            hint=f"gittrack artifacts get {run} {path}",
        )
    render.raw(data)


def get(
    run: Run,
    path: Inside = "",
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to put it.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Copy an artifact, a folder of them or all to another place."""
    found = options.find_run(run)
    place = _place(found, path)
    if not place.exists():
        raise NotFoundError(f"run {found.run_id} has no artifacts", hint=f"gittrack show {run}")
    if output.exists() and not output.is_dir():
        raise AlreadyExistsError(
            f"{output} is a file, not a folder", hint="-o names the folder to put it in"
        )
    target = output / (place.name if path else f"artifacts-{found.run_id}")
    if target.exists() and not force:
        raise AlreadyExistsError(
            f"{target} is there already", hint="--force replaces it, or give -o"
        )
    if path:
        downloading.downloaded(place, output)
    else:
        artifactfiles.copy_folder(place, target)
    render.out(str(target))


def _place(run: StoredRun, path: str) -> Path:
    place = artifactfiles.place(run.artifacts, path)
    if path and not place.exists():
        raise NotFoundError(
            f"run {run.run_id} has no artifact {path!r}",
            hint=f"gittrack artifacts ls {run.run_id}",
        )
    return place
