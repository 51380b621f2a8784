"""What Git would not take of a folder: by the rules of its ignore files, or by a file's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.errors import ToolError
from gittrack.git.command import run_git_bytes

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 100 * 1024 * 1024  # what GitHub takes of one file without LFS


def ignored(folder: Path, *, without: str) -> list[Path]:
    """Return the files and folders below a folder that Git leaves out, less one folder there.

    Outside a repository there are none.
    """
    args = ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"]
    try:
        listed = run_git_bytes([*args, "--", "."], cwd=folder)
    except ToolError:
        return []
    names = listed.decode(errors="surrogateescape").split("\0")
    return [folder / name for name in names if name and not name.startswith(without)]


def is_filtered(path: Path) -> bool:
    """Tell whether a file goes through a filter such as that of LFS."""
    try:
        found = run_git_bytes(["check-attr", "-z", "filter", "--", path.name], cwd=path.parent)
    except ToolError:
        return False
    return found.split(b"\0")[2:3] not in ([], [b"unspecified"], [b"unset"])
