"""Files that Git could not merge by itself."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gittrack.errors import ToolError
from gittrack.git.command import run_git, run_git_bytes

if TYPE_CHECKING:
    from pathlib import Path


def conflict_sides(path: Path) -> tuple[bytes, bytes] | None:
    """Return ours and theirs of a file that is being merged; None where none is."""
    try:
        ours, theirs = (
            run_git_bytes(["cat-file", "blob", f":{stage}:./{path.name}"], cwd=path.parent)
            for stage in (2, 3)
        )
    except ToolError:
        return None
    return ours, theirs


def mark_resolved(path: Path) -> None:
    """Stage a file where a merge waits for that."""
    with suppress(ToolError):
        waiting = run_git(["ls-files", "--unmerged", "-z", "--", path.name], cwd=path.parent)
        if waiting:
            run_git(["--literal-pathspecs", "add", "--", path.name], cwd=path.parent)
