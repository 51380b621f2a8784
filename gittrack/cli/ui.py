"""`gittrack ui`: the web pages, served or written to a folder."""

from __future__ import annotations

from typing import Annotated

import typer

from gittrack.cli import options, render
from gittrack.ui import server


def ui(
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = server.PORT,
    host: Annotated[str, typer.Option("--host", help="Who may reach it.")] = "127.0.0.1",
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", show_default=False)
    ] = False,
) -> None:
    """Look at runs in the browser, or write the pages to a folder."""
    store = options.open_store()

    def say_ready(url: str) -> None:
        render.say(f"showing {store.root} at {url}", kind="done")
        if open_browser:
            import webbrowser

            webbrowser.open(url)

    server.serve(store, host=host, port=port, on_ready=say_ready)
