"""The MLproject file.

name: My Project
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      data_file: path
      regularization: {type: float, default: 0.1}
    command: "python train.py -r {regularization} {data_file}"
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from gittrack import files, paths, settings, yamlfile
from gittrack.environments.base import Environment, Kind
from gittrack.errors import ProjectError, some
from gittrack.projects import structure
from gittrack.projects.place import Place

FILE = "MLproject"
TYPES = ("string", "float", "int", "path", "uri")
SCRIPTS = (".py", ".sh", ".R")

# How far down, and among how many folders, projects are looked for where a folder has none itself.
_DEPTH = 3
_FOLDERS = 500
_ENVIRONMENTS: tuple[Kind, ...] = get_args(Kind)
_FILES: Mapping[Kind, str] = {"python_env": "python_env.yaml", "conda_env": "conda.yaml"}
_SPARK = "databricks_spark_job"


@dataclass(frozen=True)
class Parameter:
    """A parameter of an entry point; `default` None means that a value must be given."""

    name: str
    type: str = "string"
    default: str | None = None


@dataclass(frozen=True)
class EntryPoint:
    """A command of a project, with `{name}` for each of its parameters."""

    name: str
    command: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A project as its folder tells it; `file` is None where it has no MLproject.

    Attributes:
        place: how messages name its folder.
    """

    folder: Path
    name: str | None = None
    environment: Environment | None = None
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    file: Path | None = None
    place: Place = field(default_factory=Place)
    is_spark_job: bool = False

    @property
    def where(self) -> str:
        """The name of its MLproject for messages, or of its folder."""
        return self.place.name(self.file.name if self.file else "")

    def entry_point(self, name: str) -> EntryPoint:
        """Return the entry point of that name, declared or a script of the folder.

        Raises:
            ProjectError: there is neither, or its parameters are wrong.
        """
        if name in self.entry_points:
            return _checked(self.entry_points[name], self.where)
        path = PurePosixPath(name)
        if path.suffix not in SCRIPTS:
            if self.file is None:
                raise _no_mlproject(self)
            if self.is_spark_job:
                raise ProjectError(
                    f"{self.where} is a {_SPARK}, which only Databricks runs",
                    hint="give it entry_points with a command",
                )
            raise ProjectError(
                f"no entry point {name!r} in {self.where}",
                hint=f"there are: {', '.join(self.entry_points) or 'none'}; or name a script, "
                f"{' or '.join(SCRIPTS)}",
            )
        script = self.folder / path
        inside = script.resolve().is_relative_to(self.folder.resolve())
        if not inside or not script.is_file():
            raise ProjectError(
                f"no script {name!r} in {self.place}",
                hint="name it relative to the project's folder, in which it must lie",
            )
        return EntryPoint(name, _runs(path).replace("{", "{{").replace("}", "}}"))


def _runs(script: PurePosixPath) -> str:
    name = f"./{script}" if str(script).startswith("-") else str(script)
    if script.suffix == ".R":
        text = name.replace("\\", "\\\\").replace("'", "\\'")
        call = shlex.quote(f"mlflow::mlflow_source('{text}')")
        return f"Rscript -e {call} --args"
    runner = "python" if script.suffix == ".py" else shlex.quote(settings.shell())
    return f"{runner} {shlex.quote(name)}"


def load(folder: Path, place: Place | None = None, *, constraints: Path | None = None) -> Project:
    """Read the project in a folder, with or without an MLproject.

    Args:
        place: how messages name the folder, where not by its path.
        constraints: see `Environment`.

    Raises:
        ProjectError: its MLproject is wrong; all that is wrong with its structure is named. The
            types of parameters are judged when their entry point is asked for.
    """
    place = place or Place.of(folder)
    path = find(folder)
    if path is None:
        environment = _by_file(folder, constraints)
        return Project(folder, environment=environment, place=place)
    where = place.name(path.name)
    data = _read(path, where)
    problems, hint = structure.check(data)
    if problems or not isinstance(data, Mapping):
        raise ProjectError(f"{where}: {'; '.join(problems)}", hint=hint)
    entries: Mapping[str, Any] = data.get("entry_points") or {}
    named = _environment(folder, place, where, data)
    return Project(
        folder=folder,
        name=None if data.get("name") is None else str(data["name"]),
        environment=replace(named, constraints=constraints)
        if named
        else _by_file(folder, constraints),
        entry_points={str(name): _entry_point(str(name), entry) for name, entry in entries.items()},
        file=path,
        place=place,
        is_spark_job=_SPARK in data,
    )


