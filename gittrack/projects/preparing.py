"""Everything that a run of a project needs, checked before anything is made."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.environments import managers
from gittrack.errors import InvalidValueError, RunStateError, UsageError
from gittrack.projects import command, mlproject, parameters, wrapping
from gittrack.projects.locating import locate, scratch_folder
from gittrack.projects.order import MAIN
from gittrack.runs.store import Store, check_experiment_name
from gittrack.tracking import active

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gittrack.environments.base import Environment, EnvironmentManager
    from gittrack.projects.command import Command
    from gittrack.projects.locating import Located, Scratch
    from gittrack.projects.mlproject import EntryPoint, Project
    from gittrack.projects.order import Order
    from gittrack.projects.parameters import Value, Values


@dataclass(frozen=True)
class Prepared:
    """A command with all that it needs, checked, and nothing made yet.

    Attributes:
        params: what is recorded.
        given: the names of those params that were given or have a default.
        scratch: where files are that are made for this run.
        notes: what a person should know of how it is run.
    """

    order: Order
    store: Store
    experiment_name: str
    located: Located
    project: Project
    entry_point: EntryPoint
    manager: EnvironmentManager
    environment: Environment | None
    params: Mapping[str, Value | bool]
    command: Command
    parent: str | None
    scratch: Scratch
    values: Values
    notes: tuple[str, ...] = ()


@contextmanager
def prepare(order: Order) -> Iterator[Prepared]:
    """Check all that a run needs, and give it for the time of the block.

    Raises:
        UsageError: something is wrong with the project or the order.
        NotFoundError: there is no such project, version or program.
        ToolError: the project cannot be fetched.
    """
    _check(order)
    store = _store(order.store)
    experiment = _experiment_name(store, order.experiment_name)
    with scratch_folder(order, store=store.root) as scratch:
        place = locate(order, scratch, store=store.root)
        project = _project(order, place)
        name = order.command[0] if order.command else order.entry_point
        entry = project.entry_point(name)
        environment = project.environment
        if environment is None and order.env_manager is not None:
            environment = mlproject.unnamed_environment(place.folder, order.constraints)
        manager = managers.manager(order.env_manager, environment)
        values = parameters.resolve(
            project,
            entry,
            order.parameters,
            callers=order.callers or (Path.cwd(),),
            store=store,
            scratch=scratch.folder,
        )
        params: dict[str, Value | bool] = {**values.plain}
        if order.command:
            params = {**wrapping.params_of(order.command[1:]), **values.plain}
        line = command.render(
            entry.command,
            values.declared,
            {} if order.command else values.extra,
            where=f"{project.where}: entry point {entry.name!r}",
            recorded={key: str(value) for key, value in values.plain.items()},
        )
        parent = active.current()
        yield Prepared(
            order=order,
            store=store,
            experiment_name=experiment,
            located=place,
            project=project,
            entry_point=entry,
            manager=manager,
            environment=environment,
            params=params,
            command=line,
            parent=parent.run_id if parent else settings.variable(settings.RUN_ID),
            values=values,
            scratch=scratch,
            notes=(*place.notes, *_notes(project, order), *_passed_on(entry, values.extra)),
        )


def _check(order: Order) -> None:
    for name, given in (("parameters", order.parameters), ("docker_args", order.docker_args)):
        if not isinstance(given, Mapping):
            raise InvalidValueError(
                f"{name} are {given!r:.80}, no map of names to values",
                hint=f'such as {name}={{"alpha": 0.5}}',
            )
    if order.command and order.entry_point != MAIN:
        raise UsageError(
            f"--entry-point {order.entry_point!r} names nothing of a command behind --",
            hint="leave out the one or the other",
        )
    for pattern in order.artifacts:
        parts = Path(pattern).parts
        odd = any(part == ".." or "\0" in part or "**" in part != "**" for part in parts)
        if not parts or odd or Path(pattern).is_absolute():
            raise UsageError(
                f"--artifacts {pattern!r} is no pattern of files inside the project's folder",
                hint="such as --artifacts 'plots/*.png' or --artifacts '**/*.csv'",
            )


def _project(order: Order, place: Located) -> Project:
    if order.command:
        return wrapping.project_of(order.command, place.folder, find=settings.find_program)
    return mlproject.load(place.folder, place.place, constraints=order.constraints)


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


def _notes(project: Project, order: Order) -> tuple[str, ...]:
    if project.environment is not None or order.env_manager is not None or order.command:
        return ()
    return ("it names no environment: this runs in the current one",)


def _passed_on(entry: EntryPoint, extra: Mapping[str, str]) -> tuple[str, ...]:
    if not extra or not entry.parameters:
        return ()
    words = []
    for name in extra:
        near = difflib.get_close_matches(name, entry.parameters, n=1)
        words.append(f"{name!r}" + (f" (is {near[0]!r} meant?)" if near else ""))
    options = " ".join(f"--{name}" for name in extra)
    note = f"entry point {entry.name!r} declares no parameter {', '.join(words)}"
    return (f"{note}: passed to its command as {options}",)
