"""Writing what comes in: each run appears whole or not at all, and none is taken twice."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import GittrackError, NotFoundError, RunStateError, StoreError
from gittrack.exchange.incoming import RUN_ID, Left
from gittrack.exchange.registering import Registrar
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.opening import take_mark
from gittrack.runs.store import check_experiment_name
from gittrack.runs.values import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from gittrack.exchange.incoming import Extra, ForeignExperiment, Incoming, Source, Waiting
    from gittrack.files import Problem
    from gittrack.runs.store import Store

    Progress = Callable[[int, int], None]

_MARK = ".import"
_BATCH = 200


@dataclass(frozen=True)
class Taken:
    """What an import came to: how many runs were new, renewed, there already, and what is left."""

    runs: int
    renewed: int
    known: int
    versions: int
    problems: Sequence[Problem]
    more_problems: int = 0


def take(
    store: Store, source: Source, left: Left, *, progress: Progress = lambda _done, _all: None
) -> Taken:
    """Bring runs in, in their order; what is there already is left as it is.

    Raises:
        RunStateError: another import into this store is under way.
        StoreError: the store cannot be written.
    """
    store.prepare()
    mark = take_mark(store, _MARK)
    if mark is None:
        source.close()
        raise RunStateError(f"another import into {store.root} is under way", hint="wait for it")
    waiting_room = store.root / paths.CACHE / "import"
    try:
        shutil.rmtree(waiting_room, ignore_errors=True)
        files.make_folder(waiting_room)
        taker = _Taker(store, waiting_room, left)
        taker.experiments(source.experiments)
        taker.runs(source.runs, progress)
        taker.extras(source.extras)
        registrar = Registrar(store, taker.folder_of, left)
        registrar.take(source.models)
        return Taken(
            taker.new,
            taker.renewed,
            taker.known,
            registrar.versions,
            left.problems,
            left.more,
        )
    except OSError as error:
        raise StoreError(
            f"cannot write {error.filename or store.root}: {error.strerror or error}",
            hint="check space and rights; what was brought in stays, the same command goes on",
        ) from error
    finally:
        source.close()
        shutil.rmtree(waiting_room, ignore_errors=True)
        mark.release()


class _Taker:
    def __init__(self, store: Store, waiting_room: Path, left: Left) -> None:
        self.new = self.renewed = self.known = 0
        self._store = store
        self._waiting_room = waiting_room
        self._left = left
        known = store.experiments(deleted=True)
        self._folders = {item.name: item.experiment_id for item in known}
        self._runs = {
            parsed.run_id: folder
            for folder in store.run_folders([item.experiment_id for item in known])
            if (parsed := paths.parse_run_folder(folder.name)) is not None
        }

    def folder_of(self, run_id: str) -> Path:
        """Return the folder of a run, which was there before or has come in.

        Raises:
            NotFoundError: there is none.
        """
        if run_id not in self._runs:
            raise NotFoundError(f"there is no run {run_id[:80]!r}")
        return self._runs[run_id]

    def experiments(self, given: Iterable[ForeignExperiment]) -> None:
        """Make the experiments that are missing, and say of them what is not said yet."""
        for experiment in given:
            try:
                folder = self._store.root / self._experiment(experiment.name)
            except GittrackError as error:
                self._left.add(self._store.root, error.message)
                continue
            tags = dict(experiment.tags)
            if not (experiment.note or tags or experiment.deleted):
                continue
            edit = Edit(
                time=experiment.time,
                note=experiment.note or None,
                tags=tags,
                deleted=True if experiment.deleted else None,
            )
            content = to_json([experiment.note, sorted(tags.items()), experiment.deleted])
            name = paths.edit_name_of(experiment.time, content)
            if not (folder / name).exists():
                edits.write_as(folder, edit, name)

    def runs(self, given: Sequence[Waiting], progress: Progress) -> None:
        """Take runs, some at a time, so that one flush to the disk serves them all."""
        waiting, done = iter(given), 0
        while batch := list(islice(waiting, _BATCH)):
            ready: list[tuple[Path, Path]] = []
            for run in batch:
                if (prepared := self._prepare(run)) is not None:
                    ready.append(prepared)
                done += 1
                progress(done, len(given))
            if ready and hasattr(os, "sync"):
                os.sync()  # a run's name must not reach the disk before what is in it
            for temporary, final in ready:
                self._name(temporary, final)

    def extras(self, given: Iterable[Extra]) -> None:
        """Take what stands beside the runs where it is missing; what differs is left."""
        for source, place, read in given:
            target = self._store.root / place
            try:
                data = read()
                if not target.exists():
                    files.make_folder(target.parent)
                    files.write_new(target, data)
                elif files.read_bytes(target) != data:
                    self._left.add(source, "is left out: here it says something else")
            except OSError as error:
                self._left.add(source, f"is left out: {error.strerror or error}")

    def _prepare(self, waiting: Waiting) -> tuple[Path, Path] | None:
        there = self._runs.get(waiting.run_id)
        try:
            run = waiting.read()
            if there is not None and (found := run.compare(there)) != "newer":
                self._keep(waiting, found)
                return None
            temporary, final = (
                self._waiting_room / paths.temporary_name(),
                there or self._final(run),
            )
            temporary.mkdir()
            run.fill(temporary, self._left, over=there)
        except GittrackError as error:
            self._left.add(waiting.path, f"is left out: {error.message}", hint=error.hint)
            return None
        except ValueError as error:
            self._left.add(waiting.path, f"is left out: {error}")
            return None
        self._runs[waiting.run_id] = final
        return temporary, final

    def _keep(self, waiting: Waiting, found: str) -> None:
        self.known += 1
        if found != "same":
            self._left.add(waiting.path, f"is left out: {found}")

    def _final(self, run: Incoming) -> Path:
        if not RUN_ID.fullmatch(run.run_id):
            raise ValueError(f"{run.run_id[:80]!r} cannot be a run's id")
        folder = self._store.root / (run.experiment_folder or self._experiment(run.experiment))
        return folder / paths.run_folder_name(run.run_id, run.start_time)

    def _experiment(self, given: str) -> str:
        name = check_experiment_name(given)
        folder = self._folders.get(name)
        if folder is None:
            folder = paths.folder_for(name)
            if (self._store.root / folder).exists():
                folder = self._store.create_experiment(name).experiment_id
            else:
                files.make_folder(self._store.root / folder)
                self._store.keep_name(folder, name)
            self._folders[name] = folder
        return folder

    def _name(self, temporary: Path, final: Path) -> None:
        if final.exists():
            _move_over(temporary, final)
            self.renewed += 1
        else:
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary.rename(final)
            self.new += 1


def _move_over(temporary: Path, final: Path) -> None:
    """Move the files of a run in the place of those that it had before, its record last."""
    for path in sorted(files.walk(temporary), key=lambda path: path.name == paths.RUN_JSON):
        target = final / path.relative_to(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
