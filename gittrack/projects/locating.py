"""Where a project is: a folder of this machine, used in place, or a copy made for one run."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from gittrack import paths, secrets, settings
from gittrack.errors import NotFoundError, ProjectError, some
from gittrack.git import fetch
from gittrack.git.fetch import GitUri
from gittrack.git.state import without_credentials
from gittrack.projects import archives
from gittrack.projects.mlproject import SCRIPTS
from gittrack.projects.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gittrack.projects.order import Order

_CLONE = "project"


@dataclass
class Scratch:
    """A folder for one run, made when it is needed; it goes with the block unless it is kept.

    Attributes:
        is_kept: whether another process is to need it.
    """

    folder: Path
    is_kept: bool = False

    def make(self, name: str) -> Path:
        """Make a folder in it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self.folder / name
        made.mkdir()
        return made


@dataclass(frozen=True)
class Located:
    """A project's folder, its URI as it is recorded, and how messages name it.

    Attributes:
        notes: what a person should know of it before it runs.
    """

    folder: Path
    uri: str
    place: Place
    notes: tuple[str, ...] = ()


@contextmanager
def scratch_folder(order: Order, *, store: Path) -> Iterator[Scratch]:
    """Give a place for what is made for one run, for the time of the block."""
    # What may outlive this process lies where other machines of the store see it too.
    parent = store / paths.CACHE / paths.JOBS if order.detached else Path(tempfile.gettempdir())
    scratch = Scratch(parent.resolve() / f"gittrack-{token_hex(8)}")
    try:
        yield scratch
    finally:
        if not scratch.is_kept:
            shutil.rmtree(scratch.folder, ignore_errors=True)


def locate(order: Order, scratch: Scratch, *, store: Path) -> Located:
    """Return where a project is; a repository is cloned for it, a zip file unpacked.

    Args:
        store: the folder of the runs, which the recorded URI is relative to the Git root of.

    Raises:
        NotFoundError: there is no such folder, repository or version.
        ProjectError: the URI is none, or a version is asked of what has none.
        ToolError: it cannot be fetched.
    """
    if order.located is not None:
        return order.located
    uri, version = order.uri, order.version
    fetch.check_version(version)
    is_archive = archives.is_archive(uri)
    if is_archive and version is not None:
        raise ProjectError("a zip file has no versions", hint="leave -v out")
    if is_archive:
        folder = archives.unpack(uri, scratch.make(_CLONE))
        return Located(folder, _recorded(uri, store), Place(url=_shown(uri)))
    git = fetch.parse(uri)
    if git is None:
        folder = _folder(uri)
        if version is None:
            return Located(folder, _recorded(uri, store), Place.of(folder))
        git = _repository_of(folder)
    into = scratch.make(_CLONE)
    folder = fetch.clone(git, into, version=version)
    revision = version or fetch.short_commit(into)
    place = Place(git.subdirectory.strip("/"), _shown(git.url), revision)
    return Located(folder, _recorded(uri, store), place, lacking(into))


def lacking(top: Path) -> tuple[str, ...]:
    """Return in words which large files a checkout lacks, since Git LFS is not there."""
    names = fetch.pointers(top)
    listed = some([*map(repr, names)])
    note = f"large files are not fetched, only pointers to them: {listed} (install git-lfs)"
    return (note,) if names else ()


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
