"""Mending what a check found, where there is no doubt; what is taken away is kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import GittrackError, NotFoundError, RunStateError, StoreError
from gittrack.git.conflicts import conflict_sides, mark_resolved
from gittrack.health import linefiles
from gittrack.runs import lines, live, resolving
from gittrack.runs.opening import take_mark
from gittrack.runs.record import KILLED, RUNNING, RunRecord, from_json, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gittrack.health.finding import Finding, Report
    from gittrack.runs.store import Store


class Mender:
    """Mends findings of one tree.

    Attributes:
        kept: the folder that holds what was taken away, and files as they were before.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        now = paths.stamp(time.time_ns() // 1_000_000)
        self.kept = store.root / paths.CACHE / "removed" / f"{now}-{paths.random_text(4)}"
        self._by_kind: dict[str, Callable[[Path], bool]] = {
            "alias": self._take_away,
            "broken file": self._broken_file,
            "broken line": self._lines,
            "conflict": self._conflict,
            "experiment": self._experiment,
            "interrupted": self._seal,
            "leftover": self._take_away,
            "link": self._take_away,
            "missing file": self._missing,
            "stale summary": self._summary,
        }

    def mend(self, report: Report) -> set[Finding]:
        """Mend what can be mended, and return that.

        Raises:
            StoreError: the tree cannot be written.
        """
        done: dict[tuple[str, Path], bool] = {}
        # Lines before the summaries that are made of them, and both before a run is ended.
        order = {"broken line": 0, "stale summary": 1}
        mended = set()
        for finding in sorted(report.findings, key=lambda item: order.get(item.kind, 2)):
            mend, path = self._by_kind.get(finding.kind), finding.problem.path
            if mend is None:
                continue
            key = (finding.kind, path)
            if key not in done:
                try:
                    done[key] = self._held(mend, path)
                except FileNotFoundError:  # it has gone meanwhile
                    done[key] = False
                except OSError as error:
                    raise StoreError(
                        f"cannot mend {path}: {error.strerror or error}", hint="check its rights"
                    ) from error
            if done[key]:
                mended.add(finding)
        return mended

    def end(self, run_ids: Sequence[str]) -> list[Path]:
        """End runs by name that no process of this clone holds, as KILLED.

        Raises:
            NotFoundError: there is no such run.
            RunStateError: it has ended, or is running.
        """
        ended = []
        for run_id in run_ids:
            found = self.store.find(run_id)
            if (
                found.record.status != RUNNING
                or live.state(self.store.root, found.run_id) == "running"
            ):
                raise RunStateError(
                    f"run {found.run_id} is {found.state()}", hint="--force ends runs that are not"
                )
            if not self._held(self._seal, found.folder, forced=True):
                raise NotFoundError(f"run {found.run_id} cannot be read", hint="gittrack fsck")
            ended.append(found.folder)
        return ended

    def _held(self, mend: Callable[[Path], bool], path: Path, *, forced: bool = False) -> bool:
        """Mend what is of a run while no process has it open; what one has is left to it.

        Of a run that another machine may have open, only what is `forced` is done.
        """
        parsed = [paths.parse_run_folder(part) for part in path.relative_to(self.store.root).parts]
        run_id = parsed[1].run_id if len(parsed) > 1 and parsed[1] is not None else ""
        if not run_id:
            return mend(path)
        is_open = live.state(self.store.root, run_id) in ("running", "" if forced else "silent")
        mark = None if is_open else take_mark(self.store, run_id)
        if mark is None:
            return False
        try:
            return mend(path)
        finally:
            mark.release()

    def _keep(self, path: Path) -> Path:
        place = self.kept / path.relative_to(self.store.root)
        files.make_folder(place.parent)
        return place

    def _keep_copy(self, path: Path) -> bytes:
        data = files.read_bytes(path)
        if not (place := self._keep(path)).exists():
            files.write_new(place, data)
        return data

    def _take_away(self, path: Path) -> bool:
        path.rename(self._keep(path))
        return True

    def _broken_file(self, path: Path) -> bool:
        return paths.is_edit(path.name) and path.is_file() and self._take_away(path)

    def _conflict(self, path: Path) -> bool:
        """Write one record of the two that Git merged into a file; of lines keep all."""
        if paths.ARTIFACTS in path.relative_to(self.store.root).parts:
            return False
        if paths.is_line_file(path.name):
            self._lines(path)
            mark_resolved(path)
            return True
        if path.name != paths.RUN_JSON:
            return False
        data = self._keep_copy(path)
        try:
            record = resolving.resolve(*(conflict_sides(path) or resolving.sides(data)))
        except (ValueError, GittrackError):
            return False
        self._write(path.parent, folded(path.parent, record))
        mark_resolved(path)
        return True

    def _lines(self, path: Path) -> bool:
        """Write a line file anew, without what is no line in it; glued lines are parted."""
        data = self._keep_copy(path)
        broken = {line.number: line.data for line in linefiles.unusual(path) if line.problem}
        whole = [
            linefiles.salvage(line + b"\n" * (not line.endswith(b"\n")))
            if number in broken
            else line
            for number, line in enumerate(data.splitlines(keepends=True), 1)
        ]
        files.write_atomic(path, b"".join(whole))
        record = _record(path.parent)
        if record is not None and record.status != RUNNING:
            self._write(path.parent, folded(path.parent, record))
        return True

    def _summary(self, path: Path) -> bool:
        record = _record(path.parent)
        present = {line_file.name for line_file in lines.line_files(path.parent)}
        # What a file told that is gone, only the summary knows.
        if record is None or record.status == RUNNING or not present.issuperset(record.files):
            return False
        self._keep_copy(path)
        self._write(path.parent, folded(path.parent, record))
        return True

    def _missing(self, path: Path) -> bool:
        if path.parent == self.store.root:
            self.store.prepare()
            return True
        if path.name != paths.RUN_JSON or not lines.line_files(path.parent):
            return False
        folder = path.parent
        run_id = folder.name[16:]
        began = paths.time_of(folder.name) or 0
        experiment = self.store.experiment(folder.parent.name, ids_first=True).name
        record = RunRecord(run_id, run_id, experiment, RUNNING, began)
        return files.write_new(path, to_bytes(_ended(folder, record)))

    def _experiment(self, path: Path) -> bool:
        for folder in self.store.run_folders([path.parent.name]):
            record = _record(folder)
            if record is not None and paths.is_made_for(path.parent.name, record.experiment):
                self.store.keep_name(path.parent.name, record.experiment)
                return True
        return False

    def _seal(self, folder: Path) -> bool:
        record = _record(folder)
        if record is None or record.status != RUNNING:
            return False
        self._keep_copy(folder / paths.RUN_JSON)
        self._write(folder, _ended(folder, record))
        return True

    def _write(self, folder: Path, record: RunRecord) -> None:
        files.write_atomic(folder / paths.RUN_JSON, to_bytes(record))


def folded(folder: Path, record: RunRecord) -> RunRecord:
    """Return a run's record made anew of its line files."""
    return _folded(folder, record)[0]


def _ended(folder: Path, record: RunRecord) -> RunRecord:
    record, last = _folded(folder, record)
    return record.replaced(status=KILLED, end_time=max(record.start_time, last))


def _folded(folder: Path, record: RunRecord) -> tuple[RunRecord, int]:
    folds = {path.name: lines.fold_file(path) for path in lines.line_files(folder)}
    found = lines.merge(folds, record.params)
    return lines.joined(record, found), found.last_time


def _record(folder: Path) -> RunRecord | None:
    try:
        return from_json(files.read_json(folder / paths.RUN_JSON))
    except (OSError, ValueError, GittrackError):
        return None
