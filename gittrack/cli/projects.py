"""`gittrack run`: run a project or a command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gittrack import settings, yamlfile
from gittrack.cli import progress, render
from gittrack.cli.cells import plain
from gittrack.environments.base import Reporter
from gittrack.errors import UsageError
from gittrack.projects import running
from gittrack.projects.order import LOCAL, Order
from gittrack.projects.preparing import Prepared, prepare
from gittrack.projects.running import SubmittedRun
from gittrack.runs.record import FINISHED
from gittrack.runs.writer import RunWriter

Uri = Annotated[
    str, typer.Argument(help="Folder, zip file or Git URL of the project; #FOLDER is one in it.")
]
Entry = Annotated[str, typer.Option("--entry-point", "-e", metavar="NAME", help="What to run.")]
Version = Annotated[
    str | None, typer.Option("--version", "-v", help="Branch, tag or commit of a Git project.")
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param-list",
        "-P",
        metavar="NAME=VALUE",
        help="A parameter, once for each; @FILE takes them from a YAML or JSON file.",
    ),
]
Experiment = Annotated[
    str | None,
    typer.Option("--experiment-name", "--experiment", metavar="NAME", help="Where the run goes."),
]
Name = Annotated[
    str | None, typer.Option("--run-name", "--name", metavar="NAME", help="What the run is called.")
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="A tag of the run.")
]
EnvManager = Annotated[
    str | None,
    typer.Option(
        "--env-manager", metavar="NAME", help="Where to run: local, virtualenv, conda or docker."
    ),
]
DockerArgs = Annotated[
    list[str] | None,
    typer.Option("--docker-args", "-A", metavar="NAME=VALUE", help="An option of docker run."),
]
BuildImage = Annotated[
    bool, typer.Option("--build-image", help="Run in an image with the project's code in it.")
]
AsMlflow = Annotated[
    bool | None,
    typer.Option(
        "--as-mlflow/--no-as-mlflow",
        help="Let its import mlflow find gittrack. [default: where mlflow is not installed]",
        show_default=False,
    ),
]
Scrape = Annotated[
    bool, typer.Option("--scrape", help="Take 'name: 0.5' and 'name=0.5' from its output.")
]
Artifacts = Annotated[
    list[str] | None,
    typer.Option("--artifacts", metavar="GLOB", help="Keep these files of its folder."),
]
Backend = Annotated[
    str, typer.Option("--backend", "-b", metavar="NAME", help="What runs it: local or slurm.")
]
BackendConfig = Annotated[
    str | None,
    typer.Option("--backend-config", "-c", metavar="JSON", help="Its settings, or a file."),
]
Background = Annotated[bool, typer.Option("--background", help="Return at once with the run's id.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would run, and run nothing.")]
RequireClean = Annotated[
    bool, typer.Option("--require-clean", help="Refuse where its code is not committed.")
]


def run(
    context: typer.Context,
    uri: Uri = ".",
    entry_point: Entry = "main",
    version: Version = None,
    param_list: Params = None,
    experiment_name: Experiment = None,
    run_name: Name = None,
    tag: Tags = None,
    env_manager: EnvManager = None,
    docker_args: DockerArgs = None,
    build_image: BuildImage = False,
    as_mlflow: AsMlflow = None,
    scrape: Scrape = False,
    artifacts: Artifacts = None,
    backend: Backend = LOCAL,
    backend_config: BackendConfig = None,
    background: Background = False,
    dry_run: DryRun = False,
    require_clean: RequireClean = False,
) -> None:
    """Run a project, or a command behind --, and exit with its exit code."""
    if require_clean:
        settings.require_clean()
    order = Order(
        uri=uri,
        entry_point=entry_point,
        command=tuple(context.obj or ()),
        version=version,
        parameters=parameters_of(param_list),
        experiment_name=experiment_name,
        run_name=run_name,
        tags={name: str(value) for name, value in _pairs("--tag", tag).items()},
        env_manager=env_manager,
        docker_args=_pairs("--docker-args", docker_args, flags=True),
        build_image=build_image,
        as_mlflow=as_mlflow,
        scrape=scrape,
        artifacts=tuple(artifacts or ()),
        backend=backend,
        config=running.read_config(backend_config),
        detached=background or backend != LOCAL,
    )
    if dry_run:
        with prepare(order) as prepared:
            _show_plan(prepared)
        return
    done = running.submit(order, to=reporter(), started=say_start)
    if background:
        render.out(done.run_id)
        return
    raise typer.Exit(ended(done))


def ended(done: SubmittedRun) -> int:
    """Wait for the end of a run, say how it ended, and return the exit code of its command."""
    try:
        done.wait()
    except KeyboardInterrupt:
        done.cancel()
        raise
    code = done.exit_code
    if done.status == FINISHED and not code:
        words = f"run {done.run_id} finished; see it with: gittrack show {done.run_id}"
        render.say(words, kind="done")
        return 0
    why = f": its command exited with code {code}" if code is not None else ""
    render.say(f"run {done.run_id} {done.status.lower()}{why}", kind="error")
    return 1 if code is None else code


def reporter() -> Reporter:
    """Return a reporter that shows notes, and on a terminal a line of progress."""
    line = progress.Line()

    def say(text: str) -> None:
        line.clear()
        render.say(text)

    return Reporter(say, line.show)


def _show_plan(prepared: Prepared) -> None:
    rows = {
        "command": prepared.command.shown,
        "folder": prepared.project.place.name(),
        "environment": prepared.manager.describe(prepared.environment),
        "experiment": prepared.experiment_name,
        **{f"param {name}": str(value) for name, value in prepared.params.items()},
    }
    width = max(map(len, rows))
    for note in prepared.notes:
        render.say(note)
    for name, value in rows.items():
        render.out(f"{name:{width}}  {plain(value)}")


def parameters_of(given: Sequence[str] | None) -> dict[str, Any]:
    """Return the parameters that options name, `NAME=VALUE` and `@FILE`.

    Raises:
        UsageError: one is neither, or named twice.
    """
    found: dict[str, Any] = {}
    for item in given or ():
        pairs = _of_file(item[1:]) if item.startswith("@") else _pairs("-P", [item])
        for name, value in pairs.items():
            if name in found:
                raise UsageError(f"Repeated parameter: {name!r}", hint="give each parameter once")
            found[name] = value
    return found


def _pairs(
    option: str, given: Sequence[str] | None, *, flags: bool = False
) -> dict[str, str | bool]:
    found: dict[str, str | bool] = {}
    for item in given or ():
        name, equals, value = item.partition("=")
        if not name or not (equals or flags):
            raise UsageError(
                f"{option} {item!r} is no NAME=VALUE",
                hint=f"write it as {option} alpha=0.5, one {option} for each",
            )
        found[name] = value if equals else True
    return found


def _of_file(name: str) -> dict[str, Any]:
    try:
        data = yamlfile.load(Path(name).read_bytes())
    except OSError as error:
        raise UsageError(f"-P @{name}: {error.strerror}", hint="name a YAML or JSON file") from None
    except ValueError as error:
        raise UsageError(f"-P @{name}: {error}", hint="correct the file at that place") from None
    if not isinstance(data, dict) or any(
        isinstance(value, (dict, list)) for value in data.values()
    ):
        raise UsageError(
            f"-P @{name}: it holds no map of plain values", hint="write a line each: alpha: 0.5"
        )
    return {str(key): value for key, value in data.items()}


def say_start(writer: RunWriter, prepared: Prepared) -> None:
    """Say which run was made, and where."""
    del prepared
    render.say(f"run {writer.run_id} ({writer.name}) in {_short(writer.folder)}")


def _short(folder: Path) -> str:
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative
