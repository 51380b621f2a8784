"""What Git costs: commands that read and write its objects, and MLflow's file store beside ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measuring import best, process, row
from tests.parts import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS, PARAMS, METRICS, STEPS = 2_200, 20, 15, 50
LISTED = 10_000
FILES = 50_000
ROUNDS = 3
TIME = 1_795_411_510_252
PEER = environment("mlflow-3.17")

# Makes one run; the others are written as it was, with values of their own.
MLFLOW = f"""
import mlflow
from mlflow.entities import Metric, Param
with mlflow.start_run() as run:
    client = mlflow.MlflowClient()
    params = [Param(f"param{{n}}", str(n / 7)) for n in range({PARAMS})]
    client.log_batch(run.info.run_id, params=params)
    for step in range({STEPS}):
        at = {TIME} + step
        metrics = [Metric(f"metric{{n}}", 1 / (n + step + 1), at, step) for n in range({METRICS})]
        client.log_batch(run.info.run_id, metrics=metrics)
print(run.info.run_id)
"""


def git(*args: str) -> None:
    subprocess.run(["git", *args], check=True, capture_output=True)


@contextmanager
def inside(folder: str) -> Iterator[None]:
    """Work in a folder for the time of the block."""
    before = Path.cwd()
    Path(folder).mkdir(exist_ok=True)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def timed(*args: str) -> float:
    begin = time.perf_counter()
    git(*args)
    return time.perf_counter() - begin


def value(number: int, run: int, step: int) -> float:
    """Return what no other series of any run has, since Git keeps equal files once."""
    return (number * RUNS + run + 1) / (RUNS * step)


def our_runs(count: int, *, steps: int = STEPS) -> None:
    import gittrack

    for index in range(count):
        with gittrack.start_run():
            gittrack.log_params({f"param{n}": value(n, index, 7) for n in range(PARAMS)})
            for step in range(steps):
                values = {f"metric{n}": value(n, index, step + 1) for n in range(METRICS)}
                gittrack.log_metrics(values, step=step)


def their_runs(count: int) -> None:
    asked = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_TRACKING_URI": "mlruns"}
    done = subprocess.run(
        [PEER, "-c", MLFLOW], env=asked, check=True, capture_output=True, text=True
    )
    first = done.stdout.split()[-1]
    (folder,) = Path("mlruns").glob(f"*/{first}")
    for index in range(1, count):
        run_id = f"{index:032x}"
        copy = folder.with_name(run_id)
        shutil.copytree(folder, copy)
        (copy / "meta.yaml").write_text((copy / "meta.yaml").read_text().replace(first, run_id))
        for n in range(PARAMS):
            (copy / "params" / f"param{n}").write_text(str(value(n, index, 7)))
        for n in range(METRICS):
            lines = "".join(
                f"{TIME + step} {value(n, index, step + 1)} {step}\n" for step in range(STEPS)
            )
            (copy / "metrics" / f"metric{n}").write_text(lines)


def store_in_git(name: str, make: Callable[[int], None]) -> tuple[int, float, float]:
    """Return files, and seconds of `git add` and of `git status` after the commit."""

    def add() -> float:
        shutil.rmtree(".git", ignore_errors=True)
        git("init", "-q")
        # What was written before is not to be waited for in here.
        os.sync()
        return timed("add", "-A")

    with inside(name):
        git("init", "-q")  # or the runs would be those of the repository around it
        make(RUNS)
        files = sum(len(names) for _, _, names in os.walk("mlruns"))
        added = min(add() for _ in range(ROUNDS))
        git("commit", "-q", "-m", "runs")
        git("status")
        return files, added, best(lambda: git("status"), 3)


def commands() -> None:
    our_runs(20)
    git("add", "-A")
    git("commit", "-q", "-m", "runs")
    row("gittrack diff @ @~1", f"{process('-m', 'gittrack', 'diff', '@', '@~1'):.3f} s", "≤ 0.4 s")
    row("gittrack report, 20 runs", f"{process('-m', 'gittrack', 'report'):.3f} s", "≤ 1.5 s")


def listing() -> None:
    """Runs of another branch, which is never checked out."""
    git("checkout", "-q", "-b", "many")
    store = Path("mlruns/default")
    first = next(store.iterdir())
    text = (first / "run.json").read_text()
    for index in range(LISTED):
        run_id = f"a{index:09d}"
        folder = store / f"20250101-000000-{run_id}"
        shutil.copytree(first, folder)
        (folder / "run.json").write_text(text.replace(first.name[16:], run_id))
    git("add", "-A")
    git("commit", "-q", "-m", "many")
    git("checkout", "-q", "-")
    seconds = process("-m", "gittrack", "ls", "--rev", "many")
    row(f"gittrack ls --rev, {LISTED:,} runs", f"{seconds:.3f} s", "≤ 2 s")


def committing() -> None:
    for index in range(FILES):
        path = Path(f"src/{index // 100}/{index}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(index))
    git("add", "-A")
    git("commit", "-q", "-m", "files")

    def once() -> float:
        our_runs(1)
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "gittrack", "commit"], check=True, capture_output=True
        )
        return time.perf_counter() - begin

    seconds = sorted(once() for _ in range(5))[2]
    row(f"gittrack commit beside {FILES:,} files", f"{seconds:.3f} s", "≤ 0.5 s")


def main() -> None:
    commands()
    committing()
    listing()
    files, added, status = store_in_git("ours", our_runs)
    row(
        f"{RUNS:,} runs: files, git add, git status", f"{files:,}", f"{added:.2f} s, {status:.3f} s"
    )
    if not PEER.exists():
        row("MLflow's file store", "-", f"{PEER} was not made")
        return
    their_files, their_added, their_status = store_in_git("theirs", their_runs)
    row("MLflow's file store", f"{their_files:,}", f"{their_added:.2f} s, {their_status:.3f} s")
    row("  times as many files", f"{their_files / files:.1f}", "≥ 5")
    row("  times as long for git add", f"{their_added / added:.1f}", "≥ 3")
    row("  times as long for git status", f"{their_status / status:.1f}", "≥ 3")
