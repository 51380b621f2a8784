from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import parts

pytestmark = [
    pytest.mark.needs("env:engines", "program:java"),
    pytest.mark.slow,
    pytest.mark.xdist_group("engines"),
]

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "spark_streaming"
EXPECTED = """
import json
from sklearn.datasets import load_wine
import gittrack.pyfunc
model = gittrack.pyfunc.load_model("models:/wine-cultivar@champion")
print(json.dumps(model.predict(load_wine(as_frame=True).data).tolist()))
"""


def in_engines(*arguments: object) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [parts.environment("engines"), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_from_training_to_a_scored_stream(isolated: Path) -> None:
    def run(entry_point: str, **params: object) -> str:
        given = [word for name, value in params.items() for word in ("-P", f"{name}={value}")]
        return in_engines("-m", "gittrack", "run", EXAMPLE, "-e", entry_point, *given)

    incoming, results = isolated / "incoming", isolated / "results"
    assert "wine-cultivar 1 is the champion" in run("main", trees=20)
    run("arrivals", folder=incoming, files=3)
    assert "178 samples scored" in run("score", incoming="incoming", results=results)

    lines = [line for path in results.glob("part-*.csv") for line in path.read_text().split()]
    scored = {int(sample): int(cultivar) for sample, cultivar in csv.reader(lines)}
    expected = json.loads(in_engines("-c", EXPECTED))
    assert scored == dict(enumerate(expected))

    # What arrives later is scored by the next run, and nothing twice.
    header, *rows = (incoming / "0.csv").read_text().splitlines()
    (incoming / "late.csv").write_text("\n".join([header, rows[0].replace("0,", "500,", 1)]) + "\n")
    assert "179 samples scored" in run("score", incoming="incoming", results=results)
