"""The runs that are open in this process: a stack for each thread."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.entities import Run, RunData, RunInfo, RunInputs, info_of, run_of
from gittrack.errors import InvalidValueError, NotFoundError, RunStateError, StoreError
from gittrack.runs.forgiving import warn
from gittrack.runs.reading import NAME_TAG, NOTE_TAG, read_run
from gittrack.runs.record import FINISHED
from gittrack.runs.store import Experiment, Store
from gittrack.runs.writer import RunWriter, check_end
from gittrack.tracking import spare, system
from gittrack.tracking.ending import Hooks, status_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class ActiveRun(Run):
    """A run that is open in this process; as a context manager it ends with the block.

    What was logged is read from the disk each time, so that it is never stale.
    """

    def __init__(self, writer: RunWriter) -> None:
        object.__setattr__(self, "writer", writer)

    writer: RunWriter

    @property
    def info(self) -> RunInfo:
        """What identifies the run and how it stands."""
        return info_of(self.writer.record, self.writer.folder)

    @property
    def data(self) -> RunData:
        """What was logged so far."""
        return self._read().data

    @property
    def inputs(self) -> RunInputs:
        """The datasets that it read."""
        return self._read().inputs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _state.close(self.writer, status_of(error, value))

    def _read(self) -> Run:
        return run_of(read_run(self.writer.folder), whole=True)


class _Stack(threading.local):
    """The open runs of one thread, innermost last."""

    def __init__(self) -> None:
        self.runs: list[ActiveRun] = []


class _State:
    """All that the fluent API remembers between two calls."""

    def __init__(self) -> None:
        self.local = _Stack()
        self.open: dict[str, ActiveRun] = {}
        self.experiment: str | None = None
        self.store: Path | None = None
        self.joined: str | None = None
        self.last: RunWriter | None = None
        self.lock = threading.RLock()
        self.hanging = threading.RLock()  # held for a moment only: a signal's handler waits for it
        self.hooks = Hooks(self.close_all)

    @property
    def stack(self) -> list[ActiveRun]:
        """The open runs of this thread, innermost last."""
        stack = self.local.runs
        stack[:] = [run for run in stack if run.writer.run_id in self.open]
        return stack

    def push(self, writer: RunWriter) -> ActiveRun:
        """Make a run the active one of this thread."""
        run = ActiveRun(writer)
        self.stack.append(run)
        self.last = writer
        with self.hanging:
            self.open[writer.run_id] = run
            self.hooks.hang()
        return run

    def close(self, writer: RunWriter, status: str, *, time: int | None = None) -> None:
        """End a run, where it is still open; one whose new status is wrong stays open."""
        check_end(status)
        self.local.runs = [run for run in self.stack if run.writer is not writer]
        # One step, so that threads which open and close runs at the same time lose none.
        if self.open.pop(writer.run_id, None) is not None and writer.pid == os.getpid():
            writer.end(status, time=time)
        with self.hanging:
            if not self.open:
                self.hooks.take_down()

    def close_all(self, status: str) -> None:
        """End every open run of this process, innermost first."""
        for run in reversed(list(self.open.values())):
            # The end of a process that only joined a run is seen, and judged, by who started it.
            self.close(run.writer, status if run.writer.owns else FINISHED)


_state = _State()


def _after_fork() -> None:
    # Another thread may have held them, and that thread is not in the child.
    _state.lock, _state.hanging = threading.RLock(), threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def open_store() -> Store:
    """Return the store that calls without a run go to."""
    return Store(_state.store) if _state.store is not None else Store.open()


def current() -> RunWriter | None:
    """Return the active run.

    This thread's innermost, else the only one that is open in the process.
    """
    runs = _state.local.runs
    if runs and (writer := runs[-1].writer).open:
        return writer
    if stack := _state.stack:
        return stack[-1].writer
    others = list(_state.open.values())
    return others[0].writer if len(others) == 1 else None


def current_or_new() -> RunWriter:
    """Return the active run; where there is none, start one that ends with the process.

    Raises:
        RunStateError: it was deleted meanwhile.
    """
    runs = _state.local.runs
    if runs and (innermost := runs[-1].writer).open and not innermost.deleted:
        return innermost
    writer = current()
    if writer is None:
        with _state.lock:  # of several threads that begin at once, one starts the run for all
            writer = current() or start_run().writer
    if writer.deleted:
        raise deleted_error(writer.run_id)
    return writer


def deleted_error(run_id: str) -> RunStateError:
    """Return the error of a change to a deleted run."""
    return RunStateError(
        f"The run {run_id} must be in the 'active' state. Current state is deleted.",
        hint=f"bring it back first: MlflowClient().restore_run({run_id!r})",
    )


def last_writer() -> RunWriter | None:
    """Return the active run, else the one that was active last in this process."""
    return current() or _state.last


def set_tracking_uri(uri: str | Path) -> None:
    """Make a folder the store of this process: a path or a `file:` URI.

    "" goes back to the nearest `mlruns`.

    Raises:
        UsageError: the URI names a server or a database.
    """
    _state.store = settings.local_path(str(uri)) if str(uri) else None


def get_tracking_uri() -> str:
    """Return the `file:` URI of the store."""
    return open_store().root.as_uri()


def is_tracking_uri_set() -> bool:
    """Tell whether a store was named by `set_tracking_uri` or `GITTRACK_DIR`."""
    return _state.store is not None or settings.variable(settings.DIR) is not None


def choose_experiment(name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Return the experiment of that name, made where it is missing, or of that id.

    It becomes the process's own.

    Raises:
        InvalidValueError: not exactly one of both is given, or the name cannot be used.
        NotFoundError: there is no experiment of that id.
        RunStateError: it is deleted.
    """
    if (name is None) == (experiment_id is None):
        raise InvalidValueError(
            "Must specify exactly one of: `experiment_id` or `experiment_name`."
        )
    store = open_store()
    if experiment_id is not None:
        found = store.experiment(str(experiment_id), ids_first=True)
    else:
        found = store.create_experiment(str(name))
    _check_not_deleted(found)
    _state.experiment = found.experiment_id
    return found


