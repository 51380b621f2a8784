"""Edits: a change made after the fact is a new file, so that two clones never write the same one.

    {
      "format": 1,
      "time": "2026-11-23T05:12:00.123Z",
      "user": "Ana",
      "name": "the good one",
      "note": "see the discussion in the pull request",
      "tags": {"checked": "yes", "wrong": null},
      "deleted": true
    }

Later edits win, key by key. A tag that is null is removed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from gittrack import files, paths, secrets
from gittrack.errors import StoreError
from gittrack.files import Problem
from gittrack.runs.trees import DISK, Tree
from gittrack.runs.values import format_time, parse_time, to_json

FORMAT = 1


@dataclass(frozen=True)
class Edit:
    """One change, or all changes of a folder joined. None means: not changed."""

    time: int = 0
    user: str | None = None
    name: str | None = None
    note: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict)
    deleted: bool | None = None


@dataclass(frozen=True)
class Edits:
    """The edits of a folder joined, and those that could not be read."""

    joined: Edit
    problems: tuple[Problem, ...] = ()


class _Recent(NamedTuple):
    """What a folder's edits came to, when they were read, and when it had changed last by then."""

    edits: Edits
    read: float
    changed: int


_RECENT_SECONDS = 2.0
_recent: dict[Path, _Recent] = {}


def write(folder: Path, edit: Edit) -> Path:
    """Add an edit to a run, experiment or model folder.

    It is later than all that are there, whatever the clock says.

    Raises:
        StoreError: the folder cannot be written.
    """
    newest = read(folder).joined.time
    moment = max(edit.time or time.time_ns() // 1_000_000, newest + 1)
    path = folder / paths.edit_name(moment)
    if not write_as(folder, replace(edit, time=moment), path.name):
        raise StoreError(f"{path} exists already", hint="try again")
    return path


def write_as(folder: Path, edit: Edit, name: str) -> bool:
    """Write an edit, at the time that it says, to a file of that name; False where it exists.

    Raises:
        StoreError: the folder cannot be written.
    """
    entries: dict[str, Any] = {"format": FORMAT, "time": format_time(edit.time)}
    for key in ("user", "name", "note"):
        if (value := getattr(edit, key)) is not None:
            entries[key] = secrets.redact(value)
    if edit.tags:
        tags = {name: edit.tags[name] for name in sorted(edit.tags)}
        entries["tags"] = {
            name: value if value is None else secrets.redact_named(name, value)
            for name, value in tags.items()
        }
    if edit.deleted is not None:
        entries["deleted"] = edit.deleted
    lines = ",\n".join(f"  {to_json(key)}: {to_json(value)}" for key, value in entries.items())
    _recent.pop(folder, None)
    return files.write_new(folder / name, f"{{\n{lines}\n}}\n".encode())


def read(folder: Path, names: Iterable[str] | None = None, *, tree: Tree = DISK) -> Edits:
    """Read and join the edits of a folder.

    `names` are its file names where the caller has listed them.
    """
    listed = names if names is not None else _names(folder, tree)
    found = paths.edits_among(listed)
    edits: list[tuple[int, str, Edit]] = []
    problems: list[Problem] = []
    for name in found:
        path = folder / name
        try:
            edit = _from_json(tree.read_json(path))
            edits.append((edit.time, name, edit))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(Problem(Path(tree.place(path)), error.strerror or str(error)))
        except ValueError as error:
            problems.append(Problem(Path(tree.place(path)), str(error)))
    return Edits(
        _join(edit for _, _, edit in sorted(edits, key=lambda item: item[:2])), tuple(problems)
    )


def read_recent(folder: Path) -> Edits:
    """Read and join the edits of an experiment on disk, unless that was done a moment ago.

    Beside them lie all its runs, and to list those takes longer than to begin another. A change of
    the folder is seen at once, by its time; on file systems whose time is coarse in two seconds.
    """
    now, known = time.monotonic(), _recent.get(folder)
    changed = _changed(folder)
    if known and known.changed == changed and now - known.read < _RECENT_SECONDS:
        return known.edits
    found = read(folder)
    if changed is not None:
        _recent.clear()
        _recent[folder] = _Recent(found, now, changed)
    return found


def forget_recent() -> None:
    """Read the edits of every experiment anew."""
    _recent.clear()


@contextmanager
def kept(folder: Path) -> Iterator[None]:
    """Change a folder in the block, and none of its edits."""
    before = _changed(folder)
    yield
    known, after = _recent.get(folder), _changed(folder)
    if known and known.changed == before and after is not None:
        _recent[folder] = known._replace(changed=after)


def _changed(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - thrice for every run
    except OSError:
        return None


def _names(folder: Path, tree: Tree) -> list[str]:
    try:
        return tree.names(folder)
    except OSError:
        return []


def _join(edits: Iterable[Edit]) -> Edit:
    joined: dict[str, Any] = {}
    tags: dict[str, str | None] = {}
    for edit in edits:
        tags.update(edit.tags)
        for key in ("time", "user", "name", "note", "deleted"):
            if (value := getattr(edit, key)) is not None:
                joined[key] = value
    return Edit(tags=tags, **joined)


def _from_json(data: Mapping[str, Any]) -> Edit:
    if data.get("format") != FORMAT:
        raise ValueError(f"'format' is {data.get('format')!r}, not {FORMAT}")
    tags = data.get("tags", {})
    if not isinstance(tags, Mapping) or any(
        not isinstance(value, (str, type(None))) for value in tags.values()
    ):
        raise ValueError("'tags' is not an object of texts")
    for key in ("user", "name", "note"):
        if not isinstance(data.get(key), (str, type(None))):
            raise ValueError(f"{key!r} is not text")
    if not isinstance(data.get("deleted"), (bool, type(None))):
        raise ValueError("'deleted' is neither true nor false")
    return Edit(
        time=parse_time(data.get("time")),
        user=data.get("user"),
        name=data.get("name"),
        note=data.get("note"),
        tags=tags,
        deleted=data.get("deleted"),
    )
