"""What of a folder is not committed as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gittrack.git.command import run_git_bytes

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 60.0


class Uncommitted(NamedTuple):
    """Paths below a folder: files that are changed or added, and files or folders that are new."""

    changed: frozenset[str]
    new: frozenset[str]

    def state(self, path: str) -> str:
        """Return "new" or "changed" of a folder, "" where it is committed as it stands."""
        parts = path.split("/")
        above = {"/".join(parts[:end]) for end in range(len(parts) + 1)}
        if above & self.new:
            return "new"
        inside = f"{path}/"
        found = any(name.startswith(inside) for name in (*self.changed, *self.new))
        return "changed" if found else ""


def uncommitted(folder: Path) -> Uncommitted:
    """Return what Git would say of a folder's files.

    Raises:
        ToolError: the folder is in no repository, or Git failed.
    """
    prefix = run_git_bytes(["rev-parse", "--show-prefix"], cwd=folder).rstrip(b"\n")
    listed = run_git_bytes(
        ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal", "--", "."],
        cwd=folder,
        timeout=_SECONDS,
    )
    changed, new = set(), set()
    for entry in listed.split(b"\0"):
        kind, path = entry[:2], entry[3:].removeprefix(prefix).rstrip(b"/")
        # A folder above the prefix is new with all that is in it.
        if kind == b"??":
            new.add("" if prefix.startswith(entry[3:]) else path.decode(errors="surrogateescape"))
        elif kind:
            changed.add(path.decode(errors="surrogateescape"))
    return Uncommitted(frozenset(changed), frozenset(new))
