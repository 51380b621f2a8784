"""What an environment manager is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kind = Literal["conda_env", "python_env", "docker_env"]


@dataclass(frozen=True)
class Environment:
    """The environment that a project names.

    Attributes:
        kind: the key it stands under in the MLproject.
        file: its file in the project; None for Docker.
        settings: what stands under the key where that is more than a file's name.
    """

    kind: Kind
    file: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.file.name if self.file else f"image {self.settings.get('image')}"


@dataclass(frozen=True)
class Task:
    """A shell script to run: where, and with which variables besides the caller's."""

    script: str
    folder: Path
    variables: Mapping[str, str]
    environment: Environment | None = None


@dataclass(frozen=True)
class Launch:
    """A process to start. `env` is all of its environment."""

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]


class EnvironmentManager(Protocol):
    """A module that runs tasks in one kind of environment."""

    NAME: str

    def launch(self, task: Task) -> Launch:
        """Return the process that runs the task, its environment built where that is needed."""
