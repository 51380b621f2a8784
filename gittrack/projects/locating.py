"""Where a project is: a folder of this machine, used in place, or a copy made for one run."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import paths, secrets, settings
from gittrack.errors import NotFoundError, ProjectError
from gittrack.git import fetch
from gittrack.git.fetch import GitUri
from gittrack.git.state import without_credentials
from gittrack.projects import archives
from gittrack.projects.mlproject import SCRIPTS
from gittrack.projects.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gittrack.projects.order import Order


@dataclass
class Scratch:
    """A folder made for one run; it goes with the block unless another process is to need it."""

    folder: Path
    is_kept: bool = False


@dataclass(frozen=True)
class Located:
    """A project's folder, its URI as it is recorded, and how messages name it."""

    folder: Path
    uri: str
    place: Place
    scratch: Scratch | None = None

    def hand_over(self) -> None:
        """Leave a folder that was made for it to another process."""
        if self.scratch is not None:
            self.scratch.is_kept = True


@contextmanager
def located(order: Order, *, store: Path) -> Iterator[Located]:
    """Give the folder of a project for the time of the block; a repository is cloned for it.

    Args:
        store: the folder of the runs, which the recorded URI is relative to the Git root of.

    Raises:
        NotFoundError: there is no such folder, repository or version.
        ProjectError: the URI is none, or a version is asked of what has none.
        ToolError: it cannot be fetched.
    """
    if order.located is not None:
        yield order.located
        return
    uri, version = order.uri, order.version
    fetch.check_version(version)
    is_archive = archives.is_archive(uri)
    if is_archive and version is not None:
        raise ProjectError("a zip file has no versions", hint="leave -v out")
    git = None if is_archive else fetch.parse(uri)
    if git is None and not is_archive:
        folder = _folder(uri)
        if version is None:
            yield Located(folder, _recorded(uri, store), Place.of(folder))
            return
        git = _repository_of(folder)
    # What may outlive this process lies where other machines of the store see it too.
    with _scratch(store / paths.CACHE / paths.JOBS if order.detached else None) as scratch:
        into = scratch.folder / "project"
        into.mkdir()
        if git is None:
            folder, place = archives.unpack(uri, into), Place(url=_shown(uri))
        else:
            folder = fetch.clone(git, into, version=version)
            revision = version or fetch.short_commit(into)
            place = Place(git.subdirectory.strip("/"), _shown(git.url), revision)
        yield Located(folder, _recorded(uri, store), place, scratch)


@contextmanager
def _scratch(keep_in: Path | None) -> Iterator[Scratch]:
    if keep_in is not None:
        keep_in.mkdir(parents=True, exist_ok=True)
    scratch = Scratch(Path(tempfile.mkdtemp(prefix="gittrack-", dir=keep_in)).resolve())
    try:
        yield scratch
    finally:
        if not scratch.is_kept:
            shutil.rmtree(scratch.folder, ignore_errors=True)


def _shown(url: str) -> str:
    return secrets.redact(without_credentials(url))


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
    place, mark, subdirectory = uri.partition("#")
    path = Path(uri)
    if not fetch.is_folder(uri):
        if not fetch.is_folder(place):
            if not archives.is_file(place):
                return secrets.redact(without_credentials(place) + mark + subdirectory)
            path = Path(place)
        else:
            path = Path(place) / subdirectory
    resolved = path.resolve()
    if not resolved.is_relative_to(root):
        return uri
    inside = resolved.relative_to(root).as_posix()
    return f"{inside}{mark}{subdirectory}" if archives.is_file(place) else inside
