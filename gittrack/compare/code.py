"""What differs of the code that two runs ran: its source, and the files of both recorded states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.compare.changes import Change, pairs
from gittrack.errors import ToolError
from gittrack.git import changes
from gittrack.git.changes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.git.changes import FileChange
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.values import ParamValue

_MOST_PATCH = 64 * 1024 * 1024


@dataclass(frozen=True)
class CodeChange:
    """The files that differ, as a patch too where it was asked for, and why not all are known."""

    files: tuple[FileChange, ...] = ()
    patch: str = ""
    unknown: str = ""


def entries_of(run: StoredRun) -> dict[str, ParamValue]:
    """Return where a run's code came from."""
    source = run.record.source
    git, project = source.get("git"), source.get("project")
    entries: dict[str, object] = {}
    if isinstance(git, Mapping):
        entries = {name: git.get(name) for name in ("commit", "branch", "remote")}
        entries["uncommitted"] = bool(git.get("dirty"))
        entries["patch"] = git.get("patch_sha256")
    if isinstance(project, Mapping):
        entries["project"] = project.get("uri")
        entries["entry point"] = project.get("entry_point")
    entries["command"] = source.get("command")
    return {
        name: value for name, value in entries.items() if isinstance(value, (str, bool, int, float))
    }


def source_pairs(first: StoredRun, second: StoredRun) -> tuple[Change, ...]:
    """Return where the code of two runs came from side by side."""
    one, other = entries_of(first), entries_of(second)
    keys = ("project", "entry point")
    if one.get("project") and all(one.get(key) == other.get(key) for key in keys):
        # Their commands are made of the params, which are compared on their own.
        one.pop("command", None)
        other.pop("command", None)
    return pairs(one, other, sort=False)


def code_of(run: StoredRun) -> tuple[Code | None, str]:
    """Return the state of a run's code, None where it is not known, and what it lacks."""
    git = run.record.source.get("git")
    commit = git.get("commit") if isinstance(git, Mapping) else None
    if not isinstance(git, Mapping) or not isinstance(commit, str) or not commit:
        return None, ""
    try:
        patch = files.read_bytes(run.local / paths.SOURCE_PATCH, most=_MOST_PATCH)
    except FileNotFoundError:
        patch = b""
    except OSError as error:
        return Code(commit), f"{paths.SOURCE_PATCH} of {run.run_id}: {error.strerror or error}"
    lacks = git.get("patch_truncated") or (git.get("dirty") and not patch)
    return Code(commit, patch), f"not all changes of {run.run_id} were recorded" if lacks else ""


def compare_code(first: StoredRun, second: StoredRun, folder: Path, *, text: bool) -> CodeChange:
    """Compare the recorded states of two runs' code in the repository of a folder."""
    (one, lacks), (other, lacks_too) = code_of(first), code_of(second)
    unknown = "; ".join(filter(None, (lacks, lacks_too)))
    if one is None or other is None or first.run_id == second.run_id:
        return CodeChange()
    if one == other:
        return CodeChange(unknown=unknown)
    return compare_states(one, other, folder, text=text, unknown=unknown)


def compare_states(
    one: Code, other: Code, folder: Path, *, text: bool, unknown: str = ""
) -> CodeChange:
    """Compare two states of code in the repository of a folder."""
    here = next((path for path in (folder, *folder.parents) if path.is_dir()), folder)
    try:
        found, patch = changes.between_states(one, other, cwd=here, text=text)
    except ToolError as error:
        return CodeChange(unknown=error.message)
    return CodeChange(tuple(found), patch, unknown)
