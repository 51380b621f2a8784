"""The engines run in an environment of their own; a script there prints what the tests look at."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests import parts

HERE = Path(__file__).parent


def run_in_engines(script: Path, *arguments: str, cwd: Path, **variables: str) -> dict[str, object]:
    """Run a script in the environment of the engines and return the JSON of its last line."""
    python = parts.environment("engines")
    done = subprocess.run(
        [python, "-W", "ignore", script, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=600,
        env={
            **os.environ,
            "PYSPARK_PYTHON": str(python),
            "PYTHONPATH": str(HERE.parent.parent),
            "RAY_USAGE_STATS_ENABLED": "0",
            **variables,
        },
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