def experiment_name(store: Store) -> str:
    """Return the name of the experiment that a run started now goes to; it may not exist yet.

    That of the innermost active run, else what `set_experiment` chose, else what the environment
    names, else Default.

    Raises:
        RunStateError: it is deleted.
    """
    chosen = _chosen_experiment(store)
    return chosen if isinstance(chosen, str) else chosen.name


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, object] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or resume the one of `run_id`, and make it the active one of this thread.

    Without `run_id`, the first run of a process that `gittrack run` started joins the run that was
    made for it.

    Args:
        nested: allow it inside an active run, which becomes its parent.
        parent_run_id: the parent, where it is another.
        description: free text about the run.
        log_system_metrics: record how busy the machine is meanwhile; default: what
            `enable_system_metrics_logging` or the environment says.

    Raises:
        RunStateError: a run is active and `nested` is false, or the run to resume is deleted.
        NotFoundError: there is no run or experiment of that id.
        MissingPackageError: system metrics are asked for, and psutil is not installed.
    """
    active = _state.stack[-1].writer if _state.stack else None
    if active is not None and not nested:
        raise RunStateError(
            f"Run with UUID {active.run_id} is already active. To start a new run, first end the "
            "current run with end_run(). To start a nested run, call start_run with nested=True"
        )
    record_system = system.wanted(log_system_metrics)
    if run_id:
        writer = _resume(str(run_id), experiment_id, run_name)
    else:
        joined = None if active else _join(experiment_id, run_name)
        writer = joined or _create(experiment_id, run_name, active, parent_run_id)
    if record_system:
        system.record(writer)
    if extra := _opening_tags(tags, description):
        writer.set_tags(extra)
    return _state.push(writer)


def end_run(status: str = FINISHED) -> None:
    """End this thread's active run, if there is one, with FINISHED, FAILED or KILLED."""
    active = active_run()
    if active is not None:
        _state.close(active.writer, status)


def active_run() -> ActiveRun | None:
    """Return the active run of this thread, or None."""
    return _state.stack[-1] if _state.stack else None


def _opening_tags(tags: Mapping[str, object] | None, description: str | None) -> dict[str, str]:
    opening = {str(name): str(value) for name, value in (tags or {}).items()}
    return {**opening, NOTE_TAG: description} if description else opening


def _join(experiment_id: str | None, run_name: str | None) -> RunWriter | None:
    """Join the run that was made for this process, once; None where there is none."""
    with _state.lock:
        named = settings.variable(settings.RUN_ID)
        if not named or named == _state.joined:
            return None
        try:
            writer = _resume(named, experiment_id, run_name)
        except NotFoundError as error:
            warn(f"{error.message}; what is logged here becomes a run of its own")
            writer = None
        _state.joined = named
        return writer


def _resume(run_id: str, experiment_id: str | None, run_name: str | None) -> RunWriter:
    store = open_store()
    stored = read_run(store.folder_of(run_id))
    if stored.run_id in _state.open:
        raise RunStateError(f"Run with UUID {stored.run_id} is already active.")
    if experiment_id is not None and str(experiment_id) != stored.experiment_id:
        raise InvalidValueError(
            f"Cannot start run with ID {run_id}: it is in experiment {stored.experiment_id!r}, "
            f"not in {experiment_id!r}",
            hint="leave experiment_id out",
        )
    writer = RunWriter.join(store, stored.run_id)
    if run_name:
        writer.set_tags({NAME_TAG: str(run_name)})
    return writer


def _create(
    experiment_id: str | None, name: str | None, active: RunWriter | None, parent: str | None
) -> RunWriter:
    run_name = str(name) if name else None
    try:
        store = Store(active.store.root) if active else open_store()
        if experiment_id is not None:
            experiment = _check_not_deleted(store.experiment(str(experiment_id), ids_first=True))
        else:
            chosen = _chosen_experiment(store)
            experiment = store.create_experiment(chosen) if isinstance(chosen, str) else chosen
        if parent is not None:
            parent = store.find(str(parent)).run_id
        elif active is not None:
            parent = active.run_id
        return RunWriter.create(store, experiment, name=run_name, parent=parent)
    except StoreError as error:
        return spare.create(run_name, error)


def _chosen_experiment(store: Store) -> Experiment | str:
    """Return the experiment of a run that starts now, or the name of one that is to be made."""
    active = current()
    same_store = active is not None and active.store.root == store.root
    chosen = active.experiment_id if active is not None and same_store else _state.experiment
    found = store.find_experiment(chosen, ids_first=True) if chosen is not None else None
    if found is None:
        named = settings.variable(settings.EXPERIMENT_NAME)
        found = store.find_experiment(named) if named else store.experiment("0")
        if found is None:
            return str(named)
    return _check_not_deleted(found)


def _check_not_deleted(experiment: Experiment) -> Experiment:
    if experiment.deleted:
        raise RunStateError(
            f"Cannot set a deleted experiment {experiment.name!r} as the active experiment.",
            hint="restore it first, or choose another name",
        )
    return experiment
