"""`gittrack ui`: the web pages, served or written to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gittrack import search
from gittrack.cli import options, progress, render
from gittrack.errors import UsageError
from gittrack.runs.store import Store
from gittrack.ui import export, guard, server

_LISTED = 5


def ui(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Export only these.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = server.PORT,
    host: Annotated[str, typer.Option("--host", help="Who may reach it.")] = "127.0.0.1",
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", show_default=False)
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="DIR", help="Write the pages to a folder.", show_default=False
        ),
    ] = None,
    filter_string: Annotated[
        str, typer.Option("-f", "--filter", metavar="FILTER", help="Export only what it fits.")
    ] = "",
) -> None:
    """Look at runs in the browser, or write the pages to a folder."""
    store = options.open_store()
    if folder is not None:
        _export(store, folder, runs or [], filter_string)
        return
    if runs or filter_string:
        raise UsageError(
            "runs and filters are chosen in the page", hint="or give --export DIR as well"
        )

    def say_ready(url: str) -> None:
        render.say(f"showing {store.root} at {url}", kind="done")
        if not guard.is_loopback_host(host):
            render.say("everyone who can reach this machine can read these runs", kind="warning")
        if open_browser:
            import webbrowser

            webbrowser.open(url)

    server.serve(store, host=host, port=port, on_ready=say_ready)


def _export(store: Store, folder: Path, references: list[str], filter_string: str) -> None:
    if references and filter_string:
        raise UsageError("runs and --filter exclude each other", hint="give one of them")
    if references:
        chosen = list({run.run_id: run for run in map(options.find_run, references)}.values())
    else:
        found = search.runs(store, filter_string=filter_string)
        chosen = found.runs
        render.emit(render.View("runs", [], problems=found.problems))
    with progress.bar("exporting") as show:
        made = export.export(store, chosen, folder.absolute(), progress=show)
    for path in made.left_out[:_LISTED]:
        render.say(f"left out, being too large: {path}", kind="warning")
    if len(made.left_out) > _LISTED:
        render.say(f"and {len(made.left_out) - _LISTED} more", kind="warning")
    count = f"{made.runs} run{'s' * (made.runs != 1)}"
    render.say(f"{count} written to {folder}; open {folder / 'index.html'}", kind="done")
