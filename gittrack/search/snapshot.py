"""All runs of some experiments as they are now, by columns: from the index where it is fresh."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gittrack import paths
from gittrack.errors import GittrackError, RunBeingMadeError
from gittrack.files import Problem
from gittrack.runs.trees import DISK
from gittrack.search import index
from gittrack.search.chunks import (
    DELETED,
    PROBLEMS,
    SIZE,
    Chunk,
    Folder,
    Row,
    pack,
    problems_of,
    rows_of,
    unpack,
)
from gittrack.search.syntax import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from gittrack.runs.store import Store
    from gittrack.search.fields import Answer

_Found = TypeVar("_Found")


class Snapshot:
    """The runs of some experiments, in no order; a run is named by its place in the columns."""

    def __init__(self, root: Path, chunks: Sequence[Chunk], source: index.Index | None) -> None:
        self.root = root
        self._chunks = chunks
        self._source = source
        self._columns: dict[Key, list[Answer]] = {}

    def __len__(self) -> int:
        return sum(len(chunk.entries) for chunk in self._chunks)

    def folders(self) -> list[str]:
        """Return the path of every run's folder."""
        return list(self._paths())

    def column(self, key: Key) -> list[Answer]:
        """Return what every run has under a key."""
        if key not in self._columns:
            self._columns[key] = self._place_column(key) or self._stored_column(key)
        return self._columns[key]

    def keys(self) -> set[Key]:
        """Return the keys that any run has something under."""
        stored = self._source.keys() if self._source else {}
        found: set[Key] = set()
        for chunk in self._chunks:
            found.update(chunk.columns or stored.get(chunk.number, ()))
        return found

    def problems(self) -> list[Problem]:
        """Return what is wrong in the runs that could be read."""
        column = self.column(PROBLEMS)
        if not any(column):
            return []
        return [
            problem
            for folder, answer in zip(self.folders(), column, strict=True)
            for problem in problems_of(Path(folder), answer)
        ]

    def deleted(self) -> list[bool]:
        """Return of every run whether it was deleted by itself."""
        return [answer is not None for answer in self.column(DELETED)]

    def _paths(self) -> Iterator[str]:
        for chunk in self._chunks:
            before = f"{self.root}{os.sep}{chunk.experiment}{os.sep}"
            yield from (f"{before}{entry.name}" for entry in chunk.entries)

    def _place_column(self, key: Key) -> list[Answer]:
        if key == Key("attribute", "experiment_id"):
            return [chunk.experiment for chunk in self._chunks for _ in chunk.entries]
        if key == Key("attribute", "artifact_uri"):
            return [Path(path, paths.ARTIFACTS).as_uri() for path in self._paths()]
        return []

    def _stored_column(self, key: Key) -> list[Answer]:
        stored = self._source.column(key) if self._source else {}
        column: list[Answer] = []
        for chunk in self._chunks:
            count = len(chunk.entries)
            text = chunk.columns.get(key) if chunk.columns else stored.get(chunk.number)
            column += [None] * count if text is None else unpack(text, count=count)
        return column


def look(
    store: Store,
    use: Callable[[Snapshot], _Found],
    *,
    experiments: Iterable[str],
    problems: list[Problem],
    keys: Collection[Key] | None = None,
) -> _Found:
    """Return what `use` finds in a snapshot; what could not be read is added to `problems`.

    Args:
        experiments: their ids.
        keys: all that `use` asks for, so that no more is looked up where there is no index.
    """
    chosen = list(dict.fromkeys(experiments))
    if store.tree is DISK:
        with suppress(sqlite3.Error), index.opened(store.root) as source:
            refresh = _Refresh(store, source)
            found = refresh.use(chosen, use)
            problems += refresh.problems
            with suppress(sqlite3.OperationalError):  # another does the same, or it may not be
                refresh.save()
            return found
    refresh = _Refresh(store, None, keys)
    found = refresh.use(chosen, use)
    problems += refresh.problems
    return found


