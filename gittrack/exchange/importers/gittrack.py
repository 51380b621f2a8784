"""Runs of another tree of gittrack's: a job's share of a sweep, a cluster's scratch folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.exchange import copying
from gittrack.exchange.incoming import Extra, Left, Source, Waiting
from gittrack.runs.reading import is_running, read_run
from gittrack.runs.record import RUNNING, from_json
from gittrack.runs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LABEL = "tree of gittrack's (a folder of runs with run.json files)"
_BLOCK = 1 << 20


def detect(path: Path) -> bool:
    """Tell whether a path is a tree of runs, or holds one as `mlruns`."""
    return _root(path) is not None


def _root(path: Path) -> Path | None:
    for root in (path, path / paths.STORE):
        if root.is_dir() and any(
            (folder / paths.RUN_JSON).is_file() for folder in Store(root).run_folders(deleted=True)
        ):
            return root
    return None


def read(path: Path, left: Left, *, folders: tuple[Path, ...]) -> Source:  # noqa: ARG001 - all of them take it
    """Return the runs of a tree, and what is said of its experiments and models."""
    store = Store((_root(path) or path).resolve())
    runs = [
        Waiting(parsed.run_id, folder, _Reader(folder))
        for folder in store.run_folders(deleted=True)
        if (parsed := paths.parse_run_folder(folder.name)) is not None
    ]
    problems: list[files.Problem] = []
    extras = [
        Extra(found, found.relative_to(store.root), partial(files.read_bytes, found))
        for experiment in store.experiments(deleted=True)
        for found in sorted((store.root / experiment.experiment_id).glob("*.json"))
    ]
    extras += [
        Extra(found, found.relative_to(store.root), partial(files.read_bytes, found))
        for found in files.walk(store.root / paths.REGISTRY, problems)
    ]
    left.extend(problems)
    return Source(runs, extras=extras)


@dataclass(frozen=True)
class _Reader:
    folder: Path

    def __call__(self) -> TreeRun:
        record = read_run(self.folder).record
        return TreeRun(self.folder, record.run_id, record.experiment, record.start_time)


@dataclass(frozen=True)
class TreeRun:
    """A run of another tree, taken file by file."""

    source: Path
    run_id: str
    experiment: str
    start_time: int

    @property
    def experiment_folder(self) -> str | None:
        """The folder of its experiment, which is the same in every tree."""
        return self.source.parent.name

    def fill(self, folder: Path, left: Left, *, over: Path | None = None) -> None:
        """Copy all of it, or what is new beside the run in a folder."""
        if over is None:
            copying.copy(self.source, folder, left.extend)
            return
        for name in news(self.source, over):
            copying.copy(self.source / name, folder / name, left.extend)

    def compare(self, folder: Path) -> str:
        """Tell what it is to the run of that id in a folder: "same", "newer", or why neither."""
        try:
            return "newer" if list(news(self.source, folder)) else "same"
        except (ValueError, OSError) as error:
            return f"another run has that id, and is kept: {error}"


def news(theirs: Path, ours: Path) -> Iterator[Path]:
    """Yield the files of a run that another copy of it lacks, or has only the beginning of.

    Raises:
        ValueError: they are no copies of one run.
    """
    if theirs.name != ours.name or theirs.parent.name != ours.parent.name:
        raise ValueError(f"it is {ours.parent.name}/{ours.name}")
    open_still = is_running(ours)
    for path in files.walk(theirs):
        name = path.relative_to(theirs)
        if not (ours / name).exists():
            if not path.is_symlink():
                yield name
        elif name.as_posix() == paths.RUN_JSON:
            if _has_ended_since(path, ours / name):
                yield name
        elif _continues(path, ours / name, free=open_still and name.parts[0] == paths.ARTIFACTS):
            yield name


def _has_ended_since(theirs: Path, ours: Path) -> bool:
    if files.read_bytes(theirs) == files.read_bytes(ours):
        return False
    records = [from_json(files.read_json(path)) for path in (theirs, ours)]
    one, other = records
    if (one.start_time, one.run_id) != (other.start_time, other.run_id) or RUNNING not in (
        one.status,
        other.status,
    ):
        raise ValueError(f"{paths.RUN_JSON} differs")
    return other.status == RUNNING and (one.status != RUNNING or len(one.files) > 0)


def _continues(theirs: Path, ours: Path, *, free: bool) -> bool:
    """Tell whether a file goes on where ours ends; a `free` one may be another altogether."""
    grows = paths.is_line_file(theirs.name) or theirs.name == paths.OUTPUT_LOG
    sizes = theirs.stat().st_size, ours.stat().st_size
    with files.open_plain(theirs) as one, files.open_plain(ours) as other:
        while True:
            block = one.read(_BLOCK), other.read(_BLOCK)
            shorter = min(map(len, block))
            if block[0][:shorter] != block[1][:shorter] or (not grows and sizes[0] != sizes[1]):
                if free:
                    return True
                raise ValueError(f"{theirs.name} differs")
            if len(block[0]) != len(block[1]) or not shorter:
                return sizes[0] > sizes[1]
