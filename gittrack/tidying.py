"""What `gittrack gc` removes for good: runs marked as deleted, and what killed processes left."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, paths, search
from gittrack.errors import RunStateError, StoreError
from gittrack.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from gittrack.files import Problem
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

_DAY_SECONDS = 86_400


class Candidate(NamedTuple):
    """A deleted run, its size in bytes, and why it has to stay, or ""."""

    run: StoredRun
    size: int
    kept: str


@dataclass(frozen=True)
class Plan:
    """What could be removed from a store.

    Attributes:
        leftovers: half-written files of processes that are gone, and the marks of runs that are.
        experiments: folders of deleted experiments that would be empty then.
        problems: what could not be read; nothing of it is touched.
    """

    runs: tuple[Candidate, ...]
    leftovers: tuple[Path, ...]
    experiments: tuple[Path, ...]
    problems: tuple[Problem, ...]

    @property
    def removable(self) -> list[Candidate]:
        """The runs that nothing keeps."""
        return [candidate for candidate in self.runs if not candidate.kept]


def plan(store: Store, *, chosen: Sequence[StoredRun] = (), days: float = 0) -> Plan:
    """Return what could be removed; removes nothing.

    Args:
        chosen: these runs and nothing else; default: all that are deleted.
        days: only runs that started so long ago.

    Raises:
        RunStateError: a chosen run is not deleted, still running, or a model version points to it.
    """
    every = {item.experiment_id: item.deleted for item in store.experiments(deleted=True)}
    found = search.runs(store, experiments=every, view="DELETED_ONLY")
    if chosen:
        runs = _named(found.runs, chosen)
    else:
        latest = (time.time() - days * _DAY_SECONDS) * 1000
        runs = [run for run in found.runs if run.record.start_time <= latest]
    candidates = tuple(_judged(store, runs))
    problems = tuple(found.problems)
    if chosen:
        _refuse(candidates)
        return Plan(candidates, (), (), problems)
    going = {candidate.run.folder for candidate in candidates if not candidate.kept}
    gone = [store.root / name for name, deleted in every.items() if deleted]
    emptied = [
        path for path in gone if path.is_dir() and set(store.run_folders([path.name])) <= going
    ]
    return Plan(candidates, tuple(_leftovers(store, every)), tuple(emptied), problems)


def _named(deleted: Sequence[StoredRun], chosen: Sequence[StoredRun]) -> list[StoredRun]:
    by_folder = {run.folder: run for run in deleted}
    for run in chosen:
        if run.folder not in by_folder:
            raise RunStateError(
                f"run {run.run_id} is not deleted", hint=f"gittrack rm {run.run_id} marks it so"
            )
    return [by_folder[run.folder] for run in chosen]


def _refuse(candidates: Iterable[Candidate]) -> None:
    for run, _, kept in candidates:
        if kept:
            raise RunStateError(f"run {run.run_id} stays: {kept}", hint="gittrack models ls")


def carry_out(plan: Plan) -> None:
    """Remove what a plan says, each run whole or not at all.

    Raises:
        StoreError: something cannot be removed.
    """
    folders = [candidate.run.folder for candidate in plan.removable]
    for path in (*folders, *plan.experiments):
        # Out of sight first, so that nobody sees a half of it.
        aside = path.with_name(f".{paths.temporary_name()}")
        try:
            path.rename(aside)
            shutil.rmtree(aside)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(
                f"cannot remove {path}: {error.strerror}", hint="check its rights"
            ) from None
    for path in plan.leftovers:
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _judged(store: Store, runs: Sequence[StoredRun]) -> Iterator[Candidate]:
    used = Registry(store).used_runs() if runs else {}
    for run in runs:
        kept = ""
        if versions := used.get(run.run_id):
            kept = f"it is version {versions[0].number} of the registered model {versions[0].name}"
        elif run.state() == "running":
            kept = "it is running"
        problems: list[Problem] = []
        yield Candidate(run, sum(files.sizes(run.folder, problems).values()), kept)


def _leftovers(store: Store, experiments: Collection[str]) -> Iterator[Path]:
    """Yield what is half-written for more than a day, and marks of runs that are not there."""
    ids: set[str] = set()
    now = time.time()
    folders = [store.root, *(store.root / name for name in experiments)]
    for run in store.run_folders(experiments):
        folders += [run, run / paths.ARTIFACTS]
        ids.add(run.name[16:])
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                is_ours = entry.name.endswith(paths.TEMPORARY)
                if is_ours and now - entry.stat(follow_symlinks=False).st_mtime > _DAY_SECONDS:
                    yield folder / entry.name
    live = store.root / paths.CACHE / paths.LIVE
    with suppress(OSError), os.scandir(live) as marks:
        yield from (live / mark.name for mark in marks if mark.name not in ids)
