"""Reading a repository's objects: commits by name, whole trees, many blobs through one process."""

from __future__ import annotations

import re
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from gittrack.errors import NotFoundError, ToolError
from gittrack.git.command import run_git_bytes, start_git

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator

LINK = "120000"
NO_COMMIT = "the repository has no commit yet: gittrack commit makes one of the runs"
_BLOB = "blob"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = re.compile(rb"^size (\d{1,18})$", re.MULTILINE)
_LONGEST_POINTER = 1024
_CHUNK = 1 << 20
# Names of this many objects fit into a pipe that nobody reads yet.
_AT_ONCE = 500


class Blob(NamedTuple):
    """A file in a tree: its path there, mode, object and size in bytes."""

    path: str
    mode: str
    oid: str
    size: int


class Repository(NamedTuple):
    """A repository: a folder to call Git in, and the work tree's top, None in a bare one."""

    folder: Path
    top: Path | None


def is_pointer(path: Path) -> bool:
    """Tell whether a file is but a pointer to a large file that Git LFS has not fetched."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_LFS_POINTER)) == _LFS_POINTER
    except OSError:
        return False


def repository(folder: Path) -> Repository:
    """Return the repository that holds a folder, which may be missing itself.

    Raises:
        ToolError: there is none.
    """
    here = next((path for path in (folder, *folder.parents) if path.is_dir()), folder)
    bare = run_git_bytes(["rev-parse", "--is-bare-repository"], cwd=here, check=False).strip()
    if bare == b"true":
        return Repository(here, None)
    top = run_git_bytes(["rev-parse", "--show-toplevel"], cwd=here, check=False)
    if not top:
        raise ToolError(
            f"{folder} is in no Git repository", hint="git init makes one of the folder above"
        )
    return Repository(here, Path(top.decode(errors="surrogateescape").rstrip("\n")))


def commit_of(revision: str, *, cwd: Path) -> str:
    """Return the full name of the commit that a revision names.

    Raises:
        NotFoundError: it names none.
    """
    found = b""
    if revision and not revision.startswith("-") and "\0" not in revision:
        found = run_git_bytes(
            ["rev-parse", "--verify", "-q", f"{revision}^{{commit}}"], cwd=cwd, check=False
        )
    if not found:
        raise NotFoundError(
            f"{revision!r} is no branch, tag or commit here", hint=_where_revisions_are(cwd)
        )
    return found.decode().strip()


def _where_revisions_are(cwd: Path) -> str:
    shallow = run_git_bytes(["rev-parse", "--is-shallow-repository"], cwd=cwd, check=False)
    if shallow.strip() == b"true":
        return "this clone is shallow: git fetch --unshallow gets the rest"
    if not run_git_bytes(["rev-list", "-n1", "--all"], cwd=cwd, check=False):
        return NO_COMMIT
    return "git branch -a lists the branches"


def merge_base(commit: str, *, cwd: Path) -> str:
    """Return the commit where the checked-out branch left another.

    Raises:
        NotFoundError: they have none in common, as far as this clone knows.
    """
    found = run_git_bytes(["merge-base", "HEAD", commit], cwd=cwd, check=False).decode().strip()
    if not found:
        raise NotFoundError(
            f"HEAD and {commit[:10]} have no commit in common here",
            hint="git fetch --unshallow, if this clone is shallow (in CI: fetch-depth: 0)",
        )
    return found


def subtree(commit: str, path: str, *, cwd: Path) -> str | None:
    """Return the name of the tree at a path of a commit ("" is all of it); None without one."""
    found = run_git_bytes(["rev-parse", "--verify", "-q", f"{commit}:{path}"], cwd=cwd, check=False)
    oid = found.decode().strip()
    if not oid:
        return None
    kind = run_git_bytes(["cat-file", "-t", oid], cwd=cwd, check=False).strip()
    return oid if kind == b"tree" else None


def branches(*, cwd: Path) -> dict[str, str]:
    """Return the commits of all branches, HEAD's first, then the newest; remote ones last."""
    heads, remotes = (
        run_git_bytes(
            [
                "for-each-ref",
                "--sort=-committerdate",
                "--sort=-HEAD",
                "--format=%(refname:short) %(objectname) %(symref)",
                kind,
            ],
            cwd=cwd,
        )
        for kind in ("refs/heads", "refs/remotes")
    )
    lines = (heads + remotes).decode(errors="surrogateescape").splitlines()
    # A symbolic one, such as origin/HEAD, is another's second name.
    return {name: oid for name, oid, link in (line.split(" ") for line in lines) if not link}


