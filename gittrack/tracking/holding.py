"""Runs that this process writes to although none of them is its active one.

What `MlflowClient` and the argument `run_id` log to. A run that the client made is owned until it
is ended; to any other only a further line file is appended. Opening one for each call would make a
file for each call, so they stay open.
"""

from __future__ import annotations

import atexit
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gittrack.errors import RunStateError
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.writer import RunWriter
from gittrack.tracking import active

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gittrack.runs.store import Experiment, Store

MOST_APPENDED = 64


class RunOperations:
    """What a call with `synchronous=False` gives; by then all is written."""

    def wait(self) -> None:
        """Return at once."""


def operations(synchronous: bool | None) -> RunOperations | None:
    """Return what a call gives that was asked not to wait, else None."""
    return RunOperations() if synchronous is False else None


class Held:
    """The writers that are open beside the active runs."""

    def __init__(self) -> None:
        self._writers: dict[tuple[Path, str], RunWriter] = {}
        self._at_exit = False

    def find(self, store: Store, run_id: str) -> RunWriter | None:
        """Return the writer of a run that is held."""
        return self._writers.get((store.root, run_id))

    def append_to(self, store: Store, run_id: str) -> RunWriter:
        """Open a run to append to it.

        Raises:
            NotFoundError: there is no run of that id.
            RunStateError: it is deleted.
        """
        stored_active(store, run_id)
        return self.keep(RunWriter.join(store, run_id, own=False))

    def keep(self, writer: RunWriter) -> RunWriter:
        """Hold a writer until it is dropped or the process ends."""
        if not self._at_exit:
            self._at_exit = True
            atexit.register(self.leave_all)
        kept = self._writers.setdefault((writer.store.root, writer.run_id), writer)
        if kept is not writer:
            writer.leave()
        appended = [held for held in list(self._writers.values()) if not held.owns]
        for oldest in appended[:-MOST_APPENDED]:  # each holds a file descriptor
            self.drop(oldest)
            oldest.leave()
        return kept

    def drop(self, writer: RunWriter) -> None:
        """Forget a writer."""
        if self._writers.get((writer.store.root, writer.run_id)) is writer:
            del self._writers[writer.store.root, writer.run_id]

    def leave_all(self) -> None:
        """Let go of all runs; those that were not ended are found as interrupted."""
        for writer in list(self._writers.values()):
            if writer.pid == os.getpid():
                writer.leave()
        self._writers.clear()


def stored_active(store: Store, run_id: str) -> StoredRun:
    """Return a run that may be changed, by its exact id.

    Raises:
        NotFoundError: there is no run of that id.
        RunStateError: it, or its experiment, is deleted.
    """
    stored = read_run(store.folder_of(run_id))
    if stored.deleted:
        raise active.deleted_error(run_id)
    check_experiment(store.experiment(stored.experiment_id, ids_first=True))
    return stored


def check_experiment(experiment: Experiment) -> Experiment:
    """Return an experiment that may be changed.

    Raises:
        RunStateError: it is deleted.
    """
    if experiment.deleted:
        found = experiment.experiment_id
        raise RunStateError(
            f"The experiment {found} must be in the 'active' state. Current state is deleted.",
            hint=f"bring it back first: MlflowClient().restore_experiment({found!r})",
        )
    return experiment


held = Held()


def open_writer(store: Store, run_id: str) -> RunWriter | None:
    """Return the writer of a run that this process has open, active or not."""
    run = active._state.open.get(run_id)
    if run is not None and run.writer.store.root == store.root:
        return run.writer
    return held.find(store, run_id)


def writer_for(store: Store, run_id: str) -> RunWriter:
    """Return the writer of a run; one that this process has not open is opened to append to it.

    Raises:
        NotFoundError: there is no run of that id.
        RunStateError: it is deleted.
    """
    writer = open_writer(store, run_id) or held.append_to(store, run_id)
    if writer.deleted:
        raise active.deleted_error(run_id)
    return writer


@contextmanager
def writer_of(run_id: str | None) -> Iterator[RunWriter]:
    """Give the writer of a run: the active one's without an id; see `writer_for`."""
    if run_id is None:
        yield active.current_or_new()
        return
    opened = active._state.open.get(run_id)
    store = opened.writer.store if opened is not None else active.open_store()
    yield writer_for(store, run_id)


def is_active(writer: RunWriter) -> bool:
    """Tell whether a run is among the active ones of any thread."""
    return writer.run_id in active._state.open


def end_writer(writer: RunWriter, status: str, *, time: int | None = None) -> None:
    """End a run that this process has open, active or not."""
    if is_active(writer):
        active._state.close(writer, status, time=time)
    else:
        held.drop(writer)
        writer.end(status, time=time)
