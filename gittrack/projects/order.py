"""What a caller asks for: a project's entry point or a command, and how it is to be run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.projects.locating import Located
    from gittrack.runs.store import Store

LOCAL = "local"
MAIN = "main"


@dataclass(frozen=True)
class Order:
    """One run that is asked for.

    Attributes:
        uri: a folder, a zip file or a Git URL, with `#sub/folder` where it is not at its top.
        command: run this instead of a project's entry point, in `uri`.
        version: branch, tag or commit of the repository.
        run_id: the run to go on with; default: a new one.
        docker_args: options of `docker run`, by name; True for one without a value.
        as_mlflow: see `Task`.
        scrape: take numbers that the output names as metrics.
        artifacts: patterns of files that are kept at the end, relative to the project.
        backend: the name of what runs it.
        config: settings of the backend.
        detached: whether it goes on without this process.
        located: where the project is, where that is known already.
        constraints: a file of versions that the environment keeps to.
        callers: the folders that relative paths are meant from; default: the working folder.
    """

    uri: str = "."
    entry_point: str = MAIN
    command: tuple[str, ...] = ()
    version: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    experiment_name: str | None = None
    run_name: str | None = None
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    env_manager: str | None = None
    docker_args: Mapping[str, str | bool] = field(default_factory=dict)
    build_image: bool = False
    as_mlflow: bool | None = None
    scrape: bool = False
    artifacts: tuple[str, ...] = ()
    backend: str = LOCAL
    config: Mapping[str, object] = field(default_factory=dict)
    detached: bool = False
    store: Store | Path | str | None = None
    located: Located | None = None
    constraints: Path | None = None
    callers: tuple[Path, ...] = ()
