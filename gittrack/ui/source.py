"""The runs of a store, kept in memory, and what changed since a page last asked."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gittrack import paths
from gittrack.errors import GittrackError, NotFoundError, RunBeingMadeError
from gittrack.files import Problem
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.record import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gittrack.runs.store import Experiment, Store

# How long a look at the disk is good for: several pages ask at once.
_FRESH_SECONDS = 0.5
# A folder that was just changed may change again within the same tick of its clock.
_SETTLED_NS = 2_000_000_000


class Changes(NamedTuple):
    """The runs that changed after a version, the ids of those that are gone, and the version."""

    version: int
    runs: list[StoredRun]
    removed: list[str]


@dataclass
class _Known:
    """A run folder as last read, by what tells whether it changed since."""

    stamp: int
    gone: bool
    run: StoredRun | None = None
    problems: tuple[Problem, ...] = ()
    state: str = ""
    sizes: str = ""
    version: int = 0

    def is_as_it_was(self, folder: str, stamp: int, *, gone: bool) -> bool:
        if (self.stamp, self.gone) != (stamp, gone):
            return False
        if self.run is None or self.run.record.status in ENDED:
            return True
        return (self.sizes, self.state) == (_sizes(folder), self.run.state())

    def shows_the_same_as(self, other: _Known) -> bool:
        return (self.run, self.state, self.problems) == (other.run, other.state, other.problems)


class Runs(ABC):
    """The runs of one store that the pages show."""

    store: Store
    experiments: list[Experiment]

    @abstractmethod
    def changes(self, since: int = 0) -> Changes:
        """Return what changed after a version; with 0, everything there is."""

    @abstractmethod
    def problems(self) -> list[Problem]:
        """Return what could not be read."""

    def state(self, run: StoredRun) -> str:
        """Return a run's state, as of the last look at the disk."""
        return run.state()

    def all(self) -> list[StoredRun]:
        """Return all runs, deleted ones too, the newest first."""
        return newest_first(self.changes().runs)

    def by_id(self) -> dict[str, StoredRun]:
        """Return all runs by their ids."""
        return {run.run_id: run for run in self.changes().runs}

    def find(self, run_id: str) -> StoredRun:
        """Return the run of exactly this id.

        Raises:
            NotFoundError: there is none.
        """
        for run in self.changes().runs:
            if run.run_id == run_id:
                return run
        raise NotFoundError(f"no run {run_id!r} in {self.store.place}")


class RevisionRuns(Runs):
    """The runs as a revision holds them, which never change."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.experiments = store.experiments(deleted=True)
        everything = [item.experiment_id for item in self.experiments]
        self._runs, self._problems = store.runs(everything, deleted=True)

    def changes(self, since: int = 0) -> Changes:
        """Return everything, or nothing to a page that has it."""
        return Changes(1, [] if since else self._runs, [])

    def problems(self) -> list[Problem]:
        """Return what could not be read."""
        return self._problems


class LiveRuns(Runs):
    """The runs of the working tree. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.experiments = []
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._removed: list[tuple[int, str]] = []
        self._version = 0
        self._looked = -_FRESH_SECONDS

    def changes(self, since: int = 0) -> Changes:
        """Return what changed after a version; with 0, everything there is."""
        with self._lock:
            self._look()
            changed = [
                known.run
                for known in self._known.values()
                if known.run is not None and known.version > since
            ]
            removed = [run_id for version, run_id in self._removed if version > since]
            return Changes(self._version, changed, removed)

    def problems(self) -> list[Problem]:
        """Return what could not be read."""
        with self._lock:
            self._look()
            return [problem for known in self._known.values() for problem in known.problems]

    def state(self, run: StoredRun) -> str:
        """Return a run's state, as of the last look at the disk."""
        known = self._known.get(str(run.folder))
        return known.state if known is not None else run.state()

    def forget_age(self) -> None:
        """Look at the disk again when next asked, because something was just changed."""
        self._looked = -_FRESH_SECONDS

    def _look(self) -> None:
        if time.monotonic() - self._looked < _FRESH_SECONDS:
            return
        self.experiments = self.store.experiments(deleted=True)
        deleted = {item.experiment_id for item in self.experiments if item.deleted}
        version, there = self._version + 1, set[str]()
        changed = False
        for experiment in self.experiments:
            for folder, stamp in _run_folders(self.store.root / experiment.experiment_id):
                there.add(folder)
                gone = experiment.experiment_id in deleted
                changed |= self._look_at(folder, stamp, gone=gone, version=version)
        for folder in self._known.keys() - there:
            known = self._known.pop(folder)
            if known.run is not None:
                self._removed.append((version, known.run.run_id))
            changed = True
        self._version += changed
        self._looked = time.monotonic()

    def _look_at(self, folder: str, stamp: int, *, gone: bool, version: int) -> bool:
        """Read a run again if its folder changed; tell whether what it shows did."""
        known = self._known.get(folder)
        if known is not None and known.is_as_it_was(folder, stamp, gone=gone):
            return False
        read = self._known[folder] = _read(folder, stamp, gone=gone)
        if known is not None and read.shows_the_same_as(known):
            read.version = known.version
            return False
        read.version = version
        return True


def newest_first(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Return runs in the order of every list of them."""
    return sorted(runs, key=lambda run: (-run.record.start_time, run.run_id))


def _read(folder: str, stamp: int, *, gone: bool) -> _Known:
    settled = time.time_ns() - stamp > _SETTLED_NS
    known = _Known(stamp if settled else 0, gone, sizes=_sizes(folder))
    try:
        run = read_run(Path(folder))
    except RunBeingMadeError:
        return known
    except GittrackError as error:
        known.problems = (Problem(Path(folder), error.message, hint=error.hint),)
        return known
    known.run, known.problems = replace(run, deleted=run.deleted or gone), run.problems
    known.state = known.run.state()
    return known


def _run_folders(experiment: Path) -> list[tuple[str, int]]:
    """Return the run folders of an experiment, and when an entry of each was last made."""
    try:
        with os.scandir(experiment) as listed:
            return [
                (entry.path, entry.stat(follow_symlinks=False).st_mtime_ns)
                for entry in listed
                if paths.parse_run_folder(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _sizes(folder: str) -> str:
    """Return what tells that a running run has logged more."""
    try:
        with os.scandir(folder) as listed:
            return "".join(
                f"{entry.name}{entry.stat(follow_symlinks=False).st_size}"
                for entry in listed
                if paths.is_line_file(entry.name)
            )
    except OSError:
        return ""
