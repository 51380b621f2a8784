"""Where a project is: a folder of this machine, used in place, or a clone made for one run."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import secrets, settings
from gittrack.errors import NotFoundError, ProjectError
from gittrack.git import fetch
from gittrack.git.fetch import GitUri
from gittrack.git.state import without_credentials
from gittrack.projects.mlproject import SCRIPTS
from gittrack.projects.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Located:
    """A project's folder, its URI as it is recorded, and how messages name it."""

    folder: Path
    uri: str
    place: Place


@contextmanager
def located(uri: str, *, version: str | None, store: Path) -> Iterator[Located]:
    """Give the folder of a project for the time of the block; a repository is cloned for it.

    Args:
        version: the branch, tag or commit to clone; without it, a folder is used as it stands.
        store: the folder of the runs, which the recorded URI is relative to the Git root of.

    Raises:
        NotFoundError: there is no such folder, repository or version.
        ProjectError: the URI is none, or a version is asked of a folder without Git.
        ToolError: it cannot be cloned.
    """
    fetch.check_version(version)
    git = fetch.parse(uri)
    recorded = _recorded(uri, store)
    if git is None:
        folder = _folder(uri)
        if version is None:
            yield Located(folder, recorded, Place.of(folder))
            return
        git = _repository_of(folder)
    with tempfile.TemporaryDirectory(prefix="gittrack-", ignore_cleanup_errors=True) as scratch:
        into = Path(scratch).resolve() / "project"
        into.mkdir()
        cloned = fetch.clone(git, into, version=version)
        revision = version or fetch.short_commit(into)
        url = secrets.redact(without_credentials(git.url))
        yield Located(cloned, recorded, Place(git.subdirectory.strip("/"), url, revision))


def _folder(uri: str) -> Path:
    root = fetch.local_folder(uri)
    if not fetch.is_folder(str(root)):
        if root.suffix in SCRIPTS:
            raise ProjectError(
                f"{root} is a script, not the folder of a project",
                hint=f"gittrack run {root.parent} -e {root.name}",
            )
        raise NotFoundError(
            f"no project at {uri[:200]}: no such folder", hint="name a folder or a Git URL"
        )
    if fetch.is_folder(uri):
        return root.resolve()
    return fetch.subfolder(root.resolve(), uri.partition("#")[2])


def _repository_of(folder: Path) -> GitUri:
    top = fetch.work_tree(folder)
    if top is None:
        raise ProjectError(
            f"a version was given, but {folder} is in no Git repository", hint="leave -v out"
        )
    inside = folder.relative_to(top.resolve()).as_posix()
    return GitUri(str(top), "" if inside == "." else inside)


def _recorded(uri: str, store: Path) -> str:
    root = (settings.git_root(store) or store.parent).resolve()
    path = Path(uri)
    if not fetch.is_folder(uri):
        place, mark, subdirectory = uri.partition("#")
        if not fetch.is_folder(place):
            return secrets.redact(without_credentials(place) + mark + subdirectory)
        path = Path(place) / subdirectory
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else uri
