"""Commands that change what is said of a run: each adds an edit beside it and rewrites nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from gittrack import search, secrets
from gittrack.cli import options, render
from gittrack.errors import GittrackError, NotFoundError, UsageError
from gittrack.registry import Registry
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.reading import StoredRun
from gittrack.runs.store import Store
from gittrack.search import fields
from gittrack.tracking.experiments import edit_of
from gittrack.tracking.validation import check_key, check_length

_EXAMPLE = "such as gittrack tag @ team=a"

Find = Callable[[Store, str], StoredRun]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Id, its beginning, name, @, best:METRIC.")]


def tag(
    run: Run,
    tags: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE...", help="Tags to set.", show_default=False),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", "-r", metavar="NAME", help="Remove a tag; can be repeated."),
    ] = None,
) -> None:
    """Set or remove tags of a run."""
    changes = _changes(tags or (), remove or ())
    found = _own(options.open_store(), run)
    for name in remove or ():
        if name not in found.record.tags and not name.startswith("mlflow."):
            close = fields.nearest(name, found.record.tags)
            raise NotFoundError(
                f"run {found.run_id} has no tag {name!r}",
                hint=f"did you mean {close!r}?" if close else f"gittrack show {found.run_id}",
            )
    for name, value in changes.items():
        _warn_of_secret(f"the value of tag {name!r}", value or "")
    count = f"{len(changes)} tag{'s' * (len(changes) > 1)}"
    _write(found, edit_of(changes), f"{count} changed")


def note(
    run: Run,
    text: Annotated[str, typer.Argument(help="What to say of it; - reads it from stdin.")],
) -> None:
    """Set the note of a run, in the place of an earlier one."""
    found = _own(options.open_store(), run)
    said = check_length("note", found.run_id, _stdin() if text == "-" else text)
    _warn_of_secret("the note", said)
    _write(found, Edit(note=said), "noted" if said else "its note is removed")


def rm(run: Run) -> None:
    """Mark a run as deleted; nothing is removed from the disk."""
    store = options.open_store()
    found = _own(store, run)
    if found.deleted:
        _say(found, "was deleted before")
        return
    Registry(store).check_unused(found.run_id)
    _write(found, Edit(deleted=True), f"deleted; gittrack restore {found.run_id} brings it back")


def restore(run: Run) -> None:
    """Bring a deleted run back."""
    store = options.open_store()
    found = _own(store, run, search.find_deleted)
    if found.deleted:
        _write(found, Edit(deleted=False), "restored")
    else:
        _say(found, "is not deleted")
    experiment = found.folder.parent
    if experiment.parent == store.root and edits.read(experiment).joined.deleted:
        render.say(f"its experiment {found.record.experiment!r} is deleted", kind="warning")


def _own(store: Store, reference: str, find: Find = search.find) -> StoredRun:
    """Find a run that can be changed, which one of a revision cannot."""
    try:
        return find(store, reference)
    except NotFoundError as error:
        try:
            there = search.find_anywhere(store, reference)
        except GittrackError:
            raise error from None
        hint = f"check that revision out, and name the run {there.run_id}"
        raise UsageError(f"{reference} is in a revision, which is read only", hint=hint) from None


def _changes(given: Sequence[str], removed: Sequence[str]) -> Mapping[str, str | None]:
    changes: dict[str, str | None] = dict.fromkeys(removed)
    for item in given:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"{item!r} is no NAME=VALUE", hint=_EXAMPLE)
        if name in changes:
            raise UsageError(f"tag {name!r} is given twice", hint="give each tag once")
        changes[check_key("tag", name)] = check_length("tag", name, value)
    if not changes:
        raise UsageError("no tag is given", hint=_EXAMPLE)
    return changes


def _stdin() -> str:
    if sys.stdin is None:  # closed by the caller
        raise UsageError("there is no stdin to read the note from", hint="give it as an argument")
    return sys.stdin.buffer.read().decode("utf-8", "replace").rstrip("\r\n")


def _warn_of_secret(what: str, text: str) -> None:
    if (kind := secrets.find(text)) is not None:
        render.say(f"{what} looks like a secret ({kind}) and is left out", kind="warning")


def _write(found: StoredRun, edit: Edit, done: str) -> None:
    edits.write(found.folder, edit)
    _say(found, done)


def _say(found: StoredRun, what: str) -> None:
    render.say(f"run {found.run_id} ({found.record.name}): {what}", kind="done")
