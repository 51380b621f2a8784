"""What the history says of a commit, read by GitPython, for those who look at runs."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


_HASH = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Described:
    """A commit in words.

    Attributes:
        summary: the first line of its message.
        author: the author's name.
        time: when it was written, with the author's zone.
    """

    summary: str
    author: str
    time: datetime


def describe(commit: str, *, cwd: Path) -> Described | None:
    """Return what the history says of a commit; None where this clone does not have it.

    Args:
        commit: its full hash.
    """
    if not _HASH.fullmatch(commit):
        return None
    import git
    from gitdb.exc import ODBError

    try:
        with closing(git.Repo(cwd, search_parent_directories=True)) as repository:
            found = repository.commit(commit)
            return Described(
                summary=_text(found.summary),
                author=found.author.name or "",
                time=found.authored_datetime,
            )
    # No repository, a commit of another clone, or hashes that GitPython does not read.
    except (git.GitError, ODBError, ValueError, OSError):
        return None


def _text(words: str | bytes) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
