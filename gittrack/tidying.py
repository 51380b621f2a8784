"""What `gittrack gc` removes for good: runs marked as deleted, and what killed processes left."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, paths, search
from gittrack.errors import RunStateError, StoreError
from gittrack.registry import Registry
from gittrack.runs import edits, live
from gittrack.runs.opening import take_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gittrack.files import Problem
    from gittrack.registry import Version
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


def carry_out(store: Store, plan: Plan) -> Plan:
    """Remove what a plan says, each run whole or not at all, and return what became of it.

    What was restored or went on since it was planned stays.

    Raises:
        StoreError: something cannot be removed.
    """
    used = Registry(store).used_runs() if plan.removable else {}
    runs = tuple(
        one
        if one.kept
        else one._replace(kept=_reason(one.run, used) or _remove_run(store, one.run))
        for one in plan.runs
    )
    emptied = tuple(path for path in plan.experiments if _remove(path, _is_empty_and_deleted))
    for path in plan.leftovers:
        with suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.parent.name != paths.LIVE or path.name.endswith(paths.TEMPORARY):
                path.unlink()
            elif (mark := live.take(store.root, path.name)) is not None:
                mark.release()
    return replace(plan, runs=runs, experiments=emptied)


def _remove_run(store: Store, run: StoredRun) -> str:
    """Remove a run, or tell why it stays."""
    experiment = run.folder.parent
    mark = take_mark(store, run.run_id)
    if mark is None:
        return "it is running"
    try:
        goes_with_it = bool(edits.read_recent(experiment).joined.deleted)
        with edits.kept(experiment):
            is_gone = _remove(run.folder, lambda aside: goes_with_it or _is_deleted(aside))
    finally:
        mark.release()
    return "" if is_gone else "it was restored"


def _remove(folder: Path, may_go: Callable[[Path], bool]) -> bool:
    """Remove a folder; put it back where it may not go after all."""
    # Out of sight first, so that nobody sees a half of it, or changes it after it was looked at.
    aside = folder.with_name(f".{paths.temporary_name()}")
    try:
        folder.rename(aside)
        os.utime(aside)  # else it is taken for a leftover, as old as its last file
        if not may_go(aside):
            _put_back(aside, folder)
            return False
        shutil.rmtree(aside)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise StoreError(
            f"cannot remove {folder}: {error.strerror}", hint="check its rights"
        ) from None
    return True


def _put_back(aside: Path, folder: Path) -> None:
    try:
        aside.rename(folder)
    except OSError:  # another process has made it again
        _merge(aside, folder)


def _merge(aside: Path, folder: Path) -> None:
    """Move what is in a folder into another, and overwrite nothing there.

    Raises:
        StoreError: something is in both; it stays in both.
    """
    for path in list(aside.iterdir()):
        place = folder / path.name
        if path.is_dir() and place.is_dir():
            _merge(path, place)
        elif os.path.lexists(place):
            raise StoreError(f"{place} was made again", hint=f"what was there is {path}")
        else:
            path.rename(place)
    aside.rmdir()


def _is_deleted(folder: Path) -> bool:
    return bool(edits.read(folder).joined.deleted)


def _is_empty_and_deleted(experiment: Path) -> bool:
    has_runs = any(paths.parse_run_folder(path.name) for path in experiment.iterdir())
    return _is_deleted(experiment) and not has_runs


def _judged(store: Store, runs: Sequence[StoredRun]) -> Iterator[Candidate]:
    used = Registry(store).used_runs() if runs else {}
    for run in runs:
        kept = _reason(run, used) or ("it is running" if run.state() == "running" else "")
        problems: list[Problem] = []
        yield Candidate(run, sum(files.sizes(run.folder, problems).values()), kept)


def _reason(run: StoredRun, used: Mapping[str, Sequence[Version]]) -> str:
    """Return which version of a model comes from a run, or ""."""
    versions = used.get(run.run_id)
    if not versions:
        return ""
    return f"it is version {versions[0].number} of the registered model {versions[0].name}"


def _leftovers(store: Store, experiments: Collection[str]) -> Iterator[Path]:
    """Yield what is half-written for more than a day, and marks of runs that are not there."""
    ids: set[str] = set()
    live_folder = store.root / paths.CACHE / paths.LIVE
    marks: list[str] = []
    with suppress(OSError):  # listed before the runs, whose folders are there before their marks
        marks = [name for name in os.listdir(live_folder) if not name.startswith(".")]  # noqa: PTH208
    folders = [store.root, live_folder, *(store.root / name for name in experiments)]
    for run in store.run_folders(experiments):
        folders += [run, run / paths.ARTIFACTS]
        ids.add(run.name[16:])
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            found = (folder / entry.name for entry in entries)
            yield from (path for path in found if files.is_leftover(path))
    yield from (live_folder / name for name in marks if name not in ids)
