"""The run that this process writes: one owner of `run.json`, one line file a process.

The process that holds the run's mark owns its `run.json`; any other that joins it only appends
lines.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from gittrack import paths, settings
from gittrack.errors import GittrackError, RunStateError
from gittrack.runs import lines, provenance
from gittrack.runs.forgiving import Warner
from gittrack.runs.keeping import Keeper
from gittrack.runs.logbook import Logbook, now_ms
from gittrack.runs.opening import new_record, own_folder, take_mark
from gittrack.runs.reading import read_run
from gittrack.runs.record import ENDED, FINISHED, RUNNING, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gittrack.runs.live import Mark
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Experiment, Store
    from gittrack.runs.values import ParamValue

WRITE_EVERY_MS = 2000

_open_writers: weakref.WeakSet[RunWriter] = weakref.WeakSet()


class RunWriter:
    """An open run of this process. Make one with `create`, or open an existing run with `join`.

    Attributes:
        log_metric: `Logbook.log_metric`, without a step in between.
        log_metrics: `Logbook.log_metrics`, likewise.
        artifacts: the folder of the run's artifacts; it may not exist yet.
        deleted: whether it was deleted meanwhile.
        companions: what is called before it is ended or left.
        warner: what turns the loss of a file of the run into a warning and a word in its record.
    """

    def __init__(self, store: Store, folder: Path, record: RunRecord, mark: Mark | None) -> None:
        self.store = store
        self.folder = folder
        self.artifacts = folder / paths.ARTIFACTS
        self.run_id = record.run_id
        self.name = record.name
        self.experiment_id = folder.parent.name
        self.status = RUNNING
        self.open = True
        self.deleted = False
        self.companions: list[Callable[[], None]] = []
        self.pid = os.getpid()
        self._mark = mark
        self.warner = Warner(record.run_id, folder)
        self._keeper = Keeper(store, folder, record, self.warner)
        self._book = Logbook(folder, self.warner, self._look_after)
        self.log_metric = self._book.log_metric
        self.log_metrics = self._book.log_metrics
        self._opened = self._written = now_ms()
        _open_writers.add(self)
        if mark is not None:
            mark.keep_touching()

    @classmethod
    def create(
        cls,
        store: Store,
        experiment: Experiment,
        *,
        name: str | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
        parent: str | None = None,
        source: Mapping[str, object] | None = None,
        code: Path | None = None,
    ) -> RunWriter:
        """Make a run in an experiment, RUNNING, owned by this process.

        Args:
            source: the entry `source` of its record; default: this process's command line.
            code: the folder whose Git state is recorded; default: that of the running script.

        Raises:
            StoreError: the tree cannot be written.
        """
        code = code or provenance.code_folder()
        provenance.check_clean(code, store.root)
        store.prepare()
        start = now_ms()
        source = source or provenance.script_source(code)
        with own_folder(store, experiment, start) as (run_id, folder, mark):
            record = new_record(run_id, start, name, experiment, source=source)
            writer = cls(store, folder, record.replaced(parent=parent), mark)
            writer._keeper.begin(code, params=params or {}, tags=tags or {})
            writer._keeper.write(writer._book)
        return writer

    @classmethod
    def join(cls, store: Store, run_id: str, *, own: bool = True) -> RunWriter:
        """Open an existing run: as its owner where `own` and no process holds it.

        Else only to append to it.

        Raises:
            NotFoundError: there is no run of that id.
            RunStateError: it is deleted.
        """
        folder = store.folder_of(run_id)
        written, stored = _written(folder), _joinable(folder)
        # Only the first of several ranks may own the run; the others just append to it.
        mark = take_mark(store, run_id) if own and not settings.rank() else None
        if mark is not None and _written(folder) != written:  # by who held it, before it ended
            try:
                stored = _joinable(folder)
            except GittrackError:
                mark.forget()
                raise
        writer = cls(store, folder, stored.record, mark)
        if mark is not None:
            keeper = writer._keeper
            keeper.earlier = {path.name: lines.fold_file(path) for path in lines.line_files(folder)}
            keeper.record = stored.record.replaced(status=RUNNING, end_time=None)
            keeper.write(writer._book)
        return writer

    @property
    def record(self) -> RunRecord:
        """The record less what was logged since the run was opened."""
        return self._keeper.record

    @property
    def owns(self) -> bool:
        """Whether this process writes the run's `run.json`."""
        return self._mark is not None

    def log_params(self, params: Mapping[str, object]) -> None:
        """Append one line of params; each is kept as `values.param_value` gives it."""
        with self._book.lock:
            self._book.enter("params", self._keeper.safe_params(params))

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Append one line of tags; None removes one."""
        with self._book.lock:
            self._book.enter("tags", self._keeper.safe_tags(tags))

    def add_input(self, entry: Mapping[str, Any]) -> None:
        """Append one line of a dataset that the run read: `{"name", "digest", "context" ...}`."""
        with self._book.lock:
            self._book.enter("inputs", [self._keeper.safe_input(entry)])

    def find_param(self, name: str) -> tuple[bool, ParamValue]:
        """Tell whether a param was logged, and its value, as far as this process knows."""
        with self._book.lock:
            if name in self._keeper.record.params:
                return True, self._keeper.record.params[name]
            for fold in (*self._keeper.earlier.values(), self._book.fold):
                if name in fold.params:
                    return True, fold.params[name][1]
        return False, None

    def wait_for_provenance(self) -> None:
        """Wait until the state of the code is recorded, before something changes it."""
        with self._book.lock, self.warner.forgive(paths.RUN_JSON):
            self._keeper.wait_for_capture()
        self.write()

    def write(self) -> None:
        """Write `run.json` as it is now; a process that does not own it only tells its losses."""
        with self._book.lock, self.warner.forgive(paths.RUN_JSON):
            self._written = now_ms()
            if self._mark is not None:
                self._keeper.write(self._book)
            else:
                self._book.tell()

    def amend(self, **changes: Any) -> None:
        """Change fields of the record that only its owner knows, such as when it began."""
        with self._book.lock:
            self._keeper.record = self._keeper.record.replaced(**changes)
            self.write()

    def leave(self, *, handed_over: bool = False) -> None:
        """Let go of the run without ending it; whoever opens it next may own it.

        Args:
            handed_over: remove the mark, since that it has no process now is no accident.
        """
        self._dismiss()
        with self._book.lock:
            self.open = False
            if self._mark is not None:
                self.wait_for_provenance()
                if handed_over:
                    self._mark.release()
                self._mark.forget()
                self._mark = None
            else:
                self._book.tell()
            self._book.close()
            _open_writers.discard(self)

    def end(self, status: str = FINISHED, *, time: int | None = None) -> None:
        """End the run: every line file folded, `run.json` written, the mark removed.

        A process that only joined the run leaves the end to its owner, and tells it of a status
        other than FINISHED.

        Args:
            time: when it ended, in ms since 1970 UTC; default: now.

        Raises:
            RunStateError: no run ends with that status.
        """
        check_end(status)
        self._dismiss()
        now = now_ms() if time is None else time
        with self._book.lock:
            self.status, self.open = status, False
            self._book.check()
            if self._mark is None:
                self._book.tell()
                if status != FINISHED:
                    self._book.enter("status", status)
            mark, self._mark = self._mark, None  # nobody writes the record after its end
            if mark is not None:
                with self.warner.forgive(paths.RUN_JSON):
                    self.status = self._keeper.finish(
                        status, self._book, opened=self._opened, now=now
                    )
                    mark.release()
                mark.forget()  # where the end could not be written, the mark is left to tell of it
            self._book.close()
            _open_writers.discard(self)

    def _dismiss(self) -> None:
        while self.companions:
            self.companions.pop()()

    def _look_after(self, now: int) -> None:
        """See every second that the files are there, every other that the record is fresh."""
        if self._book.check():
            self.warner.warn(
                f"{self.folder} was removed meanwhile; what was logged is written again"
            )
            with self.warner.forgive(paths.RUN_JSON):
                self._keeper.restore()
            self.write()
            if self._mark is not None:
                self._mark.touch()
        elif now - self._written > WRITE_EVERY_MS:
            self.write()


def _joinable(folder: Path) -> StoredRun:
    stored = read_run(folder)
    if stored.deleted:
        raise RunStateError(
            f"Cannot start run with ID {stored.run_id} because it is in the deleted state.",
            hint=f"bring it back first: gittrack.restore_run({stored.run_id!r})",
        )
    return stored


def _written(folder: Path) -> tuple[int, int, int]:
    """Return what is another where the record in a folder was written again."""
    try:
        stat = (folder / paths.RUN_JSON).stat()
    except OSError:
        return 0, 0, 0
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def check_end(status: str) -> None:
    """Refuse what is no status that a run ends with.

    Raises:
        RunStateError: it is none.
    """
    if status not in ENDED:
        raise RunStateError(
            f"{status!r} is no status that a run ends with", hint=f"use {', '.join(ENDED)}"
        )


def adrift(store: Store, experiment: Experiment, *, name: str | None = None) -> RunWriter:
    """Return a run whose record could not be made: each call says once what is lost."""
    record = new_record(paths.new_run_id(), now_ms(), name, experiment, source={})
    folder = paths.run_folder_name(record.run_id, record.start_time)
    return RunWriter(store, store.root / experiment.experiment_id / folder, record, None)


def _after_fork() -> None:
    # The child of a fork shares nothing with its parent but what was written: own line file, no
    # ownership.
    for writer in list(_open_writers):
        writer.companions.clear()
        writer._book.begin_anew()
        writer._keeper.give_up_capture()
        if writer._mark is not None:
            writer._mark.close()
            writer._mark = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
