"""`gittrack init`, and what Git calls to show a metrics file."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from gittrack import starting
from gittrack.cli import cells, render
from gittrack.errors import UsageError
from gittrack.runs.store import Store


class Host(str, Enum):
    """Whose continuous integration."""

    GITHUB = "github"
    GITLAB = "gitlab"


def init(
    lfs: Annotated[bool, typer.Option("--lfs", help="Keep artifacts in Git LFS.")] = False,
    pre_commit: Annotated[
        bool, typer.Option("--pre-commit", help="Add a hook for pre-commit that checks the runs.")
    ] = False,
    ci: Annotated[
        list[Host] | None, typer.Option("--ci", help="Add a workflow that runs, gates and reports.")
    ] = None,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Take it back; runs stay.")
    ] = False,
) -> None:
    """Set up this repository and this clone for runs; everything works without it too."""
    if uninstall and (lfs or pre_commit or ci):
        raise UsageError("--uninstall stands alone", hint="gittrack init --uninstall")
    store = Store.open()
    done = (
        starting.take_back(store)
        if uninstall
        else starting.set_up(
            store, lfs=lfs, pre_commit=pre_commit, starters=[host.value for host in ci or []]
        )
    )
    for step in done:
        render.say(step.text, kind="done")
        for line in step.hint.splitlines():
            render.say(line, kind="hint")


def textconv() -> None:
    """Show a metrics file, a line a metric: what `git diff` calls, once `init` told it."""
    text = starting.summary_of_lines(Path(sys.argv[1]))
    render.out("\n".join(cells.plain(line) for line in text.splitlines()))