def list_blobs(tree: str, *, cwd: Path) -> Iterator[Blob]:
    """Yield the files of a tree; submodules, and names that lead elsewhere, are left out."""
    listed = run_git_bytes(["ls-tree", "-r", "-z", "-l", "--full-tree", tree], cwd=cwd)
    for line in listed.decode(errors="surrogateescape").split("\0")[:-1]:
        about, _, path = line.partition("\t")
        mode, kind, oid, size = about.split()
        if kind == _BLOB and is_plain(path):
            yield Blob(path, mode, oid, int(size))


def is_plain(path: str) -> bool:
    """Tell whether a path of a tree stays inside of it; one made by hand may not."""
    return all(part not in ("", ".", "..", ".git") for part in path.split("/"))


class Objects:
    """One `git cat-file --batch` that stays open; several threads may ask it."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, oid: str) -> bytes:
        """Return the content of an object.

        Raises:
            ToolError: the repository does not have it.
        """
        return next(iter(self.read_all([oid])))

    def read_all(self, oids: Iterable[str]) -> list[bytes]:
        """Return the contents of many objects, in their order.

        Raises:
            ToolError: the repository lacks one.
        """
        wanted, found = list(oids), []
        with self._lock:
            send, receive = self._pipes()
            for begin in range(0, len(wanted), _AT_ONCE):
                part = wanted[begin : begin + _AT_ONCE]
                send.write("".join(f"{oid}\n" for oid in part).encode())
                send.flush()
                found += [receive.read(self._size(oid, receive) + 1)[:-1] for oid in part]
        return found

    def write(self, blob: Blob, target: Path) -> None:
        """Write a blob to a new file, as a checkout would: what LFS holds is fetched from there.

        Raises:
            ToolError: the repository does not have it.
        """
        if blob.size <= _LONGEST_POINTER:
            data = self.read(blob.oid)
            if data.startswith(_LFS_POINTER):
                data = self._smudged(data) or data
            with target.open("xb") as file:
                file.write(data)
            return
        with self._lock, target.open("xb") as file:
            send, receive = self._pipes()
            send.write(f"{blob.oid}\n".encode())
            send.flush()
            left = self._size(blob.oid, receive)
            while left:
                data = receive.read(min(left, _CHUNK))
                file.write(data)
                left -= len(data)
            receive.read(1)

    def real_sizes(self, blobs: Iterable[Blob]) -> list[int]:
        """Return how large the files of some blobs are when they are checked out, in bytes."""
        listed = list(blobs)
        small = [blob for blob in listed if blob.size <= _LONGEST_POINTER]
        contents = self.read_all(blob.oid for blob in small)
        told = {
            blob.oid: int(found[1])
            for blob, data in zip(small, contents, strict=True)
            if data.startswith(_LFS_POINTER) and (found := _LFS_SIZE.search(data))
        }
        return [told.get(blob.oid, blob.size) for blob in listed]

    def _smudged(self, pointer: bytes) -> bytes:
        with suppress(ToolError):
            return run_git_bytes(["lfs", "smudge"], cwd=self._cwd, stdin=pointer)
        return b""

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = start_git(["cat-file", "--batch"], cwd=self._cwd)
            self._finalizer = weakref.finalize(self, _end, self._process)
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise ToolError("git cat-file has no pipes")
        return process.stdin, process.stdout

    def _size(self, oid: str, receive: IO[bytes]) -> int:
        header = receive.readline().split()
        if len(header) != 3 or not header[2].isdigit():  # noqa: PLR2004 - name, kind, size
            self._finalizer()  # what else was asked for still comes
            self._process = None
            raise ToolError(
                f"the repository does not have the object {oid}",
                hint="git fsck tells what is missing; git fetch may bring it",
            )
        return int(header[2])


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()
