"""How a person names a run.

By its id or the beginning of it, its name, `@` for the latest and `@~2` for the second before it,
`best:METRIC` or `best:METRIC:min`, or the path of its folder.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gittrack import paths
from gittrack.errors import (
    AmbiguousError,
    BrokenRunError,
    NotFoundError,
    RunBeingMadeError,
    StoreError,
    UsageError,
    some,
)
from gittrack.runs.reading import StoredRun, read_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gittrack.runs.store import Store

_LATEST = re.compile(r"@(?:~(\d{1,9}))?")
_BEST = re.compile(r"best:(.+?)(?::(min|max))?")
# From this length on, the beginning of an id is not also looked for among the names.
_TELLING = 4
_LISTED = 10
_SHOWN = 80
# The time at the beginning of a folder's name.
_STAMP = 15


class Glance(NamedTuple):
    """What naming looks at of a run: its name, and the last value of the metric that is asked for.

    The value is None where the run has none.
    """

    folder: Path
    name: str
    value: float | None


# Tells of all runs that are not deleted, the newest first. The one below reads every record; the
# index of `gittrack.search`, which this layer does not know, tells the same sooner.
Glances: TypeAlias = "Callable[[Store, str], list[Glance]]"


def read_all(store: Store, metric: str) -> list[Glance]:
    """Return what all runs have, after reading them."""
    return [
        Glance(run.folder, run.record.name, summary.last if summary else None)
        for run in store.runs().runs
        for summary in (run.record.metrics.get(metric),)
    ]


def find(store: Store, reference: str, glances: Glances = read_all) -> StoredRun:
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
        return read_run(_latest(store, int(match[1] or 0), glances(store, "")), store.tree)
    if match := _BEST.fullmatch(reference):
        best = _best(store, match[1], match[2] or "max", glances(store, match[1]))
        return read_run(best, store.tree)
    as_path = "/" in reference or reference == "."
    if as_path and _is_run(Path(reference)):
        return read_run(Path(reference).resolve())
    return read_run(_only(store, reference, _fitting(store, reference, glances)), store.tree)


def _is_run(folder: Path) -> bool:
    try:
        return (folder / paths.RUN_JSON).is_file()
    except PermissionError as error:
        raise StoreError(
            f"cannot read {folder}: {error.strerror}", hint="check its rights"
        ) from None
    except OSError:  # such as a name that is longer than any file's
        return False


def _latest(store: Store, back: int, runs: list[Glance]) -> Path:
    _check_newer(store, runs[: back + 1])
    if back >= len(runs):
        so = f", so no @~{back}" if runs else " yet"
        raise NotFoundError(
            f"there {_count(len(runs))} in {store.place}{so}", hint="gittrack ls shows them"
        )
    return runs[back].folder


def _check_newer(store: Store, runs: list[Glance]) -> None:
    """Refuse to take a run for the latest while a newer one is there that cannot be read."""
    known = {run.folder for run in runs}
    since = runs[-1].folder.name[:_STAMP] if runs else ""
    for folder in set(_begun_since(store, since)) - known:
        try:
            read_run(folder, store.tree)
        except RunBeingMadeError:
            continue
        except BrokenRunError as error:
            raise BrokenRunError(
                f"a run that may be meant cannot be read: {error.message}", hint=error.hint
            ) from None


def _begun_since(store: Store, stamp: str) -> Iterator[Path]:
    for experiment in store.experiments():
        with suppress(StoreError):  # what may not be listed is told by every listing
            names = store.run_names(experiment.experiment_id)
            yield from (
                store.root / experiment.experiment_id / name for name in names if name >= stamp
            )


def _best(store: Store, metric: str, direction: str, runs: list[Glance]) -> Path:
    measured = {
        run.folder: run.value for run in runs if run.value is not None and run.value == run.value
    }
    if not measured:
        raise _unmeasured(store, metric)
    return (max if direction == "max" else min)(measured, key=lambda folder: measured[folder])


def _unmeasured(store: Store, metric: str) -> NotFoundError:
    known = {name for run in store.runs().runs for name in run.record.metrics}
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
    return NotFoundError(what, hint=f"there are: {some(names, _LISTED)}")


def _count(runs: int) -> str:
    return "is 1 run" if runs == 1 else f"are {runs or 'no'} runs"


def _fitting(store: Store, reference: str, glances: Glances) -> list[Path]:
    by_id = {path: _id_of(path) for path in store.run_folders(deleted=True)}
    exact = [path for path, run_id in by_id.items() if reference in (run_id, path.name)]
    if exact:
        return exact
    begun = [path for path, run_id in by_id.items() if run_id.startswith(reference)]
    if begun and len(reference) >= _TELLING:
        return begun
    # A short name may also be the beginning of another run's id.
    named = [run.folder for run in glances(store, "") if run.name == reference]
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
