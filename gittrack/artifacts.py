"""MLflow's `mlflow.artifacts`: find, list and load the artifacts of runs.

A URI is `runs:/RUN/path`, a path, or `file:`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import artifactfiles, search
from gittrack.errors import InvalidValueError
from gittrack.tracking import downloading, images
from gittrack.tracking.client import MlflowClient

if TYPE_CHECKING:
    from gittrack.entities import FileInfo

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | Path | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Return where an artifact is on this machine; with `dst_path`, a copy in that folder.

    Args:
        artifact_uri: the artifact, or
        run_id: its run, with
        artifact_path: its path there; default: all of them.
        tracking_uri: another store than the current one.

    Raises:
        InvalidValueError: not one of URI and run is given, or the path leads out of the run.
        NotFoundError: there is no such run or artifact.
    """
    source = _place(artifact_uri, run_id, artifact_path, tracking_uri)
    return downloading.downloaded(source, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """Return the files and folders directly in a folder of artifacts; see `download_artifacts`."""
    if artifact_uri is not None and (named := downloading.run_and_path(str(artifact_uri))):
        artifact_uri, run_id, artifact_path = None, *named
    if run_id is not None and artifact_uri is None:
        return MlflowClient(tracking_uri).list_artifacts(run_id, artifact_path)
    return downloading.listed(_place(artifact_uri, run_id, artifact_path, tracking_uri))


def load_text(artifact_uri: str) -> str:
    """Return the text of an artifact.

    Raises:
        NotFoundError: there is no such run or artifact.
        InvalidValueError: it is not in UTF-8.
    """
    try:
        return Path(download_artifacts(artifact_uri)).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidValueError(
            f"Artifact {artifact_uri!r} is not valid UTF-8",
            hint="open the file that download_artifacts names with its encoding",
        ) from None


def load_dict(artifact_uri: str) -> Any:
    """Return what an artifact in JSON holds; see `load_text`."""
    try:
        return json.loads(load_text(artifact_uri))
    except ValueError as error:
        raise InvalidValueError(f"Artifact {artifact_uri!r} is not valid JSON: {error}") from None


def load_image(artifact_uri: str) -> Any:
    """Return an artifact as an image of Pillow.

    Raises:
        NotFoundError: there is no such run or artifact.
        MissingPackageError: Pillow is not installed.
    """
    image = images.pillow().open(download_artifacts(artifact_uri))
    image.load()  # which closes the file
    return image


def _place(uri: str | None, run_id: str | None, path: str | None, tracking_uri: str | None) -> Path:
    if (uri is None) == (run_id is None):
        raise InvalidValueError("Exactly one of `run_id` or `artifact_uri` must be specified")
    if uri is not None and path is not None:
        raise InvalidValueError(
            "`artifact_path` cannot be specified if `artifact_uri` is specified"
        )
    store = MlflowClient(tracking_uri).store
    if uri is not None:
        return downloading.locate(str(uri), store)
    return artifactfiles.place(search.find(store, str(run_id)).artifacts, path)
