"""The command that packs old runs into one file, and brings them back."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from gittrack import search
from gittrack.cli import cells, options, progress, render
from gittrack.cli.exchanging import show_problems, show_taken
from gittrack.errors import AmbiguousError, NotFoundError, UsageError
from gittrack.exchange import archiving, taking
from gittrack.exchange.archiving import Entry
from gittrack.exchange.importers import archive as importer
from gittrack.exchange.incoming import Left
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store

_DAYS = re.compile(r"(\d{1,5})d")
_DAY_MS = 86_400_000


def archive(
    file: Annotated[Path, typer.Argument(help="Such as old.tar, old.tar.gz or old.tar.xz.")],
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Which runs.", show_default=False),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Runs that began before 2026-01-31, or 90d ago."),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Bring runs back; without RUN, all.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Show what is in it.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the runs in the tree too.")] = False,
    json: options.Json = False,
) -> None:
    """Pack runs into one file and take them out of the tree, or bring them back."""
    if back or listing:
        entries = _named(archiving.read_index(file), runs or ())
        if listing:
            _list(entries, json=json)
        else:
            _bring_back(file, entries, json=json)
        return
    store, left = options.open_store(), Left()
    chosen = _chosen(store, runs or (), before)
    with progress.bar("packing") as show:
        packed = archiving.pack(store, file, chosen, left, keep=keep, progress=show)
    show_problems("archive", left.problems, left.more)
    if not packed:
        render.say("no run to pack", kind="done")
        return
    gone = "" if keep else f"; gittrack archive {file} --back brings them back"
    render.say(f"{packed} runs packed into {file}{gone}", kind="done")


def _chosen(store: Store, names: list[str] | tuple[()], before: str | None) -> list[StoredRun]:
    if bool(names) == (before is not None):
        raise UsageError("which runs?", hint="name some, or give --before 90d")
    if names:
        return [search.find(store, name) for name in names]
    limit = _time(str(before))
    found = store.runs(deleted=True)
    render.emit(render.View("archive", None, problems=found.problems))
    return [run for run in found.runs if run.record.start_time < limit]


def _time(text: str) -> int:
    if match := _DAYS.fullmatch(text):
        return time.time_ns() // 1_000_000 - int(match[1]) * _DAY_MS
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time", hint="give a day such as 2026-01-31, or 90d"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)


def _named(entries: list[Entry], names: list[str] | tuple[()]) -> list[Entry]:
    found = []
    for name in names:
        fitting = [item for item in entries if item.run_id.startswith(name) or item.name == name]
        if not fitting:
            raise NotFoundError(f"no run {name!r} in it", hint="--list shows what is in it")
        if len(fitting) > 1:
            ids = ", ".join(item.run_id for item in fitting[:10])
            raise AmbiguousError(f"{name!r} fits {len(fitting)} runs: {ids}", hint="give an id")
        found += fitting
    return found if names else entries


def _list(entries: list[Entry], *, json: bool) -> None:
    now = time.time_ns() // 1_000_000
    columns = ["run", "name", "experiment", "state", "started", "files"]
    rows = [
        (
            entry.run_id,
            entry.name,
            entry.experiment,
            entry.status.lower(),
            cells.moment(entry.start_time, now=now),
            len(entry.files),
        )
        for entry in entries
    ]
    data = [{**entry._asdict(), "files": dict(entry.files)} for entry in entries]
    view = render.View("archive", data, [render.Table(columns, rows)])
    render.emit(view, render.Form.JSON if json else render.Form.TABLE)


def _bring_back(file: Path, entries: list[Entry], *, json: bool) -> None:
    store, left = Store.open(), Left()
    with progress.bar("bringing back") as show:
        taken = taking.take(store, importer.chosen(file, entries), left, progress=show)
    show_taken(taken, store, json=json)
