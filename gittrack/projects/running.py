"""Running a project: everything checked first, then a run made, then the command run in it."""

from __future__ import annotations

import difflib
import signal as signals
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import paths, process, secrets, settings
from gittrack.environments import managers
from gittrack.environments.base import EnvironmentManager, Reporter, Task
from gittrack.errors import RunStateError, ToolError
from gittrack.projects import command, mlproject, parameters
from gittrack.projects.locating import Located, located
from gittrack.projects.output import OutputLog
from gittrack.runs.provenance import MAX_COMMAND
from gittrack.runs.reading import read_run
from gittrack.runs.record import FAILED, FINISHED, KILLED
from gittrack.runs.store import Experiment, Store, check_experiment_name
from gittrack.runs.writer import RunWriter
from gittrack.tracking import active
from gittrack.tracking.validation import check_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gittrack.process import Outcome
    from gittrack.projects.command import Command
    from gittrack.projects.mlproject import EntryPoint, Project
    from gittrack.projects.parameters import Value


@dataclass(frozen=True)
class ProjectRun:
    """How a project's run ended.

    Attributes:
        exit_code: the command's; 128+n where signal n ended it.
        status: "FINISHED", "FAILED" or "KILLED".
        signal: the signal that stopped gittrack and the command, or None.
        notes: what a person should know of how it was run.
    """

    run_id: str
    name: str
    folder: Path
    exit_code: int
    status: str
    signal: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A project's command with all that it needs, checked, and nothing made yet."""

    store: Store
    experiment_name: str
    run_name: str | None
    located: Located
    project: Project
    entry_point: EntryPoint
    version: str | None
    manager: EnvironmentManager
    params: Mapping[str, Value]
    command: Command
    parent: str | None
    notes: tuple[str, ...] = ()


def run(
    uri: str = ".",
    entry_point: str = "main",
    *,
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    experiment_name: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    store: Store | Path | str | None = None,
    check: bool = True,
) -> ProjectRun:
    """Run a project's entry point as a run of its own, and wait for its end.

    Args:
        uri: a folder, or a Git URL, each with `#sub/folder` where the project is not at its top.
        version: branch, tag or commit of the repository.
        store: the folder of the runs; default: the one that other calls use.
        check: raise where the command fails, and stop this process too where a signal stopped it.

    Raises:
        UsageError: something is wrong with the project or the arguments; no run was made.
        NotFoundError: there is no such project or version; no run was made.
        ToolError: the project cannot be fetched, or its command failed.
    """
    with prepare(
        uri,
        entry_point,
        version=version,
        parameters=parameters,
        experiment_name=experiment_name,
        run_name=run_name,
        env_manager=env_manager,
        store=store,
    ) as prepared:
        done = execute(prepared)
    if check and done.signal is not None:
        signals.raise_signal(done.signal)
    if check and done.exit_code:
        raise ToolError(
            f"run {done.run_id} failed: {prepared.command.shown} exited with code {done.exit_code}",
            hint=f"its output is in {done.folder / paths.OUTPUT_LOG}",
        )
    return done


@contextmanager
def prepare(
    uri: str = ".",
    entry_point: str = "main",
    *,
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    experiment_name: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    store: Store | Path | str | None = None,
) -> Iterator[Prepared]:
    """Check all that a run of a project needs, and give it for the time of the block; see `run`."""
    chosen = _store(store)
    manager = managers.manager(env_manager)
    experiment = _experiment_name(chosen, experiment_name)
    with located(uri, version=version, store=chosen.root) as place:
        project = mlproject.load(place.folder, place.place)
        entry = project.entry_point(entry_point)
        params, line = _command(project, entry, parameters or {}, chosen)
        parent = active.current()
        yield Prepared(
            store=chosen,
            experiment_name=experiment,
            run_name=run_name,
            located=place,
            project=project,
            entry_point=entry,
            version=version,
            manager=manager,
            params=params,
            command=line,
            parent=parent.run_id if parent else settings.variable(settings.RUN_ID),
            notes=(*_notes(project, env_manager), *_passed_on(entry, params)),
        )


