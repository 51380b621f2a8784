"""Commands that let models work: `serve`, `predict`, their images and environments."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Annotated

import typer

from gittrack import files, process, settings
from gittrack.cli import progress, render
from gittrack.cli.options import Safe
from gittrack.environments import managers
from gittrack.environments.base import Reporter
from gittrack.errors import NotFoundError, UsageError
from gittrack.models.pyfunc import load_model
from gittrack.models.uri import resolve
from gittrack.serving import batch, chunks, image, surroundings
from gittrack.serving.app import MAX_BODY
from gittrack.serving.chunks import Kind
from gittrack.serving.listening import LOOPBACK, PORT, Address
from gittrack.serving.server import Limits
from gittrack.serving.workers import Service
from gittrack.serving.workers import serve as serve_model

_SECONDS = Limits()

Uri = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL_URI]",
        help="runs:/RUN/path, models:/NAME/3, models:/NAME@ALIAS, a path, or file:",
        show_default=False,
    ),
]
ModelUri = Annotated[
    str | None,
    typer.Option("--model-uri", "-m", metavar="URI", help="The same.", show_default=False),
]
EnvManager = Annotated[
    str | None,
    typer.Option(
        "--env-manager", metavar="NAME", help="Work in the model's environment: virtualenv, conda."
    ),
]
BaseImage = Annotated[
    str | None,
    typer.Option("--base-image", metavar="IMAGE", help="Begin with it. [default: a slim Python]"),
]


def serve(
    uri: Uri = None,
    model_uri: ModelUri = None,
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = PORT,
    host: Annotated[str, typer.Option("--host", help="Who may reach it.")] = LOOPBACK,
    workers: Annotated[int, typer.Option("--workers", "-w", help="Processes that answer.")] = 1,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", "-t", help="Seconds for a turn, and then for an answer; else 504."
        ),
    ] = _SECONDS.request_seconds,
    read_timeout: Annotated[
        float, typer.Option(help="Seconds for a request to arrive, else 408.")
    ] = _SECONDS.read_seconds,
    max_body: Annotated[int, typer.Option(help="Bytes of a body, else 413.")] = MAX_BODY,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show clients the stack trace of a failure.")
    ] = False,
    env_manager: EnvManager = None,
    safe: Safe = False,
) -> None:
    """Answer predictions of a model over HTTP: POST /invocations."""
    if safe:
        settings.load_safely()
    chosen = _one_model(uri, model_uri, such_as="gittrack serve runs:/@/model")
    options = {
        "--host": host,
        "--port": port,
        "--workers": workers,
        "--timeout": timeout,
        "--read-timeout": read_timeout,
        "--max-body": max_body,
    }
    flags = ["--debug"] if debug else []
    _enter(chosen, env_manager, ["serve", chosen, *_spelled(options), *flags])
    logging.basicConfig(format="%(asctime)s %(levelname)s [%(process)d] %(message)s")

    def say_ready(address: Address) -> None:
        render.say(f"serving {chosen} at {address.url}", kind="done")

    limits = Limits(request_seconds=timeout, read_seconds=read_timeout)
    service = Service(chosen, workers, limits, max_body, debug)
    serve_model(service, host=host, port=port, on_ready=say_ready)


def predict(
    uri: Uri = None,
    model_uri: ModelUri = None,
    source: Annotated[
        str, typer.Option("--input", "--input-path", "-i", metavar="FILE", help="- is stdin.")
    ] = "-",
    target: Annotated[
        str, typer.Option("--output", "--output-path", "-o", metavar="FILE", help="- is stdout.")
    ] = "-",
    reads: Annotated[
        str | None,
        typer.Option(
            "--from",
            "--content-type",
            "-t",
            metavar="KIND",
            help="csv, jsonl, json or parquet, where the name of the file does not say it.",
        ),
    ] = None,
    writes: Annotated[
        str | None, typer.Option("--to", metavar="KIND", help="The same for the output.")
    ] = None,
    env_manager: EnvManager = None,
    safe: Safe = False,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="spark, dask or ray: from a file or folder to a folder.",
        ),
    ] = None,
) -> None:
    """Write a model's predictions for the rows of a file."""
    if safe:
        settings.load_safely()
    chosen = _one_model(uri, model_uri, such_as="gittrack predict runs:/@/model -i data.csv")
    if engine is not None:
        _refuse_with_engine(writes, env_manager, safe)
        _on_engine(engine, chosen, source, target, reads)
        return
    reading = _kind(reads, source, "csv", option="--from")
    writing = _kind(writes, target, "csv" if reading == "parquet" else reading, option="--to")
    with suppress(OSError):
        if "-" not in (source, target) and Path(source).samefile(target):
            raise UsageError(f"{target} is the input itself", hint="name another file with -o")
    options = {"-i": source, "-o": target, "--from": reading, "--to": writing}
    _enter(chosen, env_manager, ["predict", chosen, *_spelled(options)])
    rows = _score(chosen, source, target, reads=reading, writes=writing)
    if target != "-":
        render.say(f"wrote {rows} predictions to {target}", kind="done")


