"""Runs as revisions hold them, read from Git's objects without a checkout.

    store = revisions.at(Store.open(), "main")    # a Store like any other, to be read from
    run = revisions.find(Store.open(), "main:best:acc")

Several revisions give what merging them would: of a file that differs, the first one's.
"""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files
from gittrack.errors import GittrackError, NotFoundError
from gittrack.git import objects
from gittrack.runs import jsonlines, naming
from gittrack.runs.naming import read_all
from gittrack.runs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from gittrack.files import Problem
    from gittrack.git.objects import Blob, Objects
    from gittrack.runs.jsonlines import LinesRead
    from gittrack.runs.naming import Glances
    from gittrack.runs.reading import StoredRun

_NO_REVISION = re.compile(r"best:|[A-Za-z]:[\\/]")


def at(store: Store, *revisions: str) -> Store:
    """Return the store as some revisions hold it, for reading.

    Files of its runs are written where they can be opened when they are asked for, and removed
    with this process.

    Raises:
        ToolError: the store is in no Git repository.
        NotFoundError: a revision is unknown, or none of them has the store.
    """
    repository = objects.repository(store.root)
    prefix = prefix_of(store, repository.top)
    commits = {name: objects.commit_of(name, cwd=repository.folder) for name in revisions}
    return _read(repository.folder, prefix, commits)


def at_all_branches(store: Store) -> Store:
    """Return the store as all branches hold it together, that of HEAD first, then the newest.

    Raises:
        ToolError: the store is in no Git repository.
        NotFoundError: no branch has it.
    """
    repository = objects.repository(store.root)
    commits = objects.branches(cwd=repository.folder)
    return _read(repository.folder, prefix_of(store, repository.top), commits)


def folder_at(path: str, revision: str, repository: Path) -> Store:
    """Return a folder of a repository as a revision has it, as the root of a store.

    Raises:
        NotFoundError: the revision is unknown, or has no such folder.
    """
    return _read(repository, path, {revision: objects.commit_of(revision, cwd=repository)})


def find(store: Store, reference: str, glances: Glances = read_all) -> StoredRun:
    """Return the run that a reference names: `REVISION:RUN`, or one of the store itself.

    Raises:
        NotFoundError: it fits no run, or the revision is unknown.
        AmbiguousError: it fits several; they are listed.
        BrokenRunError: it fits one whose record cannot be read.
        ToolError: it names a revision, and the store is in no Git repository.
    """
    revision, colon, name = reference.partition(":")
    if not colon or not revision or not name or _NO_REVISION.match(reference):
        return naming.find(store, reference, glances)
    try:
        there = at(store, revision)
    except GittrackError:
        # A run may have a name with a colon in it.
        if any(run.name == reference for run in glances(store, "")):
            return naming.find(store, reference, glances)
        raise
    return there.find(name)


def prefix_of(store: Store, top: Path | None) -> str:
    """Return the path of a store in its repository."""
    root = store.root.resolve()
    if top is None or not root.is_relative_to(top):
        return root.name
    path = root.relative_to(top).as_posix()
    return "" if path == "." else path


def _read(folder: Path, prefix: str, commits: dict[str, str]) -> Store:
    trees: dict[str, str] = {}
    for name, commit in commits.items():
        if (oid := objects.subtree(commit, prefix, cwd=folder)) is not None:
            trees[name] = oid
    if not commits:
        raise NotFoundError("there is no branch to look at", hint=objects.NO_COMMIT)
    if not trees:
        raise NotFoundError(
            f"{', '.join(commits)}: there is no folder {prefix or '.'}",
            hint="git ls-tree lists what it has; gittrack commit puts runs there",
        )
    tree = GitTree(Path(tempfile.mkdtemp(prefix="gittrack-")), folder, prefix)
    listed: dict[str, list[Blob]] = {}
    for name, oid in trees.items():
        if oid not in listed:
            listed[oid] = list(objects.list_blobs(oid, cwd=folder))
        tree.add(name, listed[oid])
    return Store(tree.root, tree)


