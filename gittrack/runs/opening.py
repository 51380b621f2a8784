"""What a run begins with: a folder that is its own, a first record, and the mark of its process."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.errors import StoreError
from gittrack.runs import edits, live, provenance
from gittrack.runs.names import new_name
from gittrack.runs.record import RUNNING, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gittrack.runs.store import Experiment, Store


def new_record(
    run_id: str,
    start: int,
    name: str | None,
    experiment: Experiment,
    *,
    source: Mapping[str, object],
) -> RunRecord:
    """Return the record of a run that begins now; without a name it gets a random one."""
    return RunRecord(
        run_id=run_id,
        name=name or new_name(),
        experiment=experiment.name,
        status=RUNNING,
        start_time=start,
        source=source,
        python=provenance.python_version(),
        platform=provenance.platform(),
    )


def make_folder(experiment: Path, start: int) -> tuple[str, Path]:
    """Make the folder of a run that starts at `start` (ms since 1970 UTC); return its id too.

    Raises:
        StoreError: it cannot be made.
    """
    if experiment.is_symlink():
        raise StoreError(f"{experiment} is a link that may lead out of the store", hint="remove it")
    while True:
        run_id = paths.new_run_id()
        folder = experiment / paths.run_folder_name(run_id, start)
        with suppress(FileExistsError), edits.kept(experiment):
            files.make_folder(folder, exist_ok=False)
            return run_id, folder


def take_mark(store: Store, run_id: str) -> live.Mark | None:
    """Mark a run as open in this process; None where another process holds it.

    Raises:
        StoreError: the mark cannot be written.
    """
    try:
        return live.take(store.root, run_id)
    except OSError as error:
        raise StoreError(
            f"cannot mark run {run_id} as running in {store.root}: {error.strerror}",
            hint="check space and rights there",
        ) from error


@contextmanager
def own_folder(
    store: Store, experiment: Experiment, start: int
) -> Iterator[tuple[str, Path, live.Mark | None]]:
    """Give a new run's id, folder and mark; where the block fails, all of it is taken back.

    Raises:
        StoreError: they cannot be made.
    """
    run_id, folder = make_folder(store.root / experiment.experiment_id, start)
    mark = None
    try:
        mark = take_mark(store, run_id)
        yield run_id, folder, mark
    except StoreError:
        if mark is not None:
            mark.release()
        with suppress(OSError):  # a folder without a record would be taken for a broken run
            folder.rmdir()
        raise
