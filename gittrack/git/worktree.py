"""A commit brought back: in a work tree of its own, with its changes, the user's own untouched."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack.errors import NotComparableError, ToolError
from gittrack.git.command import run_git, run_git_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


def holds(commit: str, *, cwd: Path) -> bool:
    """Tell whether a repository has a commit, named in full."""
    if not _COMMIT.fullmatch(commit):
        return False
    with suppress(ToolError):
        return run_git(["cat-file", "-t", commit], cwd=cwd).strip() == "commit"
    return False


def has(commit: str, path: str, *, cwd: Path) -> bool:
    """Tell whether a commit, named in full, has anything at a path from the top."""
    asked = ["rev-parse", "--verify", "--quiet", f"{commit}:{path}"]
    return bool(_COMMIT.fullmatch(commit) and run_git(asked, cwd=cwd, check=False))


def has_file(commit: str, path: str, *, cwd: Path) -> bool:
    """Tell whether a commit, named in full, has a file of that path from the top."""
    if not _COMMIT.fullmatch(commit):
        return False
    with suppress(ToolError):
        return run_git(["cat-file", "-t", f"{commit}:{path}"], cwd=cwd).strip() == "blob"
    return False


@contextmanager
def checked_out(commit: str, patch: bytes, *, repository: Path) -> Iterator[Path]:
    """Give a folder with a commit and the changes of a patch for the time of the block.

    Raises:
        NotComparableError: the patch does not fit the commit.
        ToolError: it cannot be checked out.
    """
    with tempfile.TemporaryDirectory(prefix="gittrack-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch).resolve() / repository.name
        add = ["worktree", "add", "--quiet", "--force", "--detach", str(folder), commit]
        run_git([*_NO_HOOKS, *add], cwd=repository)
        try:
            if (folder / ".gitmodules").is_file():
                update = ["submodule", "--quiet", "update", "--init", "--recursive"]
                run_git([*_NO_HOOKS, *update], cwd=folder)
            if patch:
                _apply(patch, folder)
            yield folder
        finally:
            with suppress(ToolError):
                remove = ["worktree", "remove", "--force", "--force", str(folder)]
                run_git([*_NO_HOOKS, *remove], cwd=repository)


def _apply(patch: bytes, folder: Path) -> None:
    try:
        run_git_bytes(["apply", "--whitespace=nowarn", "-"], cwd=folder, stdin=patch)
    except ToolError as error:
        words = error.message.replace(str(folder), "the commit")
        raise NotComparableError(
            f"its uncommitted changes cannot be brought back: {words}",
            hint="check source.patch of the run",
        ) from None