def _score(chosen: str, source: str, target: str, *, reads: Kind, writes: Kind) -> int:
    with ExitStack() as stack:
        model = load_model(chosen)
        size = 0
        if source == "-":
            incoming = sys.stdin.buffer
        else:
            incoming = stack.enter_context(_opened(Path(source)))
            size = Path(source).stat().st_size
        show = stack.enter_context(progress.bar("predicting"))

        def on_chunk(_: int) -> None:
            if size:
                show(incoming.tell(), size)

        outgoing = (
            sys.stdout.buffer
            if target == "-"
            else stack.enter_context(files.replacing(Path(target)))
        )
        return batch.predict(
            model, incoming, outgoing, reads=reads, writes=writes, on_chunk=on_chunk
        )


def _refuse_with_engine(*given: object) -> None:
    if any(given):
        raise UsageError(
            "--engine does not take --to, --env-manager or --safe", hint="leave it out"
        )


def _on_engine(engine: str, chosen: str, source: str, target: str, reads: str | None) -> None:
    from gittrack.engines.batch import KINDS, score

    if "-" in (source, target):
        raise UsageError("--engine reads and writes files", hint="name them: -i FILES -o FOLDER")
    incoming = Path(source)
    inside = sorted(incoming.iterdir()) if incoming.is_dir() else []
    named = next(filter(None, map(chunks.kind_of, (incoming, *inside))), None)
    kind = reads or named
    if kind not in KINDS:
        raise UsageError(
            f"{source} does not say what {engine} is to read", hint=f"--from {', '.join(KINDS)}"
        )
    score(engine, resolve(chosen), incoming, Path(target), kind=kind)
    render.say(f"wrote the rows with their predictions into {target}", kind="done")


def prepare_env(
    uri: Uri = None, model_uri: ModelUri = None, env_manager: EnvManager = None
) -> None:
    """Build the environment that a model names, and write the path of its Python."""
    chosen = _one_model(uri, model_uri, such_as="gittrack models prepare-env runs:/@/model")
    environment = surroundings.environment_of(resolve(chosen), env_manager)
    if environment is None:
        raise UsageError(f"{chosen} names no environment", hint="save the model again")
    built = managers.manager(env_manager, environment).prepare(environment, to=Reporter(render.say))
    render.out(built.python)


def build_docker(
    name: Annotated[str, typer.Option("--name", "-n", metavar="IMAGE", help="What it is called.")],
    uri: Uri = None,
    model_uri: ModelUri = None,
    base_image: BaseImage = None,
) -> None:
    """Build a container image that serves a model."""
    chosen = _one_model(uri, model_uri, such_as="gittrack models build-docker runs:/@/model -n a")
    render.say(f"building the image {name}")
    made = image.build(resolve(chosen), name, base=base_image, say=render.say, log=_say_step)
    render.say(f"built {name}; serve it with: docker run -p 5000:{image.PORT} {name}", kind="done")
    render.out(made)


def generate_dockerfile(
    uri: Uri = None,
    model_uri: ModelUri = None,
    folder: Annotated[
        Path,
        typer.Option("--output-directory", "--directory", "-d", metavar="PATH", help="A new one."),
    ] = Path("gittrack-dockerfile"),
    base_image: BaseImage = None,
) -> None:
    """Write a Dockerfile, and all that it needs, for an image that serves a model."""
    chosen = _one_model(uri, model_uri, such_as="gittrack models generate-dockerfile runs:/@/model")
    dockerfile = image.generate(resolve(chosen), folder, base=base_image)
    render.say(f"wrote {dockerfile}; build it with: docker build -t NAME {folder}", kind="done")


def _one_model(uri: str | None, model_uri: str | None, *, such_as: str) -> str:
    chosen = model_uri or uri
    if not chosen or (model_uri and uri):
        raise UsageError("give one model", hint=f"such as {such_as}")
    return chosen


def _enter(chosen: str, manager: str | None, arguments: list[str]) -> None:
    """Go on in the model's environment where that is asked for, else say how this one differs."""
    if manager not in (None, surroundings.LOCAL):
        to = Reporter(render.say)
        launch = surroundings.entered(resolve(chosen), str(manager), arguments, to=to)
        env = settings.child_environment(launch.variables, without=launch.without)
        process.become(launch.command, env=env)
    for line in surroundings.differences(resolve(chosen)):
        render.say(line, kind="warning")


def _spelled(options: Mapping[str, object]) -> list[str]:
    return [str(part) for pair in options.items() for part in pair]


def _kind(given: str | None, name: str, otherwise: Kind, *, option: str) -> Kind:
    if given is not None and given not in chunks.KINDS:
        raise UsageError(f"{option} {given!r} is no kind", hint=f"give {', '.join(chunks.KINDS)}")
    if given is None and name != "-" and chunks.kind_of(Path(name)) is None:
        raise UsageError(
            f"{name} does not say what it holds", hint=f"{option} {' or '.join(chunks.KINDS)}"
        )
    return given or chunks.kind_of(Path(name)) or otherwise


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise NotFoundError(f"cannot read {path}: {error.strerror}", hint="check -i") from None


def _say_step(line: str) -> None:
    if line.startswith("Step "):
        render.say(line)