class GitTree:
    """A `Tree` of Git's objects. Its paths lie below `root`, where `local` writes files."""

    def __init__(self, scratch: Path, repository: Path, prefix: str) -> None:
        self.root = scratch / (prefix.rpartition("/")[2] or "mlruns")
        self._prefix = prefix
        self._objects: Objects = objects.Objects(repository)
        self._folders: dict[str, dict[str, Blob | None]] = {str(self.root): {}}
        self._names: list[str] = []
        self._revisions: dict[str, dict[str, None]] = {}
        self._small: dict[str, bytes] | None = None
        self._written: set[str] = set()
        self._lock = threading.Lock()
        weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)

    def add(self, revision: str, blobs: list[Blob]) -> None:
        """Add the files of a revision; those that are there already stay."""
        folders, base = self._folders, f"{self.root}/"
        self._names.append(revision)
        for blob in blobs:
            above, _, name = f"{base}{blob.path}".rpartition("/")
            if above not in folders:
                self._add_folder(above)
            folders[above].setdefault(name, blob)
            self._revisions.setdefault(above, {})[revision] = None
        self._small = None

    def _add_folder(self, path: str) -> None:
        above, _, name = path.rpartition("/")
        if above not in self._folders:
            self._add_folder(above)
        self._folders[above][name] = None
        self._folders[path] = {}

    def folders(self, path: Path) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        entries = self._folders.get(str(path), {})
        return [name for name in sorted(entries) if entries[name] is None]

    def names(self, folder: Path) -> list[str]:
        """Return what is in a folder; nothing where it is missing."""
        return [*self._folders.get(str(folder), ())]

    def is_folder(self, path: Path) -> bool:
        """Tell whether a folder is there."""
        return str(path) in self._folders

    def is_file(self, path: Path) -> bool:
        """Tell whether a file is there."""
        return self._folders.get(str(path.parent), {}).get(path.name) is not None

    def size(self, path: Path) -> int:
        """Return a file's size in bytes."""
        return self._blob(path).size

    def read_json(self, path: Path) -> dict[str, object]:
        """Read a file that holds one JSON object; those of all runs are fetched together."""
        blob = self._blob(path)
        if self._small is None:
            # An artifact may have such a name as well; it lies deeper, and is large or harmless.
            oids = {
                found.oid: None
                for folder in self._folders.values()
                for name, found in folder.items()
                if found is not None and name.endswith(".json") and found.path.count("/") <= 2  # noqa: PLR2004
            }
            self._small = dict(zip(oids, self._objects.read_all(oids), strict=True))
        data = self._small.get(blob.oid)
        return files.parse_json(data if data is not None else self._objects.read(blob.oid))

    def read_lines(self, path: Path, take: Callable[[dict[str, Any]], None]) -> LinesRead:
        """Read a JSON-lines file."""
        data = self._objects.read(self._blob(path).oid)
        return jsonlines.take_lines(data.splitlines(keepends=True), Path(self.place(path)), take)

    def sizes(self, folder: Path, problems: list[Problem]) -> dict[str, int]:  # noqa: ARG002 - as of a folder on disk
        """Return the size in bytes of every file below a folder, of what LFS holds as well."""
        base = f"{folder}/"
        blobs = {
            f"{path}/{name}".removeprefix(base): blob
            for path, entries in self._folders.items()
            if f"{path}/".startswith(base)
            for name, blob in entries.items()
            if blob is not None
        }
        real = self._objects.real_sizes(blobs.values())
        return dict(sorted(zip(blobs, real, strict=True)))

    def local(self, path: Path) -> Path:
        """Return a file or folder after it, or all files of it, were written there."""
        with self._lock:
            links: list[tuple[Path, Blob]] = []
            if self.is_file(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                self._write_file(path, self._folders[str(path.parent)][path.name], links)
            else:
                self._write(path, links)
            # Links come last, so that no file can be written through one.
            for link, blob in links:
                link.symlink_to(self._objects.read(blob.oid).decode(errors="surrogateescape"))
        return path

    def place(self, path: Path) -> str:
        """Return `REVISION:PATH`, as `git show` takes it."""
        inside = path.relative_to(self.root).as_posix()
        above = (str(folder) for folder in (path, *path.parents))
        held = next((folder for folder in above if folder in self._revisions), "")
        revision = next(iter(self._revisions.get(held) or self._names), "")
        return f"{revision}:{'/'.join(part for part in (self._prefix, inside) if part != '.')}"

    def revisions(self, folder: Path) -> tuple[str, ...]:
        """Return the revisions that hold a file of a folder."""
        return tuple(self._revisions.get(str(folder), ()))

    def _blob(self, path: Path) -> Blob:
        above, _, name = str(path).rpartition("/")
        found = self._folders.get(above, {}).get(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "is not in that revision", self.place(path))
        if found.mode == objects.LINK:
            raise OSError(errno.ELOOP, "is a link, and links are not followed")
        return found

    def _write(self, folder: Path, links: list[tuple[Path, Blob]]) -> None:
        if str(folder) in self._written or str(folder) not in self._folders:
            return
        self._written.add(str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        for name, blob in self._folders[str(folder)].items():
            path = folder / name
            if blob is None:
                self._write(path, links)
            else:
                self._write_file(path, blob, links)

    def _write_file(self, path: Path, blob: Blob | None, links: list[tuple[Path, Blob]]) -> None:
        if blob is None or str(path) in self._written:
            return
        self._written.add(str(path))
        if blob.mode == objects.LINK:
            links.append((path, blob))
        else:
            self._objects.write(blob, path)
