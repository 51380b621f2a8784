"""What an environment manager is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Kind = Literal["conda_env", "python_env", "docker_env"]
Version = tuple[int, ...]


def _nothing(_: str) -> None:
    pass


@dataclass(frozen=True)
class Environment:
    """An environment as a project or a model names it.

    Attributes:
        kind: the key it stands under in the MLproject.
        file: a python_env.yaml, conda.yaml or requirements.txt; None for Docker.
        settings: what stands under the key where that is more than a file's name.
        extra: requirements of pip besides those of the file.
        constraints: a file of versions that pip keeps to.
    """

    kind: Kind
    file: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    constraints: Path | None = None

    def __str__(self) -> str:
        return self.file.name if self.file else f"image {self.settings.get('image')}"


@dataclass(frozen=True)
class Reporter:
    """Who is told what happens: `say` in words that stay, `step` in a line of progress."""

    say: Callable[[str], None] = _nothing
    step: Callable[[str], None] = _nothing


@dataclass(frozen=True)
class Built:
    """An environment that is there.

    Attributes:
        manager: the name of the manager that made it.
        python: its interpreter; "" where it has none.
        version: of that interpreter.
        variables: what a process has to be given to be in it.
        packages: where its packages are installed, as far as this machine can see them.
        installed: its packages as a requirements file, where that is known already.
        has_mlflow: whether the real MLflow is among them.
        image: the container image that it is.
        shell: what runs scripts in it.
        settings: those of its `Environment`.
    """

    manager: str
    python: str
    version: Version = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[Path, ...] = ()
    installed: bytes = b""
    has_mlflow: bool = False
    image: str = ""
    shell: str = "bash"
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A shell script to run: where, and with which variables besides the caller's.

    Attributes:
        reaches: folders and files that it has to see besides its folder.
        as_mlflow: whether `import mlflow` finds gittrack; None: where the environment lacks it.
        docker_args: options of `docker run` by name; True for one without a value.
        build_image: run in an image with the folder copied into it, instead of the mounted folder.
    """

    script: str
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    reaches: tuple[Path, ...] = ()
    as_mlflow: bool | None = None
    docker_args: Mapping[str, str | bool] = field(default_factory=dict)
    build_image: bool = False


@dataclass(frozen=True)
class Launch:
    """A process to start: with our environment, less `without`, plus `variables`.

    Attributes:
        container: what has to be removed where the process is stopped.
        notes: what a person should know of it.
    """

    command: tuple[str, ...]
    cwd: Path
    variables: Mapping[str, str]
    without: tuple[str, ...] = ()
    container: str = ""
    notes: tuple[str, ...] = ()


class EnvironmentManager(Protocol):
    """A module that makes one kind of environment and runs tasks in it."""

    NAME: str

    def describe(self, environment: Environment | None) -> str:
        """Return in words what `prepare` would give, without making anything."""

    def prepare(self, environment: Environment | None, *, to: Reporter) -> Built:
        """Return the environment, built where it is not there yet."""

    def launch(self, built: Built, task: Task) -> Launch:
        """Return the process that runs a task in it."""
