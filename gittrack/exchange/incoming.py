"""What an importer gives: experiments and runs of another tool, read one at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gittrack import paths, secrets
from gittrack.exchange import copying
from gittrack.files import Problem
from gittrack.runs import edits, lines
from gittrack.runs.edits import Edit
from gittrack.runs.reading import read_run
from gittrack.runs.record import RUNNING, RunRecord, to_bytes
from gittrack.runs.values import param_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from gittrack.runs.lines import FileFold, Point
    from gittrack.runs.values import ParamValue

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
LAST_TIME = 253_402_300_799_999  # the end of the year 9999
_MOST_KEPT = 1000
_MAY_HOLD_SECRETS = ("name", "params", "tags", "source", "user")
_MOST_WAITING = 40_000


class Left:
    """What was left out and why: the first of a store's problems in full, the others counted."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.more = 0

    def add(self, path: Path, message: str, *, line: int = 0, hint: str = "") -> None:
        """Keep one more."""
        self.extend([Problem(path, message, line, hint)])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep several more."""
        for problem in problems:
            if len(self.problems) < _MOST_KEPT:
                self.problems.append(problem)
            else:
                self.more += 1


@dataclass(frozen=True)
class ForeignExperiment:
    """An experiment as another tool has it; `time` in ms since 1970 UTC."""

    name: str
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    time: int = 0


class Incoming(Protocol):
    """A run that can be written into a folder of its own."""

    @property
    def run_id(self) -> str:
        """Its id, which it keeps."""

    @property
    def experiment(self) -> str:
        """The name of its experiment."""

    @property
    def start_time(self) -> int:
        """When it began, in ms since 1970 UTC."""

    @property
    def experiment_folder(self) -> str | None:
        """The folder of its experiment, or None where the name decides."""

    def fill(self, folder: Path, left: Left, *, over: Path | None = None) -> None:
        """Write all of it, or what is new beside the run in the folder `over`."""

    def compare(self, folder: Path) -> str:
        """Tell what it is to the run of that id in a folder: "same", "newer", or why neither."""


class Waiting(NamedTuple):
    """A run that is known by id, and read when its turn comes."""

    run_id: str
    path: Path
    read: Callable[[], Incoming]


@dataclass(frozen=True)
class ForeignVersion:
    """A version of a registered model.

    Attributes:
        places: folders below the artifacts of its run, of which the first with a model is its own.
        time: when it was made, in ms since 1970 UTC; `changed`: when something was last said of it.
    """

    number: int
    run_id: str
    places: tuple[str, ...]
    time: int
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    changed: int = 0


@dataclass(frozen=True)
class ForeignModel:
    """A registered model as another tool has it."""

    name: str
    versions: Sequence[ForeignVersion]
    aliases: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    time: int = 0


class Extra(NamedTuple):
    """A file beside the runs, and where in the store it belongs."""

    source: Path
    place: Path
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Source:
    """What there is to bring in; `close` is called when all of it is."""

    runs: Sequence[Waiting]
    experiments: Sequence[ForeignExperiment] = ()
    models: Sequence[ForeignModel] = ()
    extras: Sequence[Extra] = ()
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class ForeignRun:
    """A run of another tool, its record made and its metrics still to be read.

    Attributes:
        record: the record less its metrics.
        points: yields every value of every metric, in the order that it is to be written in.
        artifacts: folders or files, and where below `artifacts/` they go.
        deleted: when it was deleted, in ms since 1970 UTC, or None.
    """

    record: RunRecord
    points: Callable[[], Iterable[tuple[str, Point]]]
    artifacts: Sequence[tuple[Path, str]] = ()
    deleted: int | None = None

    @property
    def run_id(self) -> str:
        """Its id, which it keeps."""
        return self.record.run_id

    @property
    def experiment(self) -> str:
        """The name of its experiment."""
        return self.record.experiment

    @property
    def start_time(self) -> int:
        """When it began, in ms since 1970 UTC."""
        return self.record.start_time

    @property
    def experiment_folder(self) -> str | None:
        """None: the name of its experiment decides."""
        return None

    def fill(self, folder: Path, left: Left, *, over: Path | None = None) -> None:  # noqa: ARG002 - it is whole
        """Write all of it into an empty folder."""
        for source, below in self.artifacts:
            copying.copy(source, folder / paths.ARTIFACTS / below, left.extend)
        record = without_secrets(self.record)
        folded = lines.merge(write_points(folder, self.points()), record.params)
        record = record.replaced(metrics=folded.metrics, files=folded.files)
        if self.deleted is not None:
            edit = Edit(time=self.deleted, deleted=True)
            edits.write_as(folder, edit, paths.edit_name_of(self.deleted, self.run_id))
        (folder / paths.RUN_JSON).write_bytes(to_bytes(record))

    def compare(self, folder: Path) -> str:
        """Tell what it is to the run of that id in a folder: "same", "newer", or why neither."""
        there = read_run(folder).record
        went_on = (there.end_time or 0) < (self.record.end_time or 0)
        has_ended = there.status == RUNNING and self.record.status != RUNNING
        return "newer" if went_on or has_ended else "same"


def write_points(folder: Path, points: Iterable[tuple[str, Point]]) -> dict[str, FileFold]:
    """Write metrics into line files, as large as a run's own are, and return their folds."""
    folds: dict[str, FileFold] = {}
    name = paths.line_file_name(first=True)
    waiting = iter(points)
    while (point := next(waiting, None)) is not None:
        folds[name] = fold = lines.FileFold()
        with (folder / name).open("xb") as file:
            _fill_file(file, fold, point, waiting)
        name = paths.next_line_file(name)
    return folds


def _fill_file(
    file: IO[bytes],
    fold: FileFold,
    first: tuple[str, Point] | None,
    waiting: Iterator[tuple[str, Point]],
) -> None:
    given = first
    while given is not None:
        metric, (step, time, value) = given
        line = lines.metric_line(metric, value, time=time, step=step)
        file.write(line)
        fold.size += len(line)
        fold.waiting += (metric, step, time, value)
        if len(fold.waiting) > _MOST_WAITING:
            fold.settle()
        if fold.size >= paths.MAX_LINE_FILE:
            break
        given = next(waiting, None)
    fold.settle()


def without_secrets(record: RunRecord) -> RunRecord:
    """Return a record that may be committed, what looked like a secret named in it."""
    found: list[str] = []

    def safe(what: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: safe(f"{what}.{name}", item) for name, item in value.items()}
        safer = secrets.redact_named(what, value)
        if safer is not value:
            found.append(what)
        return safer

    changed = {key: safe(key, getattr(record, key)) for key in _MAY_HOLD_SECRETS}
    inputs = tuple(safe("inputs", entry) for entry in record.inputs)
    left_out = tuple(sorted({*record.left_out, *found}))
    return record.replaced(**changed, inputs=inputs, left_out=left_out)


def plain_params(params: Mapping[str, object]) -> dict[str, ParamValue]:
    """Return params as a record keeps them."""
    return {name: param_value(value) for name, value in params.items()}
