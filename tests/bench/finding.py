"""What finding runs costs: search with and without the index, the list as a process, memory.

Each line is the best of some rounds with a warm page cache, the check of what has changed included.
Beside it: the first search, which makes the index, with the page cache dropped where this may be.
MLflow's file store answers the same search over as many runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from gittrack import paths
from gittrack.runs.record import MetricSummary, RunRecord, to_bytes
from gittrack.runs.store import Store
from tests import parts
from tests.bench.measuring import process, row

SIZES = {
    1_000: ("≤ 0.030 s", "≤ 0.15 s"),
    10_000: ("≤ 0.2 s", "≤ 1 s"),
    100_000: ("≤ 2 s", "≤ 10 s"),
}
LISTED = {1_000: "≤ 0.25 s", 10_000: "≤ 0.5 s"}
START = 1_795_411_510_252
MLFLOW_RUNS = 1_000

SEARCH = """
import resource, sys, time
from gittrack import search
from gittrack.runs.store import Store

store = Store.open(sys.argv[1])
times = []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter()
    found = search.runs(
        store,
        filter_string="metrics.acc > 0.9 and params.lr = '0.1'",
        order_by=["metrics.acc desc"],
        max_results=10,
    )
    times.append(time.perf_counter() - begin)
    assert len(found.runs) == 10, found
print(min(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

MLFLOW = """
import os, sys, time
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.entities import ViewType
from mlflow.store.tracking.file_store import FileStore

store, times = FileStore(sys.argv[1]), []
for _ in range(3):
    begin = time.perf_counter()
    found = store.search_runs(
        ["1"], "metrics.acc > 0.9 and params.lr = '0.1'", ViewType.ACTIVE_ONLY, 10,
        ["metrics.acc DESC"],
    )
    times.append(time.perf_counter() - begin)
    assert len(found) == 10
print(min(times))
"""


def values(number: int) -> tuple[dict[str, float], dict[str, object]]:
    """Return the metrics and params of a run."""
    metrics = {name: (number * step % 997) / 997 for step, name in enumerate(METRICS, 7)}
    return metrics, {
        "lr": (0.1, 0.01)[number % 2],
        "depth": number % 10,
        "seed": number,
        "opt": "sgd",
    }


METRICS = ("acc", "loss", "val_acc", "val_loss")


def make_runs(root: Path, count: int) -> None:
    """Write so many runs."""
    Store.open(root).prepare()
    folder = root / "wine"
    folder.mkdir()
    for number in range(count):
        metrics, params = values(number)
        run_id, start = paths.new_run_id(), START + number * 1000
        record = RunRecord(
            run_id=run_id,
            name=f"run-{number}",
            experiment="wine",
            status="FINISHED",
            start_time=start,
            end_time=start + 60_000,
            params=params,  # type: ignore[arg-type]
            metrics={
                name: MetricSummary(value, 0, value, value, 1) for name, value in metrics.items()
            },
            tags={"team": "abc"[number % 3]},
            user="Ana",
            source={"type": "LOCAL", "command": "python train.py", "git": {"commit": "5e" * 20}},
            files={"metrics.jsonl": 44},
        )
        made = folder / paths.run_folder_name(run_id, start)
        made.mkdir()
        (made / "run.json").write_bytes(to_bytes(record))
        (made / "metrics.jsonl").write_bytes(b'{"step":3,"time":17,"metrics":{"acc":0.95}}\n')


def make_mlflow(root: Path, count: int) -> None:
    """Write the same runs as MLflow's file store keeps them."""
    (root / "1").mkdir(parents=True)
    times = f"creation_time: {START}\nlast_update_time: {START}\n"
    (root / "1" / "meta.yaml").write_text(
        f"artifact_location: {root / '1'}\n{times}experiment_id: '1'\n"
        "lifecycle_stage: active\nname: wine\n"
    )
    for number in range(count):
        metrics, params = values(number)
        run_id, start = f"a{number:031x}", START + number * 1000
        folder = root / "1" / run_id
        for kind in ("metrics", "params", "tags", "artifacts"):
            (folder / kind).mkdir(parents=True)
        (folder / "meta.yaml").write_text(
            f"artifact_uri: {folder}/artifacts\nend_time: {start + 60_000}\n"
            "entry_point_name: ''\n"
            f"experiment_id: '1'\nlifecycle_stage: active\nrun_id: {run_id}\n"
            f"run_name: run-{number}\nrun_uuid: {run_id}\nsource_name: ''\n"
            "source_type: 4\nsource_version: ''\n"
            f"start_time: {start}\nstatus: 3\ntags: []\nuser_id: Ana\n"
        )
        for name, value in metrics.items():
            (folder / "metrics" / name).write_text(f"{start} {value} 0\n")
        for name, given in params.items():
            (folder / "params" / name).write_text(str(given))
        (folder / "tags" / "team").write_text("abc"[number % 3])


def search(root: Path, rounds: int, cache: str) -> tuple[float, float]:
    """Return the seconds of the best search of a fresh process, and its memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCH, str(root), str(rounds)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GITTRACK_CACHE": cache},
    )
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def drop_page_cache() -> bool:
    """Empty the page cache, as after a start of the machine; False where that may not be."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def main() -> None:
    here = Path.cwd()
    os.environ["GITTRACK_CACHE"] = cache = str(here / "cache")
    for count, (with_index, without) in SIZES.items():
        root = here / f"runs-{count}"
        make_runs(root, count)
        time.sleep(2.5)  # what is newer is looked at twice
        cold = "cold" if drop_page_cache() else "first"
        first, built = search(root, 1, cache)
        best, memory = search(root, 7, cache)
        row(
            f"search {count:,} runs, with the index",
            f"{best:.4f} s",
            f"{with_index}; {cold} {first:.2f} s",
        )
        row("  memory, searching and building", f"{memory:.0f}, {built:.0f} MB", "≤ 400 MB")
        if drop_page_cache():
            row("  with the index, cold", f"{search(root, 1, cache)[0]:.4f} s")
        best, _ = search(root, 3, "/dev/null/none")
        row(f"search {count:,} runs, without one", f"{best:.4f} s", without)
        if count in LISTED:
            seconds = process("-m", "gittrack", "--store", str(root), "ls")
            row(f"gittrack ls of {count:,} runs", f"{seconds:.4f} s", LISTED[count])
    if not parts.missing("env:mlflow-3.17"):
        make_mlflow(here / "mlflow", MLFLOW_RUNS)
        done = subprocess.run(
            [parts.environment("mlflow-3.17"), "-c", MLFLOW, str(here / "mlflow")],
            check=True,
            capture_output=True,
            text=True,
        )
        row(f"MLflow's file store, {MLFLOW_RUNS:,} runs", f"{float(done.stdout):.4f} s")
