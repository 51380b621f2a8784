"""Spark: a million rows by our function, by MLflow's and by a hand-written one, in one session."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests import parts
from tests.bench.measuring import row

ROWS = 1_000_000
SCRIPT = Path(__file__).parent / "on_spark.py"


def main() -> None:
    if reason := parts.missing("env:engines"):
        print(f"skipped: {reason}")
        return
    python = parts.environment("engines")
    done = subprocess.run(
        [python, "-W", "ignore", SCRIPT, str(ROWS)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYSPARK_PYTHON": str(python), "MLFLOW_ALLOW_FILE_STORE": "true"},
    )
    seconds = json.loads(done.stdout.splitlines()[-1])
    hand = seconds["by hand"]
    row("a hand-written iterator pandas UDF", f"{hand:.2f} s")
    row("gittrack.pyfunc.spark_udf", f"{seconds['gittrack']:.2f} s", "")
    row("  beside the hand-written one", f"{seconds['gittrack'] / hand:.2f}x", "≤ 1.2x")
    row("mlflow.pyfunc.spark_udf", f"{seconds['mlflow']:.2f} s", "")
    row("  ours beside it", f"{seconds['gittrack'] / seconds['mlflow']:.2f}x")
