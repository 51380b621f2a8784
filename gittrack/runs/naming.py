"""How a person names a run.

By its id or the beginning of it, its name, `@` for the latest and `@~2` for the second before it,
`best:METRIC` or `best:METRIC:min`, or the path of its folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import paths
from gittrack.errors import AmbiguousError, NotFoundError, StoreError, UsageError
from gittrack.runs.reading import StoredRun, read_run

if TYPE_CHECKING:
    from gittrack.runs.store import Store

_LATEST = re.compile(r"@(?:~(\d{1,9}))?")
_BEST = re.compile(r"best:(.+?)(?::(min|max))?")
# From this length on, the beginning of an id is not also looked for among the names.
_TELLING = 4
_LISTED = 10
_SHOWN = 80


def find(store: Store, reference: str) -> StoredRun:
    """Return the run of a store that a reference names.

    Raises:
        UsageError: the reference is empty.
        NotFoundError: it fits no run.
        AmbiguousError: it fits several; they are listed.
        BrokenRunError: it fits one whose record cannot be read.
        StoreError: it is the path of a folder that may not be searched.
    """
    if not reference:
        raise UsageError("the run's name is empty", hint="gittrack ls shows the runs there are")
    if match := _LATEST.fullmatch(reference):
        return _latest(store, int(match[1] or 0))
    if match := _BEST.fullmatch(reference):
        return _best(store, match[1], match[2] or "max")
    as_path = "/" in reference or reference == "."
    if as_path and _is_run(Path(reference)):
        return read_run(Path(reference).resolve())
    return read_run(_only(store, reference, _fitting(store, reference)), store.tree)


def _is_run(folder: Path) -> bool:
    try:
        return (folder / paths.RUN_JSON).is_file()
    except PermissionError as error:
        raise StoreError(
            f"cannot read {folder}: {error.strerror}", hint="check its rights"
        ) from None
    except OSError:  # such as a name that is longer than any file's
        return False


def _latest(store: Store, back: int) -> StoredRun:
    runs = store.runs().runs
    if back >= len(runs):
        raise NotFoundError(
            f"there {_count(len(runs))} in {store.place}, so no @~{back}",
            hint="gittrack ls shows them",
        )
    return runs[back]


def _best(store: Store, metric: str, direction: str) -> StoredRun:
    runs = store.runs().runs
    measured = [
        (summary.last, run)
        for run in runs
        if (summary := run.record.metrics.get(metric)) is not None and summary.last == summary.last
    ]
    if not measured:
        raise _unmeasured(store, metric, {name for run in runs for name in run.record.metrics})
    values = [value for value, _ in measured]
    best = max(values) if direction == "max" else min(values)
    return next(run for value, run in measured if value == best)


def _unmeasured(store: Store, metric: str, known: set[str]) -> NotFoundError:
    what = f"no run in {store.place} has a metric {metric[:_SHOWN]!r}"
    if metric in known:
        return NotFoundError(f"{what} that is a number", hint="gittrack ls shows its values")
    if not known:
        return NotFoundError(what, hint="none of them has metrics")
    import difflib

    near = difflib.SequenceMatcher(b=metric.lower())

    def likeness(name: str) -> float:
        near.set_seq1(name.lower())
        return near.ratio()

    names = sorted(known, key=lambda name: (-likeness(name), name))
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return NotFoundError(what, hint=f"there are: {', '.join(names[:_LISTED])}{more}")


def _count(runs: int) -> str:
    return "is 1 run" if runs == 1 else f"are {runs} runs"


def _fitting(store: Store, reference: str) -> list[Path]:
    everything = [item.experiment_id for item in store.experiments(deleted=True)]
    by_id = {path: _id_of(path) for path in store.run_folders(everything)}
    exact = [path for path, run_id in by_id.items() if reference in (run_id, path.name)]
    if exact:
        return exact
    begun = [path for path, run_id in by_id.items() if run_id.startswith(reference)]
    if begun and len(reference) >= _TELLING:
        return begun
    # A short name may also be the beginning of another run's id.
    named = [run.folder for run in store.runs(everything).runs if run.record.name == reference]
    return sorted({*begun, *named})


def _only(store: Store, reference: str, folders: list[Path]) -> Path:
    if not folders:
        raise NotFoundError(
            f"no run {reference[:_SHOWN]!r} in {store.place}",
            hint="gittrack ls shows the runs there are",
        )
    if len(folders) > 1:
        newest = sorted(folders, key=lambda path: path.name, reverse=True)
        listed = ", ".join(f"{_id_of(path)} ({_start_of(path)})" for path in newest[:_LISTED])
        more = ", ..." if len(folders) > _LISTED else ""
        raise AmbiguousError(
            f"{reference!r} fits {len(folders)} runs: {listed}{more}",
            hint=f"give the id of one, such as {_id_of(newest[0])}",
        )
    return folders[0]


def _id_of(folder: Path) -> str:
    parsed = paths.parse_run_folder(folder.name)
    return parsed.run_id if parsed else folder.name


def _start_of(folder: Path) -> str:
    day, _, clock = folder.name[:15].partition("-")
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]} UTC"
