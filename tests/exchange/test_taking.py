"""An import that was killed and started again ends where one ends that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.making import put

RUNS = 450
META = """\
experiment_id: '1'
lifecycle_stage: active
run_id: '{run}'
run_name: '{run}'
start_time: 1795414664673
end_time: 1795414664724
status: 3
"""


@pytest.fixture
def old(isolated: Path) -> Path:
    """A file store of MLflow's, with more runs than one batch has."""
    root = isolated / "old"
    put(root / "1" / "meta.yaml", "experiment_id: '1'\nname: wine\nlifecycle_stage: active\n")
    put(root / "1" / "tags" / "team", "a")
    for number in range(RUNS):
        folder = root / "1" / f"{number:032x}"
        put(folder / "meta.yaml", META.format(run=folder.name))
        put(folder / "params" / "alpha", str(number))
        put(folder / "metrics" / "loss", f"100 {number} 0\n")
        put(folder / "artifacts" / "note.txt", "x" * 5000)
    return root


def start(old: Path, new: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gittrack", "--store", str(new), "import", "mlflow", str(old)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def runs_in(folder: Path) -> int:
    return sum(path.is_dir() for path in folder.iterdir()) if folder.is_dir() else 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "number"), [(".cache/import", 1), (".cache/import", 150), ("wine", 1), ("wine", 250)]
)
def test_killed_at_any_moment_and_started_again(
    old: Path, isolated: Path, where: str, number: int
) -> None:
    assert start(old, isolated / "whole").wait(120) == 0
    cut = isolated / "cut"
    process = start(old, cut)
    deadline = time.monotonic() + 60
    while runs_in(cut / where) < number and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    for folder in (cut / "wine").glob("2*"):  # what has its name is whole
        assert (folder / "run.json").stat().st_size > 0
        assert (folder / "artifacts" / "note.txt").stat().st_size == 5000
    assert start(old, cut).wait(120) == 0
    assert tree(cut) == tree(isolated / "whole")
    assert runs_in(cut / "wine") == RUNS
