"""What a commit takes: the files of some runs, or all that is new, changed or gone in a store."""

from __future__ import annotations

import os
import re
import shlex
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gittrack import files, paths, search
from gittrack.errors import (
    BrokenRunError,
    NotFoundError,
    RunBeingMadeError,
    RunStateError,
    StoreError,
)
from gittrack.git import committing
from gittrack.git.command import run_git_bytes
from gittrack.runs import live, revisions
from gittrack.runs.reading import StoredRun, read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.files import Problem
    from gittrack.runs.store import Store

_LIVE = ("running", "silent")
_AT_ONCE = 500
_NEVER = re.compile(r"\.git|\.nfs.*|__pycache__|\.DS_Store", re.IGNORECASE)


@dataclass(frozen=True)
class Chosen:
    """What is to be committed: paths seen from the top, and the runs they belong to.

    Paths that are gone are to be removed, and so are whole runs.
    """

    paths: tuple[str, ...]
    runs: tuple[StoredRun, ...]
    gone: tuple[str, ...] = ()
    removed: tuple[StoredRun, ...] = ()
    live: tuple[StoredRun, ...] = ()


def named(store: Store, references: Sequence[str], top: Path, *, running: bool) -> Chosen:
    """Return all files of some runs, and what was removed of them.

    Raises:
        NotFoundError: a run is neither in the store nor was removed from it.
        RunStateError: one is running.
        StoreError: one cannot be read.
    """
    missing = _missing(store, top)
    runs: dict[Path, StoredRun] = {}
    removed: list[StoredRun] = []
    for reference in references:
        try:
            run = search.find_deleted(store, reference)
            _check_own(run, store)
            runs[run.folder] = run
        except NotFoundError:
            gone = [run for run in _removed(store, missing) if _is_named(run, reference)]
            if len(gone) != 1:
                raise
            removed += gone
    live = [run for run in runs.values() if run.state() in _LIVE] + _going_on(store, removed)
    if live and not running:
        raise RunStateError(
            f"run {live[0].run_id} ({live[0].record.name}) is {live[0].state()}",
            hint="wait for its end, or commit what there is with --running",
        )
    root = store.root.resolve()
    found = [root / name for name in (".gitattributes", ".gitignore")]
    problems: list[Problem] = []
    for folder in runs:
        experiment = folder.resolve().parent
        about = [path for path in experiment.iterdir() if paths.is_edit(path.name)]
        found += [experiment / paths.EXPERIMENT_JSON, *sorted(about)]
        found += files.walk(folder.resolve(), problems)
    if problems:
        raise StoreError(
            f"cannot commit what cannot be read: {problems[0]}", hint="check its rights"
        )
    folders = {_folder(run) for run in (*runs.values(), *removed)}
    return Chosen(
        _committable(found, root, top),
        tuple(runs.values()),
        tuple(name for folder in folders for name in missing.get(folder, ())),
        tuple(removed),
    )


def _check_own(run: StoredRun, store: Store) -> None:
    if not run.folder.resolve().is_relative_to(store.root.resolve()):
        raise RunStateError(
            f"run {run.run_id} is in {run.folder.parent.parent}, not in {store.root}",
            hint=f"cd {shlex.quote(str(run.folder.parent.parent.parent))}, and commit it there",
        )


def everything(store: Store, top: Path, *, running: bool) -> Chosen:
    """Return all that is new, changed or gone in a store, but for runs that are running.

    Raises:
        BrokenRunError: a run cannot be read, or was removed by half.
    """
    root = store.root.resolve()
    prefix = root.relative_to(top).as_posix()
    changed, missing = _changed(prefix, top), _missing(store, top)
    removed = _removed(store, missing)
    touched = {*changed, *missing} - {"", *(_folder(run) for run in removed)}
    there = {folder for folder in touched if os.path.lexists(store.root / folder)}
    runs: list[StoredRun] = []
    for folder in sorted(there):
        with suppress(RunBeingMadeError):
            runs.append(read_run(store.root / folder))
    live = (
        ()
        if running
        else (*(run for run in runs if run.state() in _LIVE), *_going_on(store, removed))
    )
    left_out = {_folder(run) for run in live}
    # One that has ended since it was listed has more files now.
    again = _changed(prefix, top, among=[_folder(run) for run in runs])
    changed = {"": changed.get("", []), **again}

    def kept(by_folder: dict[str, list[str]]) -> list[str]:
        return [
            name
            for folder, inside in by_folder.items()
            if folder not in left_out
            for name in inside
        ]

    return Chosen(
        _committable((top / name for name in kept(changed)), root, top),
        tuple(run for run in runs if run not in live),
        tuple(kept(missing)),
        tuple(run for run in removed if run not in live),
        live,
    )


