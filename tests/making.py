"""Runs on disk, for tests that read them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gittrack import paths
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.record import FINISHED, MetricSummary, RunRecord, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gittrack.runs.store import Store

START = 1_795_411_510_252


def record(run_id: str, **given: Any) -> RunRecord:
    """Make a record; a metric may be given as its last value."""
    metrics = {
        name: value
        if isinstance(value, MetricSummary)
        else MetricSummary(float(value), 0, float(value), float(value), 1)
        for name, value in given.pop("metrics", {}).items()
    }
    start = given.pop("start_time", START)
    defaults = {"name": f"name-{run_id}", "experiment": "wine", "status": FINISHED}
    end = given.pop("end_time", start + 61_333)
    return RunRecord(
        run_id=run_id, start_time=start, end_time=end, metrics=metrics, **{**defaults, **given}
    )


def write_run(
    store: Store, run_id: str, *, files: dict[str, str | bytes] | None = None, **given: Any
) -> StoredRun:
    """Write a run folder; `files` are further ones, by their path in it."""
    made = record(run_id, **given)
    experiment = store.create_experiment(made.experiment)
    folder = store.root / experiment.experiment_id
    folder = folder / paths.run_folder_name(run_id, made.start_time)
    folder.mkdir(parents=True)
    (folder / paths.RUN_JSON).write_bytes(to_bytes(made))
    for name, content in (files or {}).items():
        put(folder / name, content)
    return read_run(folder)


def leave_half(path: Path) -> Path:
    """Leave a half-written file of a process that was killed two days ago."""
    put(path, "half")
    long_ago = time.time() - 2 * 86_400
    os.utime(path, (long_ago, long_ago))
    return path


def settled(store: Store, reference: str) -> str:
    """Return a run's state, when a program that its killed process was about to start has begun."""
    for _ in range(6000):
        if (state := store.find(reference).state()) != "running":
            break
        time.sleep(0.01)
    return state


@contextmanager
def shut(path: Path, mode: int = 0) -> Iterator[None]:
    """Take the rights to a file or folder away for a while."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


def without_rights(
    *args: str, program: Sequence[str] = ("-m", "gittrack")
) -> subprocess.CompletedProcess[str]:
    """Run gittrack as one who needs rights, which root does not; `setpriv` takes that from it."""
    rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    command = [*(rights if os.geteuid() == 0 else ()), sys.executable, *program, *args]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def put(path: Path, content: str | bytes) -> None:
    """Write a file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
