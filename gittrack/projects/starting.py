"""From what is prepared to a run: its environment entered, its record made, its command started."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gittrack import files, paths, secrets, settings
from gittrack.environments.base import Built, Launch, Reporter, Task
from gittrack.projects import web
from gittrack.projects.job import Job
from gittrack.projects.order import LOCAL
from gittrack.runs import provenance
from gittrack.runs.record import FAILED, SCHEDULED
from gittrack.runs.writer import RunWriter

if TYPE_CHECKING:
    from gittrack.projects.preparing import Prepared
    from gittrack.runs.store import Experiment

_SECRET_NAME = re.compile(r"pass|secret|token|key|cred|auth", re.IGNORECASE)


@dataclass(frozen=True)
class Started:
    """A run that is made, and the job that is to run in it."""

    writer: RunWriter
    job: Job
    notes: tuple[str, ...] = ()


def start(prepared: Prepared, *, to: Reporter) -> Started:
    """Build the environment, make the run, and put its job together.

    Raises:
        ToolError: the environment cannot be built, or a file not fetched; no run was made.
        StoreError: the run cannot be made.
    """
    for url, path in prepared.values.downloads.items():
        to.step(f"downloading {url}")
        web.save(url, prepared.scratch.make(path.parent.name) / path.name)
    built = prepared.manager.prepare(prepared.environment, to=to)
    experiment = prepared.store.create_experiment(prepared.experiment_name)
    writer = _writer(prepared, experiment)
    try:
        writer.wait_for_provenance()  # what the command writes is not what it was started with
        _keep_environment(writer, built)
        launch = _launch(prepared, built, experiment, writer)
    except BaseException:
        writer.end(FAILED)
        raise
    order, scratch = prepared.order, prepared.scratch.folder
    job = Job(
        store=str(prepared.store.root),
        run_id=writer.run_id,
        launch=launch,
        scrape=order.scrape,
        artifacts=order.artifacts,
        scratch=str(scratch) if scratch.exists() else None,
    )
    return Started(writer, job, launch.notes)


def hand_over(started: Started) -> None:
    """Leave a run to the process that will run its job."""
    started.writer.amend(status=SCHEDULED)
    started.writer.leave(handed_over=True)


def _writer(prepared: Prepared, experiment: Experiment) -> RunWriter:
    order = prepared.order
    if order.run_id is not None:
        writer = RunWriter.join(prepared.store, prepared.store.find(order.run_id).run_id)
        writer.log_params(prepared.params)
        writer.amend(source=_source(prepared))
        return writer
    return RunWriter.create(
        prepared.store,
        experiment,
        name=order.run_name,
        params=prepared.params,
        tags=order.tags,
        parent=prepared.parent,
        source=_source(prepared),
        code=prepared.located.folder,
    )


def _source(prepared: Prepared) -> dict[str, object]:
    shown = secrets.redact_command(prepared.command.shown)
    limit = provenance.MAX_COMMAND
    source: dict[str, object] = {
        "type": "LOCAL" if prepared.order.command else "PROJECT",
        "command": shown if len(shown) <= limit else shown[: limit - 3] + "...",
    }
    project: dict[str, object] = {
        "uri": prepared.located.uri,
        "entry_point": prepared.entry_point.name,
        "backend": prepared.order.backend,
        "environment": prepared.manager.NAME,
    }
    if prepared.order.version is not None:
        project["version"] = prepared.order.version
    if prepared.params:
        project["parameters"] = sorted(prepared.params)
    if prepared.order.scrape:
        project["scrape"] = True
    if prepared.order.artifacts:
        project["artifacts"] = list(prepared.order.artifacts)
    if prepared.order.docker_args:
        given = prepared.order.docker_args.items()
        project["docker_args"] = {name: _without_secret(name, value) for name, value in given}
    if prepared.order.build_image:
        project["build_image"] = True
    if prepared.order.as_mlflow is not None:
        project["as_mlflow"] = prepared.order.as_mlflow
    return {**source, "project": project}


def _without_secret(option: str, value: str | bool) -> str | bool:
    # Of `env=TOKEN=…` the name is kept, with which Docker takes the value from who runs it again.
    variable, equals, _ = str(value).partition("=")
    if option in ("e", "env") and equals and _SECRET_NAME.search(variable):
        return variable
    return value if value is True else secrets.redact(str(value))


def _keep_environment(writer: RunWriter, built: Built) -> None:
    # The record is of the environment that the command runs in, not of the one that started it.
    if built.manager == LOCAL:
        return
    data = built.installed or provenance.requirements(map(str, built.packages))
    files.write_atomic(writer.folder / paths.REQUIREMENTS, data)
    if built.version:
        writer.amend(python=".".join(map(str, built.version)))


def _launch(prepared: Prepared, built: Built, experiment: Experiment, writer: RunWriter) -> Launch:
    order = prepared.order
    own = {
        settings.RUN_ID: writer.run_id,
        settings.DIR: str(prepared.store.root),
        settings.EXPERIMENT_NAME: experiment.name,
    }
    if (rank := settings.rank()) is not None:
        own[settings.RANK] = str(rank)
    task = Task(
        script=prepared.command.script,
        folder=prepared.located.folder,
        variables=own,
        reaches=(prepared.store.root, *prepared.values.reaches),
        as_mlflow=order.as_mlflow,
        docker_args=order.docker_args,
        build_image=order.build_image,
    )
    launch = prepared.manager.launch(built, task)
    return replace(launch, cwd=launch.cwd.absolute())
