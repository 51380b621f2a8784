"""`gittrack run`: run a project."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gittrack import settings, standin
from gittrack.cli import render
from gittrack.errors import UsageError
from gittrack.projects import running
from gittrack.projects.running import ProjectRun
from gittrack.runs.record import FINISHED
from gittrack.runs.writer import RunWriter


def run(
    uri: Annotated[
        str,
        typer.Argument(help="Folder or Git URL of the project; #FOLDER names a folder in it."),
    ] = ".",
    entry_point: Annotated[
        str, typer.Option("--entry-point", "-e", metavar="NAME", help="What to run of it.")
    ] = "main",
    version: Annotated[
        str | None,
        typer.Option("--version", "-v", help="Branch, tag or commit of a Git project."),
    ] = None,
    param_list: Annotated[
        list[str] | None,
        typer.Option(
            "--param-list", "-P", metavar="NAME=VALUE", help="A parameter; give it once for each."
        ),
    ] = None,
    experiment_name: Annotated[
        str | None,
        typer.Option(
            "--experiment-name", "--experiment", metavar="NAME", help="Where the run goes."
        ),
    ] = None,
    run_name: Annotated[
        str | None,
        typer.Option("--run-name", "--name", metavar="NAME", help="What the run is called."),
    ] = None,
    env_manager: Annotated[
        str | None,
        typer.Option("--env-manager", metavar="NAME", help="Environment to run in: local."),
    ] = None,
    as_mlflow: Annotated[
        bool, typer.Option("--as-mlflow", help="Let its import mlflow find gittrack.")
    ] = False,
    require_clean: Annotated[
        bool, typer.Option("--require-clean", help="Refuse where its code is not committed.")
    ] = False,
) -> None:
    """Run a project, and exit with its exit code."""
    if require_clean:
        settings.require_clean()
    if as_mlflow:
        settings.add_to_python_path(standin.IMPORTABLE)
    with running.prepare(
        uri,
        entry_point,
        version=version,
        parameters=_parameters(param_list or []),
        experiment_name=experiment_name,
        run_name=run_name,
        env_manager=env_manager,
    ) as prepared:
        for note in prepared.notes:
            render.say(note)
        done = running.execute(prepared, started=_say_start)
    for note in done.notes[len(prepared.notes) :]:
        render.say(note, kind="warning")
    _say_end(done)
    raise typer.Exit(done.exit_code)


def _parameters(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UsageError(
                f"-P {item!r} is no NAME=VALUE", hint="write it as -P alpha=0.5, one -P for each"
            )
        if name in found:
            raise UsageError(f"Repeated parameter: {name!r}", hint="give each parameter once")
        found[name] = value
    return found


def _say_start(writer: RunWriter) -> None:
    render.say(f"run {writer.run_id} ({writer.name}) in {_short(writer.folder)}")


def _say_end(done: ProjectRun) -> None:
    if done.status == FINISHED and not done.exit_code:
        render.say(
            f"run {done.run_id} finished; see it with: gittrack show {done.run_id}", kind="done"
        )
        return
    render.say(
        f"run {done.run_id} {done.status.lower()}: its command exited with code {done.exit_code}",
        kind="error",
    )


def _short(folder: Path) -> str:
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative
