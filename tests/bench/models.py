"""Models: saving one in a warm process, and loading one, beside the library's own and MLflow's."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

from tests import parts
from tests.bench.measuring import best, row

MLFLOW = """
import os, time, warnings, logging
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
warnings.simplefilter("ignore"); logging.disable(logging.ERROR)
import numpy as np, mlflow, mlflow.sklearn
from sklearn.linear_model import LogisticRegression
model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
mlflow.start_run()
for name in ("cold", "warm"):
    begin = time.perf_counter()
    mlflow.sklearn.log_model(model, name=name, serialization_format="cloudpickle",
                             input_example=np.eye(4))
    print(time.perf_counter() - begin)
"""
OURS = "import gittrack; gittrack.load_model('forest')"
OWN = "import pickle; pickle.load(open('forest/model.pkl', 'rb'))"
ROUNDS = 5


def main() -> None:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    import gittrack

    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    with gittrack.start_run():
        begin = time.perf_counter()
        gittrack.log_model(model, "first", input_example=np.eye(4))
        first = time.perf_counter() - begin
        warm = best(lambda: gittrack.log_model(model, "model", input_example=np.eye(4)), ROUNDS)
    row("log_model of scikit-learn, first call", f"{first:.3f} s", "≤ 0.3 s")
    row("log_model of scikit-learn, warm", f"{warm:.3f} s", "≤ 0.3 s")
    _mlflow()

    random = np.random.default_rng(1)
    table, target = random.normal(size=(5000, 20)), random.integers(0, 2, 5000)
    forest = RandomForestClassifier(200, random_state=1).fit(table, target)
    gittrack.save_model(forest, "forest")
    size = Path("forest/model.pkl").stat().st_size / 1e6

    def own() -> object:
        with Path("forest/model.pkl").open("rb") as file:
            return pickle.load(file)

    time.sleep(2.5)  # files that were just written are checked each time
    raw, ours = best(own, ROUNDS), best(lambda: gittrack.load_model("forest"), ROUNDS)
    what = f"load_model of a forest of {size:.0f} MB again"
    row(what, f"{ours:.3f} s", f"{ours / raw:.2f} of pickle's own, ≤ 1.1")
    turns = [(seconds(OWN), seconds(OURS)) for _ in range(ROUNDS)]
    raw, ours = (min(turn) for turn in zip(*turns, strict=True))
    row("load_model of it in a fresh process", f"{ours:.2f} s", f"{ours / raw:.2f}, ≤ 1.1")


def seconds(script: str) -> float:
    """Return the wall time of a fresh process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return time.perf_counter() - begin


def _mlflow() -> None:
    if parts.missing("env:mlflow-3.17"):
        row("the same in MLflow 3.17", "not here")
        return
    done = subprocess.run(
        [parts.environment("mlflow-3.17"), "-c", MLFLOW],
        check=True,
        capture_output=True,
        text=True,
    )
    cold, warm = map(float, done.stdout.split()[-2:])
    row("the same in MLflow 3.17, first call and warm", f"{cold:.1f} s, {warm:.1f} s")
