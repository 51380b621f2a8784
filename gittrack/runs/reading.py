"""Reading one run folder: record, line files and edits, joined into what a person sees."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import BrokenRunError, NewerFormatError, RunBeingMadeError, StoreError
from gittrack.files import Problem
from gittrack.runs import edits, lines, live, systemlines
from gittrack.runs.record import RUNNING, RunRecord, from_json
from gittrack.runs.series import Series, read_series
from gittrack.runs.trees import DISK, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.runs.edits import Edit

NAME_TAG = "mlflow.runName"
NOTE_TAG = "mlflow.note.content"
_MAKING_SECONDS = 5


@dataclass(frozen=True)
class StoredRun:
    """A run as its folder tells it, edits applied.

    Attributes:
        folder: the run's folder; of a run in a revision, where `local` brings its files.
        record: its record, with the line files folded in and name and tags as edited.
        note: the free text about it, or "".
        deleted: whether it was removed by an edit.
        problems: what could not be read of it.
        tree: where it was read from.
    """

    folder: Path
    record: RunRecord
    note: str = ""
    deleted: bool = False
    problems: tuple[Problem, ...] = ()
    tree: Tree = field(default=DISK, compare=False, repr=False)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.record.run_id

    @property
    def experiment_id(self) -> str:
        """The folder name of the run's experiment."""
        return self.folder.parent.name

    @property
    def artifacts(self) -> Path:
        """The folder of the run's artifacts; missing means empty."""
        return self.tree.local(self.folder) / paths.ARTIFACTS

    @property
    def local(self) -> Path:
        """The run's folder with all of its files, which can be opened there."""
        return self.tree.local(self.folder)

    @property
    def place(self) -> str:
        """Where a person finds the run: its folder, or `REVISION:PATH`."""
        return self.tree.place(self.folder)

    def state(self) -> str:
        """Return the status in lower case.

        For a record that says RUNNING, what this clone knows of its process.
        """
        status = self.record.status
        if status != RUNNING:
            return status.lower()
        state = live.state(self.folder.parent.parent, self.run_id)
        if state != "running":  # it may have ended since it was read, and given up its mark
            with suppress(StoreError):
                status = _read_record(self.folder, self.tree).status
        return state if status == RUNNING else status.lower()

    def history(self, metric: str) -> list[lines.Point]:
        """Return every logged value of a metric, sorted by step and time."""
        return self.series(metric).points()

    def series(self, metric: str) -> Series:
        """Return every logged value of a metric as lists, sorted by step and time."""
        found = lines.line_files(self.folder, tree=self.tree)
        if metric.startswith(systemlines.PREFIX):
            found += systemlines.system_files(self.folder, self.tree)
        return read_series(found, metric)

    def system_metrics(self) -> dict[str, float]:
        """Return the last values of the system metrics, where the run recorded them."""
        return {
            name: last.last for name, last in systemlines.latest(self.folder, self.tree).items()
        }


def read_run(folder: Path, tree: Tree = DISK) -> StoredRun:
    """Read a run folder.

    Raises:
        BrokenRunError: its record cannot be read.
        NewerFormatError: a newer gittrack wrote it.
    """
    record = _read_record(folder, tree)
    try:
        names = tree.names(folder)
        record, problems = _with_lines(folder, record, names, tree)
    except OSError as error:
        raise BrokenRunError(
            f"{folder} cannot be read: {error.strerror}", hint="check its rights"
        ) from None
    changed = edits.read(folder, names, tree=tree)
    found = StoredRun(folder, record, problems=(*problems, *changed.problems), tree=tree)
    return _edited(found, changed.joined)


def is_running(folder: Path) -> bool:
    """Tell whether the record in a run's folder says that it has not ended."""
    try:
        return from_json(files.read_json(folder / paths.RUN_JSON)).status == RUNNING
    except (OSError, ValueError):
        return False


def is_being_made(folder: Path) -> bool:
    """Tell whether a folder without a record is so new that one may be about to be written."""
    began = paths.time_of(folder.name)
    return began is not None and abs(time.time() - began / 1000) < _MAKING_SECONDS


def _read_record(folder: Path, tree: Tree) -> RunRecord:
    path = folder / paths.RUN_JSON
    try:
        record = from_json(tree.read_json(path))
    except NewerFormatError as error:
        raise NewerFormatError(f"{tree.place(path)} {error.message}", hint=error.hint) from None
    except FileNotFoundError:
        kind = RunBeingMadeError if tree is DISK and is_being_made(folder) else BrokenRunError
        raise kind(
            f"{tree.place(folder)} has no {paths.RUN_JSON}",
            hint=f"git checkout -- {folder}, if it was there",
        ) from None
    except (OSError, ValueError) as error:
        reason = str(error.strerror if isinstance(error, OSError) else error)
        hint = f"git log -- {tree.place(path)} shows its earlier states"
        if "conflict markers" in reason:
            hint = "gittrack fsck --repair makes one record of both"
        raise BrokenRunError(f"{tree.place(path)} {reason}", hint=hint) from None
    parsed = paths.parse_run_folder(folder.name)
    if parsed is not None and parsed.run_id != record.run_id:
        raise BrokenRunError(
            f"{tree.place(path)} says run {record.run_id}, its folder {parsed.run_id}",
            hint="rename the folder",
        )
    return record


def _edited(run: StoredRun, edit: Edit) -> StoredRun:
    """Return a run with its edits applied."""
    record, tags = run.record, dict(run.record.tags)
    for tag, value in edit.tags.items():
        if value is None:
            tags.pop(tag, None)
        else:
            tags[tag] = value
    # MLflow's API sets name and note by tags; here they are what they are.
    name, note = tags.pop(NAME_TAG, record.name), tags.pop(NOTE_TAG, "")
    if edit.name or name != record.name or tags != record.tags:
        record = record.replaced(name=edit.name or name, tags=tags)
    note = edit.note if edit.note is not None else note
    return replace(run, record=record, note=note, deleted=bool(edit.deleted))


def _with_lines(
    folder: Path, record: RunRecord, names: list[str], tree: Tree
) -> tuple[RunRecord, list[Problem]]:
    present = sorted(name for name in names if paths.is_line_file(name))
    sizes = {name: tree.size(folder / name) for name in present}
    if sizes == record.files:
        return record, []
    missing = [
        Problem(
            folder / name,
            f"is missing; its last values stand in {paths.RUN_JSON}",
            hint=f"git checkout -- {tree.place(folder / name)}, if it was there",
        )
        for name in sorted(set(record.files) - set(present))
    ]
    if missing and sizes.items() <= dict(record.files).items():
        return record, missing
    folds = {name: lines.fold_file(folder / name, tree) for name in present}
    folded = lines.merge(folds, record.params)
    joined = lines.joined(record, folded)
    if missing:
        joined = joined.replaced(metrics={**record.metrics, **folded.metrics})
    return joined, [
        *missing,
        *(problem._replace(path=folder / problem.path.name) for problem in folded.problems),
    ]
