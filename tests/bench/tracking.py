"""What logging costs: start-up, a short run, single calls, each beside what it stands against.

The real MLflow 3.17 logs the same to its file store and to SQLite in the same minute, in the
environment that `.ci/parts/20-mlflow.sh` makes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests import parts
from tests.bench.measuring import compare, process, row, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20_000
RUNS = 1_000
POINTS = 1_000_000

SCRIPT = """
import gittrack
with gittrack.start_run():
    gittrack.log_params({f"p{i}": i for i in range(5)})
    for i in range(10):
        gittrack.log_metric("loss", i, step=i)
"""
# Logs in one of MLflow's stores and says the seconds of one call.
PEER = """
import logging, os, sys, time
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
logging.disable()
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5)
    calls = int(sys.argv[2])
    begin = time.perf_counter()
    for i in range(calls):
        mlflow.log_metric("loss", 1 / (i + 1), step=i)
    print((time.perf_counter() - begin) / calls)
"""
HISTORY = """
import resource, sys, time
from gittrack.runs.store import Store
run = Store.open().find("@")
begin = time.perf_counter()
series = run.series("loss")
seconds = time.perf_counter() - begin
assert len(series.values) == int(sys.argv[1])
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
LOGGER = """
import resource, sys
import gittrack
points = int(sys.argv[1])
with gittrack.start_run():
    for i in range(points):
        gittrack.log_metric("loss", 1 / (i + 1), step=i)
        if i == points // 10:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def say(script: str, *arguments: str, python: Path | str = sys.executable) -> list[float]:
    """Run a script in a fresh process and return the numbers that it says."""
    done = subprocess.run(
        [python, "-c", script, *arguments], check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.split()]


def start_up(folder: Path) -> None:
    """Measure commands and a short script in a Git repository with uncommitted changes."""
    (folder / "script.py").write_text(SCRIPT)
    (folder / "train.py").write_text("x = 1\n")
    commit = ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"]
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", *commit], check=True)
    (folder / "train.py").write_text("x = 2\n")
    bare = process("-c", "pass")
    row(
        "import gittrack, over bare Python",
        seconds(process("-c", "import gittrack") - bare),
        "≤ 0.030 s",
    )
    row("gittrack --version", seconds(process("-m", "gittrack", "--version")), "≤ 0.120 s")
    row("gittrack --help", seconds(process("-m", "gittrack", "--help")), "≤ 0.150 s")
    row(
        "script with one short run, over bare Python",
        seconds(process("script.py") - bare),
        "≤ 0.120 s",
    )
    record = json.loads(max(folder.glob("mlruns/default/*/run.json")).read_bytes())
    git = record["source"]["git"]
    made = max(folder.glob("mlruns/default/*"))
    complete = len(git["commit"]) == 40 and git["dirty"] and git["patch_sha256"]
    complete = complete and (made / "source.patch").stat().st_size
    complete = complete and (made / "requirements.txt").stat().st_size
    row("  its commit, dirty flag, patch and requirements", "recorded" if complete else "MISSING")


def raw(folder: Path) -> Callable[[], None]:
    """Return a bare loop that appends the same lines."""
    descriptor = os.open(folder / "raw.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def one(i: int) -> None:
        line = '{"step":%d,"time":%d,"metrics":{"loss":%r}}\n'
        os.write(descriptor, (line % (i, time.time_ns() // 1000000, 1 / (i + 1))).encode())

    def loop() -> None:
        for i in range(CALLS):
            one(i)

    return loop


def raw_of_ten(folder: Path) -> Callable[[], None]:
    """Return a loop that appends lines of ten metrics, made by the standard `json`."""
    descriptor = os.open(folder / "ten.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def loop() -> None:
        for i in range(CALLS // 10):
            metrics = {f"m{n}": n / (i + 1) for n in range(10)}
            entry = {"step": i, "time": time.time_ns() // 1000000, "metrics": metrics}
            os.write(descriptor, (json.dumps(entry) + "\n").encode())

    return loop


def calls(folder: Path) -> None:
    """Measure single calls of an open run beside bare loops and MLflow."""
    import gittrack

    def one_by_one() -> None:
        for i in range(CALLS):
            gittrack.log_metric("loss", 1 / (i + 1), step=i)

    def tens() -> None:
        for i in range(CALLS // 10):
            gittrack.log_metrics({f"m{n}": n / (i + 1) for n in range(10)}, step=i)

    with gittrack.start_run():
        ours, beside = compare(one_by_one, raw(folder))
        row("log_metric", f"{ours / CALLS * 1e6:.2f} µs", f"{beside / ours:.2f} of raw, ≥ 0.65")
        each = ours / CALLS
        ours, beside = compare(tens, raw_of_ten(folder))
        row("log_metrics of ten", f"{ours / CALLS * 1e7:.2f} µs", f"{beside / ours:.2f}, ≥ 0.8")
    python = parts.environment("mlflow-3.17")
    if python.exists():
        (file,) = say(PEER, str(folder / "peer"), "300", python=python)
        (base,) = say(PEER, f"sqlite:///{folder}/peer.db", "100", python=python)
        row("  of MLflow 3.17, file store", f"{file * 1e6:.0f} µs", f"{file / each:.0f}x, ≥ 100x")
        row("  of MLflow 3.17, SQLite", f"{base * 1e6:.0f} µs", f"{base / each:.0f}x, ≥ 1000x")

    def params() -> float:
        with gittrack.start_run():
            begin = time.perf_counter()
            for i in range(100):
                gittrack.log_param(f"param{i}", i)
            return time.perf_counter() - begin

    row("100 calls of log_param", seconds(min(params() for _ in range(7))), "≤ 0.003 s")


def short_runs(folder: Path) -> None:
    """Measure many short runs beside a loop that makes the same files, flushed as often."""
    import gittrack
    from gittrack.files import sync_folder

    def ours() -> None:
        for _ in range(RUNS // 10):
            with gittrack.start_run():
                gittrack.log_params({f"p{i}": i for i in range(10)})
                for i in range(5):
                    gittrack.log_metric("loss", i, step=i)

    with gittrack.start_run() as run:
        gittrack.log_params({f"p{i}": i for i in range(10)})
        for i in range(5):
            gittrack.log_metric("loss", i, step=i)
    model = {path.name: path.read_bytes() for path in run.writer.folder.iterdir()}
    made = iter(range(10**9))

    def write(path: Path, data: bytes) -> None:
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.close(descriptor)
        temporary.replace(path)

    def bare() -> None:
        for _ in range(RUNS // 10):
            place = folder / "bare" / str(next(made))
            place.mkdir(parents=True)
            write(place / "run.json", model["run.json"])
            for name in model.keys() - {"run.json", "metrics.jsonl"}:
                (place / name).write_bytes(model[name])
            with (place / "metrics.jsonl").open("ab", buffering=0) as file:
                for line in model["metrics.jsonl"].splitlines(keepends=True):
                    file.write(line)
            write(place / "run.json", model["run.json"])
            sync_folder(place)

    mine, beside = compare(ours, bare, rounds=RUNS // 100)
    row("a short run", f"{mine / RUNS * 1e4:.2f} ms", f"{beside / mine:.2f} of a bare loop, ≥ 0.4")


def many_points() -> None:
    """Measure the history of a million points, and the memory of what logs ten millions."""
    shutil.rmtree("mlruns", ignore_errors=True)
    say(LOGGER, str(POINTS))
    took, memory = min(say(HISTORY, str(POINTS)) for _ in range(3))
    row("history of 1,000,000 points", seconds(took), "≤ 1.5 s")
    row("  memory of the process", f"{memory:.0f} MB", "≤ 200 MB")
    early, late = say(LOGGER, str(10 * POINTS))
    row("memory after 1,000,000 logged points", f"{early:.0f} MB")
    row("  after 10,000,000", f"{late:.0f} MB", "flat")


def main() -> None:
    folder = Path.cwd()
    start_up(folder)
    row("gittrack ls", seconds(process("-m", "gittrack", "ls")), "≤ 0.250 s")
    calls(folder)
    short_runs(folder)
    many_points()
