"""What changed between two commits, file by file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gittrack.errors import ToolError
from gittrack.git.command import run_git_bytes
from gittrack.git.state import code_paths

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 30.0

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class FileChange(NamedTuple):
    """A file that differs between two commits; lines added and removed, None where it is binary."""

    path: str
    added: int | None
    removed: int | None


def between(first: str, second: str, *, cwd: Path) -> list[FileChange]:
    """Return the files that differ between two commits, stores of runs left out.

    Args:
        cwd: a folder of the repository.

    Raises:
        ToolError: one of them is not in it, or there is no repository.
    """
    check(first, second, cwd=cwd)
    listed = run_git_bytes(
        [
            "diff",
            "--numstat",
            "-z",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=dirty",
            first,
            second,
            *code_paths(),
        ],
        cwd=cwd,
        timeout=SECONDS,
    )
    entries = listed.decode(errors="surrogateescape").split("\0")
    return [_parse(entry) for entry in entries if entry]


def diff(first: str, second: str, *, cwd: Path, most: int) -> str:
    """Return what changed between two commits as text, stores of runs left out.

    Args:
        cwd: a folder of the repository.
        most: how many characters of it are wanted.

    Raises:
        ToolError: one of them is not in it, or there is no repository.
    """
    check(first, second, cwd=cwd)
    options = ["--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"]
    found = run_git_bytes(
        ["diff", *options, first, second, *code_paths()], cwd=cwd, timeout=SECONDS
    )
    return found.decode(errors="replace")[:most]


def check(*commits: str, cwd: Path) -> None:
    """Make sure that commits are in a repository.

    Raises:
        ToolError: one of them is not, or there is no repository.
    """
    for commit in commits:
        # It comes from a file that anyone can have written: no option may reach Git this way.
        if not _COMMIT.fullmatch(commit):
            raise ToolError(f"{commit!r} is not a commit's full name")
        if not _holds(commit, cwd):
            raise ToolError(f"commit {commit[:10]} is not in the repository of {cwd}")


def _holds(commit: str, cwd: Path) -> bool:
    kind = run_git_bytes(["cat-file", "-t", commit], cwd=cwd, check=False, timeout=SECONDS)
    return kind.strip() == b"commit"


def _parse(entry: str) -> FileChange:
    added, removed, path = entry.split("\t", 2)
    return FileChange(path, _lines(added), _lines(removed))


def _lines(text: str) -> int | None:
    return int(text) if text.isdigit() else None
