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
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from gittrack import schema, settings, yamlfile
from gittrack.environments.base import Environment, Kind
from gittrack.errors import ProjectError

FILE = "MLproject"
TYPES = ("string", "float", "int", "path", "uri")
SCRIPTS = (".py", ".sh")

_ENVIRONMENTS: tuple[Kind, ...] = get_args(Kind)


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
    """A project as its folder tells it; `file` is None where it has no MLproject."""

    folder: Path
    name: str | None = None
    environment: Environment | None = None
    entry_points: Mapping[str, EntryPoint] = field(default_factory=dict)
    file: Path | None = None

    def entry_point(self, name: str) -> EntryPoint:
        """Return the entry point of that name, declared or a script of the folder.

        Raises:
            ProjectError: there is neither.
        """
        if name in self.entry_points:
            return self.entry_points[name]
        path = PurePosixPath(name)
        if path.suffix not in SCRIPTS:
            raise ProjectError(
                f"no entry point {name!r} in {self.file or self.folder}",
                hint=f"there are: {', '.join(self.entry_points) or 'none'}; or name a script, "
                f"{' or '.join(SCRIPTS)}",
            )
        script = self.folder / path
        inside = script.resolve().is_relative_to(self.folder.resolve())
        if not inside or not script.is_file():
            raise ProjectError(
                f"no script {name!r} in {self.folder}",
                hint="name it relative to the project's folder, in which it must lie",
            )
        runner = "python" if path.suffix == ".py" else shlex.quote(settings.shell())
        quoted = shlex.quote(f"./{name}" if name.startswith("-") else name)
        return EntryPoint(name, f"{runner} {quoted}".replace("{", "{{").replace("}", "}}"))


def load(folder: Path) -> Project:
    """Read the project in a folder, with or without an MLproject.

    Raises:
        ProjectError: its MLproject is wrong; all that is wrong by its schema is named.
    """
    path = find(folder)
    if path is None:
        return Project(folder)
    data = _read(path)
    problems = schema.check("mlproject", data)
    if problems or not isinstance(data, Mapping):
        raise ProjectError(
            f"{path}: {'; '.join(problems)}", hint="see schemas/mlproject.schema.json"
        )
    entries: Mapping[str, Any] = data.get("entry_points") or {}
    return Project(
        folder=folder,
        name=None if data.get("name") is None else str(data["name"]),
        environment=_environment(folder, path, data),
        entry_points={
            str(name): _entry_point(path, str(name), entry) for name, entry in entries.items()
        },
        file=path,
    )


def _read(path: Path) -> object:
    try:
        return yamlfile.load(path.read_bytes())
    except OSError as error:
        raise ProjectError(
            f"cannot read {path}: {error.strerror}", hint="check its rights"
        ) from None
    except ValueError as error:
        words = str(error)
        separator = ":" if words[0].isdigit() else ": "
        raise ProjectError(f"{path}{separator}{words}", hint="correct it at that place") from None


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


def _environment(folder: Path, path: Path, data: Mapping[str, Any]) -> Environment | None:
    named = [key for key in _ENVIRONMENTS if data.get(key) is not None]
    if len(named) > 1:
        raise ProjectError(
            f"{path}: names several environments: {', '.join(named)}", hint="leave one of them"
        )
    if not named:
        return None
    kind, value = named[0], data[named[0]]
    if isinstance(value, Mapping):
        return Environment(kind, settings=value)
    file = folder / value
    if not file.is_file():
        raise ProjectError(
            f"{path}: {kind} names {value!r}, which is not there", hint=f"make {file}"
        )
    return Environment(kind, file)


def _entry_point(path: Path, name: str, entry: Mapping[str, Any]) -> EntryPoint:
    specs: Mapping[str, Any] = entry.get("parameters") or {}
    parameters = {str(key): _parameter(path, name, str(key), spec) for key, spec in specs.items()}
    return EntryPoint(name, entry["command"], parameters)


def _parameter(path: Path, entry_point: str, name: str, spec: str | Mapping[str, Any]) -> Parameter:
    entry: Mapping[str, Any] = {"type": spec} if isinstance(spec, str) else spec
    kind, default = entry.get("type", "string"), entry.get("default")
    if kind not in TYPES:
        raise ProjectError(
            f"{path}: parameter {name!r} of entry point {entry_point!r} has the unknown type "
            f"{kind!r}",
            hint=f"use one of {', '.join(TYPES)}",
        )
    return Parameter(name, kind, None if default is None else str(default))