def execute(
    prepared: Prepared, *, started: Callable[[RunWriter], None] | None = None
) -> ProjectRun:
    """Make a run and run the command in it.

    Args:
        started: called with the run before the command starts.

    Raises:
        StoreError: the run cannot be made.
        ToolError: the command cannot be started.
    """
    store = prepared.store
    experiment = store.create_experiment(prepared.experiment_name)
    writer = RunWriter.create(
        store,
        experiment,
        name=prepared.run_name,
        params=prepared.params,
        parent=prepared.parent,
        source=_source(prepared),
        code=prepared.located.folder,
    )
    try:
        if started is not None:
            started(writer)
        writer.wait_for_provenance()  # what the command writes is not what it was started with
        outcome, problems = _run_command(prepared, experiment, writer)
    except BaseException as error:
        writer.end(KILLED if isinstance(error, KeyboardInterrupt) else FAILED)
        raise
    if outcome.signal is not None:
        writer.end(KILLED)
    else:
        writer.end(FAILED if outcome.exit_code else FINISHED)
    return ProjectRun(
        run_id=writer.run_id,
        name=writer.name,
        folder=writer.folder,
        exit_code=outcome.exit_code,
        status=read_run(writer.folder).record.status,
        signal=outcome.signal,
        notes=(*prepared.notes, *problems),
    )


def _store(given: Store | Path | str | None) -> Store:
    if given is None:
        return active.open_store()
    return given if isinstance(given, Store) else Store.open(given)


def _experiment_name(store: Store, given: str | None) -> str:
    if given is None:
        return active.experiment_name(store)
    name = check_experiment_name(given)
    found = store.find_experiment(name)
    if found is not None and found.deleted:
        raise RunStateError(
            f"experiment {found.name!r} is deleted", hint="restore it first, or choose another name"
        )
    return found.name if found is not None else name


def _command(
    project: Project, entry: EntryPoint, given: Mapping[str, object], store: Store
) -> tuple[Mapping[str, Value], Command]:
    values = parameters.resolve(project, entry, given, caller=Path.cwd(), store=store)
    for name in values.plain:
        check_key("param", name)
    where = f"{project.where}: entry point {entry.name!r}"
    line = command.render(
        entry.command,
        values.declared,
        values.extra,
        where=where,
        recorded={name: str(value) for name, value in values.plain.items()},
    )
    return values.plain, line


def _notes(project: Project, env_manager: str | None) -> tuple[str, ...]:
    if project.environment is None or env_manager is not None:
        return ()
    named = project.environment
    return (f"{named} is not used: this runs in the current environment (--env-manager local)",)


def _passed_on(entry: EntryPoint, params: Mapping[str, Value]) -> tuple[str, ...]:
    unknown = [name for name in params if name not in entry.parameters]
    if not unknown or not entry.parameters:
        return ()
    words = []
    for name in unknown:
        near = difflib.get_close_matches(name, entry.parameters, n=1)
        words.append(f"{name!r}" + (f" (is {near[0]!r} meant?)" if near else ""))
    options = " ".join(f"--{name}" for name in unknown)
    note = f"entry point {entry.name!r} declares no parameter {', '.join(words)}"
    return (f"{note}: passed to its command as {options}",)


def _source(prepared: Prepared) -> dict[str, object]:
    shown = secrets.redact(prepared.command.shown)
    project = {
        "uri": prepared.located.uri,
        "entry_point": prepared.entry_point.name,
        "backend": "local",
        "environment": prepared.manager.NAME,
    }
    if prepared.version is not None:
        project["version"] = prepared.version
    return {
        "type": "PROJECT",
        "command": shown if len(shown) <= MAX_COMMAND else shown[: MAX_COMMAND - 3] + "...",
        "project": project,
    }


def _run_command(
    prepared: Prepared, experiment: Experiment, writer: RunWriter
) -> tuple[Outcome, tuple[str, ...]]:
    task = Task(
        script=prepared.command.script,
        folder=prepared.located.folder,
        variables={
            settings.RUN_ID: writer.run_id,
            settings.DIR: str(prepared.store.root),
            settings.EXPERIMENT_NAME: experiment.name,
        },
    )
    built = prepared.manager.prepare(prepared.project.environment, to=Reporter())
    launch = prepared.manager.launch(built, task)
    env = settings.child_environment(launch.variables, without=launch.without)
    log = OutputLog(writer.folder / paths.OUTPUT_LOG)
    try:
        outcome = process.run(launch.command, cwd=launch.cwd, env=env, sink=log.feed)
    finally:
        log.close()
    return outcome, (log.problem,) if log.problem else ()