def _read(path: Path, where: str) -> object:
    try:
        with files.open_plain(path) as file:
            return yamlfile.load(file.read(yamlfile.MAX_BYTES + 1))
    except OSError as error:
        raise ProjectError(
            f"cannot read {where}: {error.strerror}", hint="make it a plain file that you may read"
        ) from None
    except ValueError as error:
        words = str(error)
        separator = ":" if words[0].isdigit() else ": "
        raise ProjectError(f"{where}{separator}{words}", hint="correct it at that place") from None


def find(folder: Path) -> Path | None:
    """Return a folder's MLproject, its name in whatever case; None where there is none.

    Raises:
        ProjectError: the folder cannot be read.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.name.lower() == FILE.lower())
    except OSError as error:
        raise ProjectError(
            f"no project in {folder}: {error.strerror}", hint="name its folder or a Git URL"
        ) from None
    if not names:
        return None
    return folder / (FILE if FILE in names else names[0])


def unnamed_environment(folder: Path, constraints: Path | None = None) -> Environment | None:
    """Return the environment that a folder has a file of; asked for, requirements.txt is one."""
    file = folder / paths.REQUIREMENTS
    is_file = file.is_file()
    listed = Environment("python_env", file, constraints=constraints) if is_file else None
    return _by_file(folder, constraints) or listed


def _by_file(folder: Path, constraints: Path | None) -> Environment | None:
    """Return the environment of a file that is named as MLflow looks for it."""
    for kind, name in _FILES.items():
        if (folder / name).is_file():
            return Environment(kind, folder / name, constraints=constraints)
    return None


def _environment(
    folder: Path, place: Place, where: str, data: Mapping[str, Any]
) -> Environment | None:
    named = [key for key in _ENVIRONMENTS if data.get(key) is not None]
    if len(named) > 1:
        raise ProjectError(
            f"{where}: names several environments: {', '.join(named)}", hint="leave one of them"
        )
    if not named:
        return None
    kind, value = named[0], data[named[0]]
    if isinstance(value, Mapping):
        return Environment(kind, settings=value)
    file = folder / value
    top = (settings.git_root(folder.resolve()) or folder).resolve()
    if not file.resolve().is_relative_to(top):
        raise ProjectError(
            f"{where}: {kind} names {value!r}, which is outside of {top}",
            hint="put the file into the project",
        )
    if not file.is_file():
        raise ProjectError(
            f"{where}: {kind} names {value!r}, which is not there",
            hint=f"make {place.name(value)}",
        )
    return Environment(kind, file)


def _entry_point(name: str, entry: Mapping[str, Any]) -> EntryPoint:
    specs: Mapping[str, Any] = entry.get("parameters") or {}
    parameters = {str(key): _parameter(str(key), spec) for key, spec in specs.items()}
    return EntryPoint(name, entry["command"], parameters)


def _parameter(name: str, spec: str | Mapping[str, Any]) -> Parameter:
    entry: Mapping[str, Any] = {"type": spec} if isinstance(spec, str) else spec
    default = entry.get("default")
    return Parameter(name, entry.get("type", "string"), None if default is None else str(default))


def _checked(entry_point: EntryPoint, where: str) -> EntryPoint:
    for parameter in entry_point.parameters.values():
        if parameter.type not in TYPES:
            raise ProjectError(
                f"{where}: entry point {entry_point.name!r}: parameter {parameter.name!r} has the "
                f"unknown type {parameter.type!r}",
                hint=f"use one of {', '.join(TYPES)}",
            )
    return entry_point


def _no_mlproject(project: Project) -> ProjectError:
    found = _projects_below(project.folder)
    uris = [f"gittrack run {shlex.quote(project.place.uri(name))}" for name in found]
    return ProjectError(
        f"there is no {FILE} in {project.place}",
        hint=f"it has projects in folders of it: {some(uris)}"
        if found
        else f"name the folder that holds one, or a script: -e NAME{SCRIPTS[0]}",
    )


def _projects_below(folder: Path) -> list[str]:
    found: list[str] = []
    level, seen = [folder], 0
    for _ in range(_DEPTH):
        below: list[Path] = []
        for parent in level:
            below += _folders(parent)
        level = below[: _FOLDERS - seen]
        seen += len(level)
        found += [path.relative_to(folder).as_posix() for path in level if _has_project(path)]
    return found


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(
            path
            for path in parent.iterdir()
            if not path.name.startswith(".") and not path.is_symlink() and path.is_dir()
        )
    except OSError:  # it is looked into only to help
        return []


def _has_project(folder: Path) -> bool:
    try:
        return find(folder) is not None
    except ProjectError:
        return False
