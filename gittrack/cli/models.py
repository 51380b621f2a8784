"""Commands for models."""

from __future__ import annotations

from typing import Annotated

import typer

from gittrack.cli import render
from gittrack.errors import UsageError
from gittrack.serving import create_app
from gittrack.serving.server import LOOPBACK, PORT, Address
from gittrack.serving.server import serve as serve_app


def serve(
    uri: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL_URI]", help="runs:/RUN/path, a path, or file:", show_default=False
        ),
    ] = None,
    model_uri: Annotated[
        str | None,
        typer.Option("--model-uri", "-m", metavar="URI", help="The same.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = PORT,
    host: Annotated[str, typer.Option("--host", help="Who may reach it.")] = LOOPBACK,
) -> None:
    """Answer predictions of a model over HTTP: POST /invocations."""
    chosen = model_uri or uri
    if not chosen or (model_uri and uri):
        raise UsageError("give one model", hint="such as gittrack serve runs:/@/model")

    def say_ready(address: Address) -> None:
        render.say(f"serving {chosen} at {address.url}", kind="done")

    serve_app(create_app(chosen), host=host, port=port, on_ready=say_ready)
