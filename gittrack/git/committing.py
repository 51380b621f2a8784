"""Commits of exactly some files, whatever else is staged, changed or untracked.

The tree is put together in an index of its own, and the branch moved only from the commit that it
was made upon, so that any number of processes may commit at the same time.
"""

from __future__ import annotations

import random
import shlex
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gittrack.errors import ToolError
from gittrack.git.command import run_git, run_git_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PATIENCE_SECONDS = 30.0

_SHORTEST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.01, 1.0, 1.6
_IN_THE_MIDDLE = {
    "rebase-merge": ("a rebase", "git rebase --continue, or --abort"),
    "rebase-apply/applying": ("applying patches", "git am --continue, or --abort"),
    "rebase-apply": ("a rebase", "git rebase --continue, or --abort"),
    "MERGE_HEAD": ("a merge", "git merge --continue, or --abort"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --continue, or --abort"),
    "REVERT_HEAD": ("a revert", "git revert --continue, or --abort"),
}


class Head(NamedTuple):
    """The branch that is checked out, and its commit; None before the first."""

    ref: str
    commit: str | None

    @property
    def branch(self) -> str:
        """The branch's short name."""
        return self.ref.removeprefix("refs/heads/")


class Entry(NamedTuple):
    """A file of an index: mode, object and path; the mode of one that is removed is all zeros."""

    mode: str
    oid: str
    path: str

    @property
    def gone(self) -> bool:
        """Whether it is removed."""
        return not self.mode.strip("0")


class Made(NamedTuple):
    """A commit, the branch that it is on, and the files that it added, changed or removed."""

    commit: str
    head: Head
    entries: list[Entry]


def head(top: Path) -> Head:
    """Return what is checked out in a work tree.

    Raises:
        ToolError: no branch is, or Git is in the middle of a merge or the like.
    """
    asked = [word for name in _IN_THE_MIDDLE for word in ("--git-path", name)]
    places = run_git(["rev-parse", *asked], cwd=top).splitlines()
    for (what, mends), place in zip(_IN_THE_MIDDLE.values(), places, strict=True):
        if (top / place).exists():
            raise ToolError(f"{top} is in the middle of {what}", hint=f"{mends}, then try again")
    ref = run_git(["symbolic-ref", "-q", "HEAD"], cwd=top, check=False).strip()
    if not ref:
        raise ToolError(
            f"no branch is checked out in {top}: HEAD is detached",
            hint="git switch -c NAME makes a branch of it, git switch main goes to one",
        )
    found = run_git(["rev-parse", "--verify", "-q", "HEAD"], cwd=top, check=False).strip()
    return Head(ref, found or None)


def missing_files(scope: str, *, top: Path) -> list[str]:
    """Return the files below a path that the index has and the work tree lacks.

    What a sparse checkout leaves out, or the user told Git to take as unchanged, is not among them,
    nor is what another Git is just about to write or to remove.

    Raises:
        ToolError: another Git is at work for long.
    """
    lock = top / run_git(["rev-parse", "--git-path", "index.lock"], cwd=top).rstrip("\n")
    asked = ["diff-files", "--name-only", "--diff-filter=D", "-z", "--", f":(top,literal){scope}"]
    for _ in pauses():
        quiet = not lock.exists()
        found = run_git_bytes(asked, cwd=top).decode(errors="surrogateescape").split("\0")[:-1]
        if not found or (quiet and not lock.exists()):
            return found
    raise ToolError(
        f"the index of {top} stays locked, so that it cannot be told which files were removed",
        hint=f"if no other Git is at work: rm {shlex.quote(str(lock))}",
    )


def commit_files(
    paths: Sequence[str], message: str, *, top: Path, gone: Sequence[str] = ()
) -> Made | None:
    """Commit the present state of some files, and put them into the user's index.

    Hooks are not run; `commit.gpgsign` is honoured.

    Args:
        paths: of plain files and links, seen from the top of the work tree.
        gone: those of files that are to be removed.

    Returns:
        None where the branch holds all of them as they are.

    Raises:
        ToolError: Git cannot commit here now, or the index stays locked.
    """
    with tempfile.TemporaryDirectory(prefix="gittrack-") as scratch:
        entries: list[Entry] | None = None
        for _ in pauses(PATIENCE_SECONDS * 4):  # others that commit meanwhile make progress
            now = head(top)
            with_index = _PrivateIndex(top, Path(scratch) / "index", now.commit)
            if entries is None:
                with_index.remove(gone)
                with_index.add(paths)
            else:
                with_index.put(entries)
            entries = with_index.changes()
            if not entries:
                return None
            tree = with_index.write()
            new = commit_tree(tree, [now.commit] if now.commit else [], message, top=top)
            if move(now.ref, new, now.commit, top=top):
                break
        else:
            raise ToolError(
                f"{now.branch} could not be moved for {PATIENCE_SECONDS * 4:g} s",
                hint=f"if no other Git is at work, remove {now.ref}.lock in the Git folder",
            )
    put_into_index(entries, now.ref, top=top)
    return Made(new, now, entries)


class _PrivateIndex:
    """An index file of our own that begins as a commit's tree."""

    def __init__(self, top: Path, path: Path, base: str | None) -> None:
        self._top = top
        self._env = {"GIT_INDEX_FILE": str(path)}
        self._base = base
        path.unlink(missing_ok=True)
        if base:
            self._git("read-tree", base)

    def _git(self, *args: str, stdin: bytes = b"") -> bytes:
        return run_git_bytes(args, cwd=self._top, env=self._env, stdin=stdin)

    def add(self, paths: Iterable[str]) -> None:
        """Add files as they are on disk, through the filters that Git is set to."""
        self._git("update-index", "--add", "--replace", "-z", "--stdin", stdin=_zero_ended(paths))

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files."""
        self._git("update-index", "--force-remove", "-z", "--stdin", stdin=_zero_ended(paths))

    def put(self, entries: Iterable[Entry]) -> None:
        """Add files that are in the repository already."""
        self._git(*_INDEX_INFO, stdin=_index_info(entries))

    def changes(self) -> list[Entry]:
        """Return what differs from the commit that the index began as."""
        base = self._base or self._git("hash-object", "-t", "tree", "--stdin").decode().strip()
        return diff_entries(
            self._git("diff-index", "--cached", "-r", "-z", "--no-renames", base, "--")
        )

    def write(self) -> str:
        """Write the tree, and return its name."""
        return self._git("write-tree").decode().strip()


_INDEX_INFO = ("update-index", "--add", "--replace", "-z", "--index-info")


def rewritten(base: str, changes: Iterable[Entry], *, top: Path) -> str:
    """Return the name of the tree that a commit's is with some files put in."""
    with tempfile.TemporaryDirectory(prefix="gittrack-") as scratch:
        index = _PrivateIndex(top, Path(scratch) / "index", base)
        index.put(changes)
        return index.write()


def diff_entries(raw: bytes) -> list[Entry]:
    """Return the new state of each file of a raw diff that ends its fields with zeros."""
    fields = raw.decode(errors="surrogateescape").split("\0")
    found = []
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, oid, _ = about.split(" ")
        found.append(Entry(mode, oid, path))
    return found


def commit_tree(
    tree: str,
    parents: Sequence[str],
    message: str,
    *,
    top: Path,
    env: Mapping[str, str] | None = None,
) -> str:
    """Make a commit, signed where the user's commits are, and return its name.

    Raises:
        ToolError: Git does not know who commits, or cannot sign.
    """
    sign = run_git(["config", "--type=bool", "--get", "commit.gpgsign"], cwd=top, check=False)
    args = ["commit-tree", tree, *(word for parent in parents for word in ("-p", parent))]
    args += ["-S"] if sign.strip() == "true" else []
    data = message.encode(errors="surrogateescape")
    return run_git_bytes([*args, "-F", "-"], cwd=top, env=env, stdin=data).decode().strip()


def move(ref: str, new: str, old: str | None, *, top: Path) -> bool:
    """Move a branch from one commit to another; False where it was moved or held meanwhile."""
    before = old or "0" * len(new)
    try:
        run_git(["update-ref", "-m", "gittrack commit", ref, new, before], cwd=top)
    except ToolError as error:
        if is_held(error):
            return False
        raise
    return True


def put_into_index(entries: Iterable[Entry], ref: str, *, top: Path) -> None:
    """Put files that were committed to a branch into the user's index, while that is checked out.

    Else the user's next commit would remove them again.

    Raises:
        ToolError: the index stays locked; the hint is what is left to do.
    """
    data = _index_info(entries)
    for _ in pauses():
        if run_git(["symbolic-ref", "-q", "HEAD"], cwd=top, check=False).strip() != ref:
            return
        try:
            run_git_bytes(_INDEX_INFO, cwd=top, stdin=data)
        except ToolError as error:
            if not is_held(error):
                raise
        else:
            return
    folders = sorted({str(Path(entry.path).parent) for entry in entries})
    raise ToolError(
        f"the commit is made, but the index of {top} stays locked, so that your next commit would"
        " remove its files again",
        hint=f"when no other Git is at work: {shlex.join(['git', 'reset', '-q', '--', *folders])}",
    )


def is_held(error: ToolError) -> bool:
    """Tell whether Git failed since another Git was at work on the same thing."""
    words = error.message
    return any(
        part in words for part in (".lock'", "cannot lock ref", "but expected", "unable to lock")
    )


def pauses(seconds: float | None = None) -> Iterator[int]:
    """Yield the numbers of tries, with growing pauses between them, for so long at most."""
    patience = PATIENCE_SECONDS if seconds is None else seconds
    until, pause, number = time.monotonic() + patience, _SHORTEST_PAUSE, 0
    while not number or time.monotonic() < until:
        yield number
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
        pause, number = min(pause * _GROWTH, _LONGEST_PAUSE), number + 1


def _zero_ended(paths: Iterable[str]) -> bytes:
    return "".join(f"{path}\0" for path in paths).encode(errors="surrogateescape")


def _index_info(entries: Iterable[Entry]) -> bytes:
    return _zero_ended(f"{entry.mode} {entry.oid} 0\t{entry.path}" for entry in entries)
