"""The run that this process writes: one owner of `run.json`, one line file a process.

The process that holds the run's mark owns its `run.json`; any other that joins it only appends
lines.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from time import time_ns
from typing import TYPE_CHECKING, Any

from gittrack import paths, settings
from gittrack.errors import RunStateError, StoreError
from gittrack.runs import lines, live, provenance
from gittrack.runs.appending import LineWriter
from gittrack.runs.forgiving import Warner
from gittrack.runs.keeping import Keeper
from gittrack.runs.lines import FileFold, metric_line, metrics_line
from gittrack.runs.opening import keep_touching, make_folder, new_record, take_mark
from gittrack.runs.reading import read_run
from gittrack.runs.record import ENDED, FINISHED, RUNNING, RunRecord
from gittrack.runs.values import ParamValue, param_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.runs.store import Experiment, Store

WRITE_EVERY_MS = 2000
CHECK_EVERY_MS = 1000
MOST_WAITING = 2000

_open_writers: weakref.WeakSet[RunWriter] = weakref.WeakSet()


class RunWriter:
    """An open run of this process. Make one with `create`, or open an existing run with `join`."""

    def __init__(
        self, store: Store, folder: Path, record: RunRecord, mark: live.Mark | None
    ) -> None:
        self.store = store
        self.folder = folder
        self.run_id = record.run_id
        self.name = record.name
        self.experiment_id = folder.parent.name
        self.status = RUNNING
        self.open = True
        self.deleted = False
        self.pid = os.getpid()
        self._mark = mark
        self._warner = Warner(record.run_id)
        self._keeper = Keeper(store, folder, record, self._warner)
        self._lines = LineWriter(folder, rank=settings.rank())
        self._fold = FileFold()
        self._restored = 0
        self._lock = threading.RLock()
        self._opened = self._written = _now()
        self._due = self._opened + CHECK_EVERY_MS
        self._ended = threading.Event()
        _open_writers.add(self)
        if mark is not None:
            keep_touching(mark, self._ended)

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
        start = _now()
        run_id, folder = make_folder(store.root / experiment.experiment_id, start)
        source = source or provenance.script_source(code)
        record = new_record(run_id, start, name, experiment, source=source).replaced(parent=parent)
        try:
            writer = cls(store, folder, record, take_mark(store, run_id))
            writer._begin({"name": record.name, "params": params, "tags": tags}, code)
        except StoreError:
            with suppress(OSError):  # a folder without a record would be taken for a broken run
                folder.rmdir()
            raise
        return writer

    @classmethod
    def adrift(cls, store: Store, experiment: Experiment, *, name: str | None = None) -> RunWriter:
        """Return a run whose record could not be made: each call says once what is lost."""
        record = new_record(paths.new_run_id(), _now(), name, experiment, source={})
        folder = store.root / experiment.experiment_id
        return cls(
            store, folder / paths.run_folder_name(record.run_id, record.start_time), record, None
        )

    @classmethod
    def join(cls, store: Store, run_id: str, *, own: bool = True) -> RunWriter:
        """Open an existing run: as its owner where `own` and no process holds it.

        Else only to append to it.

        Raises:
            NotFoundError: there is no run of that id.
            RunStateError: it is deleted.
        """
        folder = store.folder_of(run_id)
        stored = read_run(folder)
        if stored.deleted:
            raise RunStateError(
                f"Cannot start run with ID {run_id} because it is in the deleted state.",
                hint=f"bring it back first: gittrack.restore_run({run_id!r})",
            )
        # Only the first of several ranks may own the run; the others just append to it.
        mark = take_mark(store, run_id) if own and not settings.rank() else None
        writer = cls(store, folder, stored.record, mark)
        if mark is not None:
            keeper = writer._keeper
            keeper.earlier = {path.name: lines.fold_file(path) for path in lines.line_files(folder)}
            keeper.record = stored.record.replaced(status=RUNNING, end_time=None)
            keeper.write(writer._fold, ())
        return writer

    @property
    def artifacts(self) -> Path:
        """The folder of the run's artifacts; it may not exist yet."""
        return self.folder / paths.ARTIFACTS

    @property
    def record(self) -> RunRecord:
        """The record less what was logged since the run was opened."""
        return self._keeper.record

    @property
    def owns(self) -> bool:
        """Whether this process writes the run's `run.json`."""
        return self._mark is not None

    def log_metric(
        self, name: str, value: float, *, step: int | None = None, time: int | None = None
    ) -> None:
        """Append one line with one metric, `time` in ms since 1970 UTC, all taken as it is.

        Most of what a training logs passes here, thousands of times a second.
        """
        now = time_ns() // 1_000_000
        moment = now if time is None else time
        line = metric_line(name, value, time=moment, step=step)
        with self._lock:
            try:
                self._lines.append(line)
            except (OSError, StoreError) as error:
                self._lose(error)
                return
            waiting = self._fold.waiting
            waiting.append((name, step or 0, moment, value))
            if now > self._due or len(waiting) > MOST_WAITING:
                self._look_after(now)

    def log_metrics(
        self, metrics: Mapping[str, float], *, step: int | None = None, time: int | None = None
    ) -> None:
        """Append one line with several metrics; see `log_metric`."""
        now = time_ns() // 1_000_000
        moment = now if time is None else time
        with self._lock:
            if self._append(metrics_line(metrics, time=moment, step=step)):
                at = step or 0
                self._fold.waiting += [(name, at, moment, metrics[name]) for name in metrics]
            self._look_after(now)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Append one line of params; each is kept as `values.param_value` gives it."""
        now = _now()
        with self._lock:
            kept = self._safe_params(params)
            if self._append(lines.entry_line("params", kept, time=now)):
                for name, value in kept.items():
                    self._fold.params.setdefault(name, (now, value))
            self._look_after(now)

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Append one line of tags; None removes one."""
        now = _now()
        with self._lock:
            kept = self._safe_tags(tags)
            if self._append(lines.entry_line("tags", kept, time=now)):
                self._fold.tags.update({name: (now, value) for name, value in kept.items()})
            self._look_after(now)

    def add_input(self, entry: Mapping[str, Any]) -> None:
        """Append one line of a dataset that the run read: `{"name", "digest", "context" ...}`."""
        now = _now()
        with self._lock:
            kept = {
                key: self._keeper.safe(f"inputs.{key}", value) if isinstance(value, str) else value
                for key, value in entry.items()
            }
            if self._append(lines.entry_line("inputs", [kept], time=now)):
                self._fold.inputs.append(kept)
            self._look_after(now)

    def find_param(self, name: str) -> tuple[bool, ParamValue]:
        """Tell whether a param was logged, and its value, as far as this process knows."""
        with self._lock:
            if name in self._keeper.record.params:
                return True, self._keeper.record.params[name]
            for fold in (*self._keeper.earlier.values(), self._fold):
                if name in fold.params:
                    return True, fold.params[name][1]
        return False, None

    def wait_for_provenance(self) -> None:
        """Wait until the state of the code is recorded, before something changes it."""
        with self._lock, self._warner.forgive(paths.RUN_JSON):
            self._keeper.wait_for_capture()
        self.write()

    def write(self) -> None:
        """Write `run.json` as it is now; a process that does not own it writes nothing."""
        with self._lock, self._warner.forgive(paths.RUN_JSON):
            self._written = _now()
            if self._mark is not None:
                self._keeper.write(self._fold, self._lines.names)

    def backdate(self, start_time: int) -> None:
        """Say that the run began at another time than its folder was made at."""
        with self._lock:
            self._keeper.record = self._keeper.record.replaced(start_time=start_time)
            self.write()

    def leave(self) -> None:
        """Let go of the run without ending it; whoever opens it next may own it."""
        with self._lock:
            self._ended.set()
            self.open = False
            if self._mark is not None:
                self.wait_for_provenance()
                self._mark.forget()
                self._mark = None
            self._lines.close()
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
        now = _now() if time is None else time
        with self._lock:
            self._ended.set()
            self.status, self.open = status, False
            with self._warner.forgive("metrics"):
                self._lines.check()
            if self._mark is None and status != FINISHED:
                self._append(lines.entry_line("status", status, time=_now()))
            mark, self._mark = self._mark, None  # nobody writes the record after its end
            if mark is not None:
                with self._warner.forgive(paths.RUN_JSON):
                    self.status = self._keeper.finish(
                        status, self._fold, self._lines.names, opened=self._opened, now=now
                    )
                    mark.release()
                mark.forget()  # where the end could not be written, the mark is left to tell of it
            self._lines.close()
            _open_writers.discard(self)

    def _begin(self, given: Mapping[str, Any], code: Path) -> None:
        keeper = self._keeper
        safe = {
            "name": keeper.safe("name", given["name"]),
            "params": self._safe_params(given["params"] or {}),
            "tags": self._safe_tags(given["tags"] or {}),
        }
        keeper.record = keeper.record.replaced(**safe)
        keeper.capture(code)
        try:
            keeper.write(self._fold, ())
        except StoreError:
            if self._mark is not None:
                self._mark.release()
            self._ended.set()
            raise

    def _append(self, line: bytes) -> bool:
        try:
            self._lines.append(line)
        except (OSError, StoreError) as error:
            self._lose(error)
            return False
        return True

    def _lose(self, error: OSError | StoreError) -> None:
        # The work goes on; the record will say what it lacks.
        reason = error.message if isinstance(error, StoreError) else error.strerror or str(error)
        self._keeper.lost[reason] += 1
        self._warner.warn(f"metrics could not be written: {reason}", once=reason)

    def _look_after(self, now: int) -> None:
        """See every second that the files are there, every other that the record is fresh."""
        if len(self._fold.waiting) > MOST_WAITING:
            self._fold.settle()
        if now <= self._due:
            return
        self._due = now + CHECK_EVERY_MS
        with self._warner.forgive("metrics"):
            self._lines.check()
        if self._lines.restored != self._restored:
            self._restored = self._lines.restored
            self._warner.warn(
                f"{self.folder} was removed meanwhile; what was logged is written again"
            )
            with self._warner.forgive(paths.RUN_JSON):
                self._keeper.restore()
            self.write()
            if self._mark is not None:
                self._mark.touch()
        elif now - self._written > WRITE_EVERY_MS:
            self.write()

    def _safe_params(self, params: Mapping[str, object]) -> dict[str, ParamValue]:
        return {
            name: self._keeper.safe(f"params.{name}", param_value(value))
            for name, value in params.items()
        }

    def _safe_tags(self, tags: Mapping[str, str | None]) -> dict[str, Any]:
        return {name: self._keeper.safe(f"tags.{name}", value) for name, value in tags.items()}

    def _forked(self) -> None:
        # The child of a fork shares nothing with its parent but what was written: own line file, no
        # ownership.
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._keeper.give_up_capture()
        self._lines.close()
        self._fold = FileFold()
        if self._mark is not None:
            self._mark.forget()
            self._mark = None


def check_end(status: str) -> None:
    """Refuse what is no status that a run ends with.

    Raises:
        RunStateError: it is none.
    """
    if status not in ENDED:
        raise RunStateError(
            f"{status!r} is no status that a run ends with", hint=f"use {', '.join(ENDED)}"
        )


def _now() -> int:
    return time_ns() // 1_000_000


def _after_fork() -> None:
    for writer in list(_open_writers):
        writer._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
