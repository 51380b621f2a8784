"""Commands for models."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from gittrack.cli import render
from gittrack.errors import UsageError
from gittrack.serving.app import MAX_BODY
from gittrack.serving.listening import LOOPBACK, PORT, Address
from gittrack.serving.server import Limits
from gittrack.serving.workers import Service
from gittrack.serving.workers import serve as serve_model

_SECONDS = Limits()


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
    workers: Annotated[int, typer.Option("--workers", "-w", help="Processes that answer.")] = 1,
    timeout: Annotated[
        float, typer.Option("--timeout", "-t", help="Seconds for an answer, else 504.")
    ] = _SECONDS.request_seconds,
    read_timeout: Annotated[
        float, typer.Option(help="Seconds for a request to arrive, else 408.")
    ] = _SECONDS.read_seconds,
    max_body: Annotated[int, typer.Option(help="Bytes of a body, else 413.")] = MAX_BODY,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show clients the stack trace of a failure.")
    ] = False,
) -> None:
    """Answer predictions of a model over HTTP: POST /invocations."""
    chosen = _one_model(uri, model_uri, such_as="gittrack serve runs:/@/model")
    logging.basicConfig(format="%(asctime)s %(levelname)s [%(process)d] %(message)s")

    def say_ready(address: Address) -> None:
        render.say(f"serving {chosen} at {address.url}", kind="done")

    limits = Limits(request_seconds=timeout, read_seconds=read_timeout)
    service = Service(chosen, workers, limits, max_body, debug)
    serve_model(service, host=host, port=port, on_ready=say_ready)


def _one_model(uri: str | None, model_uri: str | None, *, such_as: str) -> str:
    chosen = model_uri or uri
    if not chosen or (model_uri and uri):
        raise UsageError("give one model", hint=f"such as {such_as}")
    return chosen
