"""The environment that a model was made in: what differs here, and how to enter its own."""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import paths
from gittrack.environments import managers, reading
from gittrack.environments.base import Environment, Task
from gittrack.errors import UsageError
from gittrack.models.requirements import CONDA, PYTHON_ENV
from gittrack.serving import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gittrack.environments.base import Kind, Launch, Reporter

LOCAL = "local"

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*==\s*([^\s;,*]+)")
_TABLES = ("numpy", "pandas")
_MLFLOW = re.compile(r"mlflow(-skinny|-tracing)?(?![\w-])", re.IGNORECASE)


def environment_of(folder: Path, manager: str | None = None) -> Environment | None:
    """Return the environment that a model names: for conda its conda.yaml, else python_env.yaml.

    The libraries that gittrack serves with are added. None where the model names none.
    """
    named = _named(folder, manager)
    return named and replace(named, extra=(*_TABLES, *wheel.requirements()))


def entered(folder: Path, manager: str, arguments: Sequence[str], *, to: Reporter) -> Launch:
    """Return the process that runs gittrack in the environment of a model, built where needed.

    Args:
        arguments: what `gittrack` is called with.

    Raises:
        UsageError: there is no such manager, or the model names no environment.
        ToolError: the environment cannot be built.
    """
    chosen = managers.manager(manager)
    environment = environment_of(folder, manager)
    if environment is None and manager != LOCAL:
        raise UsageError(
            f"{folder} names no environment", hint="save the model again, or --env-manager local"
        )
    built = chosen.prepare(environment, to=to)
    script = f"exec python -m gittrack {shlex.join(arguments)}"
    return chosen.launch(built, Task(script, Path.cwd(), as_mlflow=False))


def differences(folder: Path) -> list[str]:
    """Return in words how the current environment differs from a model's in what matters.

    That is another minor version of Python, and of each pinned requirement another version in its
    first two parts, since that is where behaviour and pickles change.
    """
    try:
        found, pins = list(_python(folder)), list(_pins(folder))
    except UsageError as error:
        return [f"what the model needs cannot be read: {error.message}"]
    for name, recorded in pins:
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} {recorded} was recorded, and is not installed")
            continue
        if recorded.split(".")[:2] != here.split(".")[:2]:
            found.append(f"{name} {recorded} was recorded, and {here} is installed")
    return found


def python_of(folder: Path) -> str:
    """Return the minor version of Python that a model names; that of this process where none."""
    environment = _named(folder)
    version = reading.read(environment).python if environment is not None else ""
    return ".".join((version.split(".") if version else [str(n) for n in sys.version_info])[:2])


def needed(folder: Path) -> list[str]:
    """Return what pip has to install for a model to be served by gittrack.

    MLflow, which models of its own name, is left out where gittrack loads them without.
    """
    environment = _named(folder)
    lines = reading.read(environment).pip if environment is not None else ()
    own = [line for line in lines if not _MLFLOW.match(line)]
    pinned = {match[1].lower() for line in own if (match := re.match(r"([\w.-]+)", line))}
    return [*own, *(name for name in _TABLES if name not in pinned)]


def _named(folder: Path, manager: str | None = None) -> Environment | None:
    # Without the libraries of gittrack: in an environment that was entered nothing names them.
    names = (CONDA, PYTHON_ENV) if manager == "conda" else (PYTHON_ENV, CONDA)
    for name in (*names, paths.REQUIREMENTS):
        if (folder / name).is_file():
            kind: Kind = "conda_env" if name == CONDA else "python_env"
            return Environment(kind, folder / name)
    return None


def _python(folder: Path) -> Iterator[str]:
    recorded, here = python_of(folder), "{}.{}".format(*sys.version_info)
    if recorded != here:
        yield f"Python {recorded} was recorded, and this is {here}"


def _pins(folder: Path) -> Iterator[tuple[str, str]]:
    for line in needed(folder):
        if match := _PIN.match(line):
            yield match[1], match[2]
