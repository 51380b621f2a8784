"""Runs in chunks: what can be searched of some hundred runs, column by column, and their stamps.

A stamp is what the system says of the folder and the files that a run was read from: as long as it
stays, so does the run.
"""

from __future__ import annotations

import json
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from gittrack import paths
from gittrack.files import Problem
from gittrack.runs.reading import read_run
from gittrack.runs.trees import DISK, Tree
from gittrack.search.fields import answer, answers
from gittrack.search.syntax import Key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from gittrack.runs.reading import StoredRun
    from gittrack.search.fields import Answer

SIZE = 256
# A change so soon after the last one may leave the times of a file as they are.
UNSURE_NS = 2_000_000_000

# What is wrong in a run that can be read, as [path in its folder, line, message, hint] each.
PROBLEMS = Key("attribute", "problems")
DELETED = Key("attribute", "deleted")

_STAMP = struct.Struct("<qqqQ")
_BY_DESCRIPTOR = os.stat in os.supports_dir_fd
_STANDING = (paths.RUN_JSON,)


class Entry(NamedTuple):
    """A run in a chunk: its folder, the files it was read from beside run.json, and their stamp.

    An empty stamp fits nothing.
    """

    name: str
    files: tuple[str, ...]
    stamp: bytes


class Chunk(NamedTuple):
    """Some runs of one experiment. `columns` are as `pack` makes them, {} where not loaded."""

    number: int
    experiment: str
    entries: list[Entry]
    columns: Mapping[Key, str]


class Row(NamedTuple):
    """One run, as it goes into a chunk."""

    entry: Entry
    answers: Mapping[Key, Answer]


class Folder:
    """The folder of an experiment, held open while its runs are looked at."""

    def __init__(self, path: Path, tree: Tree = DISK) -> None:
        self.path = path
        self.tree = tree
        opens = tree is DISK and _BY_DESCRIPTOR
        self._descriptor = os.open(path, os.O_RDONLY) if opens else None
        self._before = "" if opens else f"{path}{os.sep}"

    def close(self) -> None:
        """Let go of the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def stamp(self, name: str, files: Iterable[str]) -> bytes:
        """Return the stamp of a run's folder and files; b"" where one of them is not there."""
        before, descriptor = self._before, self._descriptor
        look, pack = os.stat, _STAMP.pack
        found = []
        try:
            for path in (name, *(f"{name}/{file}" for file in (*_STANDING, *files))):
                is_ = look(f"{before}{path}", dir_fd=descriptor, follow_symlinks=False)
                found.append(pack(is_.st_mtime_ns, is_.st_ctime_ns, is_.st_size, is_.st_ino))
        except (OSError, struct.error):
            return b""
        return b"".join(found)

    def holds(self, entry: Entry) -> bool:
        """Tell whether a run is still as it was when it was read."""
        return bool(entry.stamp) and self.stamp(entry.name, entry.files) == entry.stamp

    def read(self, name: str, *, now: int, only: Collection[Key] | None = None) -> Row:
        """Read a run and stamp it; `now` in ns since 1970. With `only`, no more, and no stamp.

        Raises:
            GittrackError: it cannot be read.
        """
        if only is not None:
            return Row(
                Entry(name, (), b""), _searchable(read_run(self.path / name, self.tree), only)
            )
        try:
            names = self.tree.names(self.path / name) if self.tree is DISK else []
        except OSError:
            names = []
        files = tuple(
            sorted(file for file in names if paths.is_line_file(file) or paths.is_edit(file))
        )
        stamp = self.stamp(name, files)
        run = read_run(self.path / name, self.tree)
        # Looked at before it was read: what changes meanwhile does not fit its stamp.
        return Row(Entry(name, files, b"" if _is_unsure(stamp, now) else stamp), _searchable(run))


def pack(rows: Iterable[Row]) -> tuple[list[Entry], dict[Key, str]]:
    """Return the runs of a chunk, and their columns as JSON: the places filled, and by what."""
    entries: list[Entry] = []
    filled: dict[Key, tuple[list[int], list[Answer]]] = {}
    for at, (entry, answered) in enumerate(rows):
        entries.append(entry)
        for key, value in answered.items():
            column = filled.get(key)
            if column is None:
                column = filled[key] = ([], [])
            column[0].append(at)
            column[1].append(value)
    encode = json.JSONEncoder(separators=(",", ":")).encode
    count = len(entries)
    return entries, {
        key: encode([None if len(at) == count else at, values])
        for key, (at, values) in filled.items()
    }


def unpack(text: str, *, count: int) -> list[Answer]:
    """Return a column of a chunk.

    Raises:
        ValueError: it was not made by `pack`.
    """
    at, values = json.loads(text)
    if at is None:
        column: list[Answer] = values
    else:
        column = [None] * count
        for place, value in zip(at, values, strict=True):
            column[place] = value
    if len(column) != count:
        raise ValueError("a column of another length")
    return column


def rows_of(chunk: Chunk) -> list[Row]:
    """Return the runs of a chunk whose columns are loaded."""
    answered: list[dict[Key, Answer]] = [{} for _ in chunk.entries]
    for key, text in chunk.columns.items():
        for found, value in zip(answered, unpack(text, count=len(answered)), strict=True):
            if value is not None:
                found[key] = value
    return [Row(entry, found) for entry, found in zip(chunk.entries, answered, strict=True)]


def problems_of(folder: Path, told: Answer) -> list[Problem]:
    """Return the problems of a run from what its chunk has under `PROBLEMS`."""
    listed = json.loads(told) if isinstance(told, str) else []
    return [Problem(folder / name, message, line, hint) for name, line, message, hint in listed]


def _searchable(run: StoredRun, only: Collection[Key] | None = None) -> dict[Key, Answer]:
    if only is None:
        found = answers(run)
    else:
        found = {key: value for key in only if (value := answer(run, key)) is not None}
    if run.deleted:
        found[DELETED] = 1
    if run.problems:
        told = [
            (os.path.relpath(item.path, run.folder), item.line, item.message, item.hint)
            for item in run.problems
        ]
        found[PROBLEMS] = json.dumps(told)
    return found


def _is_unsure(stamp: bytes, now: int) -> bool:
    times = [time for made, changed, *_ in _STAMP.iter_unpack(stamp) for time in (made, changed)]
    return not times or max(times) > now - UNSURE_NS
