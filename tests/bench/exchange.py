"""Bringing in 10,000 runs of MLflow's, checking them, and writing them out again.

The peer of each is what the machine needs to read or copy the same files, in the same run.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measuring import row

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = int(os.environ.get("BENCH_RUNS", "10000"))
META = """\
artifact_uri: file:///home/ana/mlruns/1/{run}/artifacts
end_time: {end}
entry_point_name: ''
experiment_id: '1'
lifecycle_stage: active
run_id: '{run}'
run_name: run-{number}
source_name: ''
source_type: 4
source_version: ''
start_time: {start}
status: 3
tags: []
user_id: ana
"""
TAGS = {
    "mlflow.runName": "run-{number}",
    "mlflow.user": "ana",
    "mlflow.source.name": "train.py",
    "mlflow.source.type": "LOCAL",
    "team": "a",
}


def make_store(root: Path) -> None:
    """Write a file store as MLflow does: 5 params, 5 tags, 5 metrics of 20 values, an artifact."""
    experiment = root / "1"
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text(
        "experiment_id: '1'\nlifecycle_stage: active\nname: wine\n"
    )
    for number in range(RUNS):
        run, start = f"{number:032x}", 1_795_411_510_252 + number * 1000
        folder = experiment / run
        for name in ("metrics", "params", "tags", "artifacts"):
            (folder / name).mkdir(parents=True)
        meta = META.format(run=run, number=number, start=start, end=start + 900)
        (folder / "meta.yaml").write_text(meta)
        for name, value in TAGS.items():
            (folder / "tags" / name).write_text(value.format(number=number))
        for index in range(5):
            (folder / "params" / f"p{index}").write_text(str(number * index / 7))
            lines = [f"{start + step} {step / (number + 1)} {step}\n" for step in range(20)]
            (folder / "metrics" / f"m{index}").write_text("".join(lines))
        (folder / "artifacts" / "notes.txt").write_text("x" * 500)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes, once."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def command(*arguments: str) -> tuple[float, float]:
    """Return the seconds of a command of gittrack's, and the most memory it took, in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    seconds = timed(
        lambda: subprocess.run(
            [sys.executable, "-m", "gittrack", *arguments], check=True, capture_output=True
        )
    )
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, max(before, most) / 1024


def copied(source: Path) -> float:
    """Return the seconds of copying a tree, which is thrown away again."""
    target = source.with_name("copy")
    seconds = timed(lambda: shutil.copytree(source, target))
    shutil.rmtree(target)
    return seconds


def read(root: Path) -> float:
    """Return the seconds of reading every file of a tree."""
    return timed(lambda: [path.read_bytes() for path in root.rglob("*") if path.is_file()])


def main() -> None:
    """Measure import, fsck and export of one store."""
    folder = Path.cwd()
    make_store(folder / "old")
    seconds, memory = command("import", "mlflow", "old")
    peer = copied(folder / "old")
    row(f"import of {RUNS:,} runs", f"{seconds:.1f} s", f"≤ 60 s; copying them {peer:.1f} s")
    row("  its memory", f"{memory:.0f} MB", "flat")
    shutil.rmtree(folder / "old")
    seconds, _ = command("fsck")
    row(
        f"fsck of {RUNS:,} runs",
        f"{seconds:.1f} s",
        f"≤ 15 s; reading {read(folder / 'mlruns'):.1f} s",
    )
    seconds, _ = command("export", "mlflow", "out")
    peer = copied(folder / "out")
    row(f"export of {RUNS:,} runs", f"{seconds:.1f} s", f"≤ 60 s; copying them {peer:.1f} s")