class _Refresh:
    """What becomes of the chunks of an index when the runs are looked at again."""

    def __init__(
        self, store: Store, source: index.Index | None, only: Collection[Key] | None = None
    ) -> None:
        self._only = only
        self.problems: list[Problem] = []
        self._store = store
        self._source = source
        self._new: list[Chunk] = []
        self._gone: list[int] = []

    def use(self, experiments: Sequence[str], use: Callable[[Snapshot], _Found]) -> _Found:
        """Return what `use` finds among the runs of experiments, and collect the problems."""
        snapshot = self._snapshot(experiments)
        found = use(snapshot)
        self.problems = sorted([*self.problems, *snapshot.problems()])
        return found

    def _snapshot(self, experiments: Sequence[str]) -> Snapshot:
        """Look at the runs, and read those that are not in the index as they are."""
        known: dict[str, list[Chunk]] = {}
        for chunk in self._source.chunks() if self._source else ():
            known.setdefault(chunk.experiment, []).append(chunk)
        chunks: list[Chunk] = []
        for experiment in experiments:
            try:
                chunks += self._experiment(experiment, known.get(experiment, ()))
            except (OSError, GittrackError) as error:
                self.problems.append(_unreadable(self._store.root / experiment, error))
        for experiment in known.keys() - set(experiments):
            if not (self._store.root / experiment).is_dir():
                self._gone += [chunk.number for chunk in known[experiment]]
        return Snapshot(self._store.root, chunks, self._source)

    def save(self) -> None:
        """Bring the index up to date.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        if self._source and (self._new or self._gone):
            self._source.replace(self._gone, self._new)

    def _experiment(self, experiment: str, known: Iterable[Chunk]) -> list[Chunk]:
        now, names = time.time_ns(), self._store.run_names(experiment)
        if not names:
            self._gone += [chunk.number for chunk in known]
            return []
        there = set(names)
        fresh: list[Chunk] = []
        stale: list[tuple[Chunk, set[str]]] = []
        with closing(Folder(self._store.root / experiment, self._store.tree)) as folder:
            for chunk in known:
                current = {
                    entry.name
                    for entry in chunk.entries
                    if entry.name in there and folder.holds(entry)
                }
                there -= current
                if len(current) == len(chunk.entries):
                    fresh.append(chunk)
                else:
                    stale.append((chunk, current))
            changed = self._read(folder, (name for name in names if name in there), now)
            first = list(islice(changed, 1))
            if first:  # those that are not full take it up
                stale += [
                    (chunk, {entry.name for entry in chunk.entries})
                    for chunk in fresh
                    if len(chunk.entries) < SIZE
                ]
                fresh = [chunk for chunk in fresh if len(chunk.entries) == SIZE]
            rows = chain(self._kept(stale), first, changed)
            new = [Chunk(0, experiment, *pack(batch)) for batch in _batches(rows)]
        self._new += new
        self._gone += [chunk.number for chunk, _ in stale]
        return fresh + new

    def _kept(self, stale: Iterable[tuple[Chunk, set[str]]]) -> Iterator[Row]:
        for chunk, current in stale:
            columns = self._source.columns(chunk.number) if self._source else {}
            yield from (
                row for row in rows_of(chunk._replace(columns=columns)) if row.entry.name in current
            )

    def _read(self, folder: Folder, names: Iterable[str], now: int) -> Iterator[Row]:
        for name in names:
            try:
                yield folder.read(name, now=now, only=self._only)
            except RunBeingMadeError:
                continue
            except GittrackError as error:
                self.problems.append(_unreadable(folder.path / name, error))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while batch := list(islice(source, SIZE)):
        yield batch


def _unreadable(path: Path, error: OSError | GittrackError) -> Problem:
    if isinstance(error, GittrackError):
        return Problem(path, error.message, hint=error.hint)
    return Problem(path, f"cannot read {path}: {error.strerror or error}", hint="check its rights")
