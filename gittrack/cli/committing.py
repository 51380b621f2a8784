"""`gittrack commit`: put runs into a commit of their own, and push it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gittrack import committing
from gittrack.cli import cells, options, render
from gittrack.cli.render import Form, View
from gittrack.committing import Committed
from gittrack.errors import some
from gittrack.runs.reading import StoredRun

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN...", help="Ids, names, @ ... [default: @, the latest]", show_default=False
    ),
]


def commit(
    runs: Runs = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that is new, changed or gone in the store.")
    ] = False,
    push: Annotated[
        bool, typer.Option("--push", help="Push the branch too, after what others pushed.")
    ] = False,
    message: Annotated[
        str, typer.Option("-m", "--message", metavar="TEXT", help="[default: params and metrics]")
    ] = "",
    running: Annotated[bool, typer.Option("--running", help="Runs that are running too.")] = False,
    allow_secrets: Annotated[
        bool, typer.Option("--allow-secrets", help="Commit what looks like a secret too.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Commit exactly some runs, whatever else is staged or changed."""
    if runs and everything:
        raise typer.BadParameter("--all and names of runs exclude each other")
    done = committing.commit(
        options.open_store(),
        runs or (),
        everything=everything,
        running=running,
        message=message,
        allow_secrets=allow_secrets,
        push=push,
    )
    if json:
        render.emit(View(kind="commit", data=done.to_dict()), Form.JSON)
    _say(done)


def _names(runs: Sequence[StoredRun]) -> str:
    return some([f"{run.run_id} ({run.record.name})" for run in runs])


def _say(done: Committed) -> None:
    names = _names(done.runs)
    if done.commit:
        count = f"{done.files} file{'s' * (done.files != 1)}"
        of = f" of {names}" if names else ""
        render.say(f"commit {done.commit[:10]} on {done.branch}: {count}{of}", kind="done")
        _say_removed(done, done.commit)
    else:
        render.say(f"{done.branch} holds {names or 'all of it'} already")
    for run in done.live:
        render.say(f"{run.run_id} ({run.record.name}) is running and left out; --running takes it")
    for path, size in done.large:
        render.say(
            f"{path} has {cells.size(size).text}, and hosts refuse files over 100 MB;"
            " gittrack init --lfs keeps artifacts outside the history",
            kind="warning",
        )
    if done.outer:
        render.say(
            f"this is a submodule: commit its new state in {done.outer} as well", kind="hint"
        )
    if done.pushed:
        where = f"{done.pushed.remote}/{done.pushed.branch}"
        render.say(f"pushed {done.pushed.commit[:10]} to {where}", kind="done")
        if not done.pushed.followed:
            render.say(
                "your branch stays where it is, since changes of yours are in the way of what"
                " others pushed: git pull, when they are committed",
                kind="hint",
            )


def _say_removed(done: Committed, commit: str) -> None:
    if not done.gone:
        return
    what = f"{done.gone} file{'s' * (done.gone != 1)}"
    if done.removed:
        runs = f"{len(done.removed)} run{'s' * (len(done.removed) != 1)}"
        what = f"{runs}, {_names(done.removed)}: {what}"
    render.say(f"it removes {what}", kind="warning")
    render.say(f"git revert {commit[:10]} brings that back", kind="hint")
