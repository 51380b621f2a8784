"""What running a project costs: over the bare command, beside MLflow, and building environments."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.measuring import row
from tests.parts import ENVIRONMENTS

ROUNDS = 5
PROJECT = "name: bench\nentry_points: {main: {command: 'python -c pass'}}\n"
REQUIREMENTS = "scikit-learn==1.7.2\n"
GITTRACK = [sys.executable, "-m", "gittrack"]


def seconds(
    command: list[str], *, rounds: int = ROUNDS, env: dict[str, str] | None = None
) -> float:
    """Return the median wall time of a command, after one that warms up."""
    times = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **(env or {})})
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def mlflow(version: str) -> float | None:
    """Return the seconds of the same run by a real MLflow, None where it is not installed."""
    programs = ENVIRONMENTS / f"mlflow-{version}" / "bin"
    if not (programs / "python").exists():
        return None
    env = {
        "MLFLOW_TRACKING_URI": Path("mlflow-runs").absolute().as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
    }
    env |= {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}
    script = "from mlflow.cli import cli; cli()"
    command = [str(programs / "python"), "-c", script, "run", "project", "--env-manager", "local"]
    return seconds(command, rounds=3, env=env)


def cold(make: list[list[str]], folder: Path, *, env: dict[str, str] | None = None) -> float:
    """Return the seconds of commands that build an environment anew, the best of three."""
    times = []
    for _ in range(3):
        shutil.rmtree(folder, ignore_errors=True)
        begin = time.perf_counter()
        for command in make:
            subprocess.run(
                command, check=True, capture_output=True, env={**os.environ, **(env or {})}
            )
        times.append(time.perf_counter() - begin)
    return min(times)


def without_uv() -> str:
    """Return PATH less the folders that have a uv."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


def builders() -> None:
    """Measure building, each beside the same by hand."""
    (Path("built")).mkdir()
    Path("built/MLproject").write_text(f"python_env: requirements.txt\n{PROJECT}")
    Path("built/requirements.txt").write_text(REQUIREMENTS)
    cache, by_hand = Path("cache").absolute(), Path("by-hand").absolute()
    ours = [[*GITTRACK, "run", "built"]]
    plain = {"GITTRACK_CACHE": str(cache), "PATH": without_uv()}
    uv = ENVIRONMENTS / "uv" / "bin"
    ways = {
        "virtualenv and pip": (
            plain,
            [
                [sys.executable, "-m", "virtualenv", "-q", str(by_hand)],
                [
                    f"{by_hand}/bin/python",
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "-r",
                    "built/requirements.txt",
                ],
            ],
        ),
        "uv": (
            {**plain, "PATH": f"{uv}{os.pathsep}{without_uv()}"},
            [
                ["uv", "venv", "-q", "--python", sys.executable, str(by_hand)],
                [
                    "uv",
                    "pip",
                    "install",
                    "-q",
                    "--python",
                    f"{by_hand}/bin/python",
                    "-r",
                    "built/requirements.txt",
                ],
            ],
        ),
    }
    for name, (env, make) in ways.items():
        if name == "uv" and not (uv / "uv").exists():
            continue
        cold(make, by_hand, env=env)  # fills the cache of wheels
        hand, built = cold(make, by_hand, env=env), cold(ours, cache, env=env)
        row(
            f"cold environment with {name}",
            f"{built:.2f} s",
            f"{built / hand:.2f} of by hand, ≤ 1.2",
        )
    warm = seconds(ours[0], env=plain)
    bare = seconds(["bash", "-c", "python -c pass"])
    row(
        "with an environment built already",
        f"{warm - bare:.3f} s",
        "over the bare command, ≤ 0.4 s",
    )


def main() -> None:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    Path("project").mkdir()
    Path("project/MLproject").write_text(PROJECT)
    bare = seconds(["bash", "-c", "python -c pass"])
    local = seconds([*GITTRACK, "run", "project", "--env-manager", "local"])
    row("gittrack run, over the bare command", f"{local - bare:.3f} s", "≤ 0.3 s")
    for version in ("3.17", "1.30"):
        if (peer := mlflow(version)) is not None:
            row(f"MLflow {version}, the same", f"{peer - bare:.3f} s")
    builders()
