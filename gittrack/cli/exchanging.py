"""Commands that bring in what other tools wrote, and take out what is here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gittrack.cli import options, progress, render
from gittrack.errors import UsageError
from gittrack.exchange import importers, taking
from gittrack.exchange.incoming import Left
from gittrack.exchange.taking import Taken
from gittrack.files import Problem
from gittrack.runs.store import Store

_SHOWN = 20


def import_(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[FORMAT] PATH", help=f"FORMAT may be {', '.join(importers.IMPORTERS)}."
        ),
    ],
    artifacts: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Also take artifacts from here; can be repeated."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Bring in runs of another tool, or of another tree; none is taken twice."""
    name, where = (None, words[0]) if len(words) == 1 else words[:2]
    if len(words) > len(("FORMAT", "PATH")):
        raise UsageError("only one path can be given", hint="gittrack import [FORMAT] PATH")
    place = Path(where).expanduser()
    importer = importers.choose(name, place)
    store, left = Store.open(), Left()
    folders = tuple(folder.expanduser().resolve() for folder in artifacts or ())
    source = importer.read(place, left, folders=folders)
    with progress.bar("importing") as show:
        taken = taking.take(store, source, left, progress=show)
    show_taken(taken, store, json=json)


def show_taken(taken: Taken, store: Store, *, json: bool) -> None:
    """Show what an import came to."""
    if json:
        names = ("runs", "renewed", "known", "versions", "more_problems")
        data = {name: getattr(taken, name) for name in names}
        render.emit(render.View("import", data, problems=taken.problems), render.Form.JSON)
        return
    show_problems("import", taken.problems, taken.more_problems)
    parts = [
        (taken.runs, "run", "taken"),
        (taken.renewed, "run", "renewed"),
        (taken.known, "run", "there before"),
        (taken.versions, "model version", "registered"),
    ]
    words = [
        f"{number} {noun}{'s' * (number != 1)} {done}" for number, noun, done in parts if number
    ]
    render.say(f"{', '.join(words) or 'nothing to take'}, in {store.root}", kind="done")


def show_problems(kind: str, problems: Sequence[Problem], more: int) -> None:
    """Show what was left out: the first in full, of the others how many."""
    render.emit(render.View(kind, None, problems=problems[:_SHOWN]))
    if (rest := len(problems) - _SHOWN + more) > 0:
        render.say(f"and {rest} more that were left out", kind="warning")