def _changed(prefix: str, top: Path, *, among: Sequence[str] | None = None) -> dict[str, list[str]]:
    """Return the files that are new or changed since the last commit, by the folders of runs.

    Args:
        among: folders of runs; default: all of the store.
    """
    changed: dict[str, list[str]] = {}
    places = [prefix] if among is None else [f"{prefix}/{folder}" for folder in among]
    for begin in range(0, len(places), _AT_ONCE):
        for name in _listed(places[begin : begin + _AT_ONCE], top):
            if os.path.lexists(top / name):
                changed.setdefault(_run_of(name, prefix), []).append(name)
    return changed


def _listed(places: Sequence[str], top: Path) -> Iterable[str]:
    scope = ["--", *(f":(top,literal){place}" for place in places)]
    listed = run_git_bytes(
        ["ls-files", "-z", "--modified", "--others", "--exclude-standard", "--full-name", *scope],
        cwd=top,
    )
    if committing.head(top).commit:
        # What is staged is not modified, but may be in no commit.
        listed += run_git_bytes(
            ["diff-index", "--cached", "-r", "-z", "--name-only", "HEAD", *scope], cwd=top
        )
    else:
        listed += run_git_bytes(["ls-files", "-z", "--cached", "--full-name", *scope], cwd=top)
    return dict.fromkeys(listed.decode(errors="surrogateescape").split("\0")[:-1])


def _run_of(name: str, prefix: str) -> str:
    """Return the folder of the run that a file belongs to, seen from the store; "" without one."""
    parts = PurePosixPath(name).relative_to(prefix).parts
    in_run = len(parts) > 2 and paths.parse_run_folder(parts[1])  # noqa: PLR2004 - experiment, run, file
    return f"{parts[0]}/{parts[1]}" if in_run else ""


def _folder(run: StoredRun) -> str:
    return f"{run.experiment_id}/{run.folder.name}"


def _missing(store: Store, top: Path) -> dict[str, list[str]]:
    """Return the files that Git knows and the store lacks, by the folders of their runs."""
    prefix = store.root.resolve().relative_to(top).as_posix()
    found: dict[str, list[str]] = {}
    for name in committing.missing_files(prefix, top=top):
        found.setdefault(_run_of(name, prefix), []).append(name)
    return found


def _removed(store: Store, missing: dict[str, list[str]]) -> list[StoredRun]:
    """Return the runs that are gone from the store as a whole, as the branch holds them.

    Raises:
        BrokenRunError: of one only a part is left, which is no removal.
    """
    gone = []
    for folder, names in missing.items():
        if folder and any(name.endswith(f"{folder}/{paths.RUN_JSON}") for name in names):
            place = store.root / folder
            if left := next(iter(files.walk(place)), None):
                raise BrokenRunError(
                    f"{place} has no {paths.RUN_JSON}, but {left.relative_to(place)} is there",
                    hint=f"git checkout -- {place} brings it back, rm -r {place} removes it all",
                )
            gone.append(folder)
    if not gone:
        return []
    found: list[StoredRun] = []
    with suppress(NotFoundError):  # nothing was committed yet
        held = revisions.at(store, "HEAD")
        for folder in gone:
            with suppress(BrokenRunError):  # its files are removed all the same
                found.append(read_run(held.root / folder, held.tree))
    return found


def _is_named(run: StoredRun, reference: str) -> bool:
    return run.run_id.startswith(reference) or reference in (run.record.name, run.folder.name)


def _going_on(store: Store, removed: Iterable[StoredRun]) -> list[StoredRun]:
    """Return the runs that a process still writes: it brings back what `git stash -u` took."""
    return [run for run in removed if live.state(store.root, run.run_id) == "running"]


def _committable(found: Iterable[Path], root: Path, top: Path) -> tuple[str, ...]:
    """Return the files and links that may be committed, seen from the top."""
    kept: dict[str, None] = {}
    for path in found:
        inside = path.relative_to(root).parts
        if inside[0] == paths.CACHE or inside[-1].endswith(paths.TEMPORARY):
            continue
        if any(_NEVER.fullmatch(part) for part in inside):
            continue
        with suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                kept[path.relative_to(top).as_posix()] = None
    return tuple(kept)
