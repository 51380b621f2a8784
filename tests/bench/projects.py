"""What running a project costs: over the bare command, beside MLflow, and building environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.measuring import best, row
from tests.parts import ENVIRONMENTS

PROJECT = "name: bench\nentry_points: {main: {command: 'python -c pass'}}\n"
REQUIREMENTS = "scikit-learn==1.7.2\n"
ROUNDS = 3
GITTRACK = [sys.executable, "-m", "gittrack"]
BARE = ["bash", "-c", "python -c pass"]
BUILD = """\
import time
from pathlib import Path
from gittrack.environments import virtualenv
from gittrack.environments.base import Environment, Reporter
begin = time.perf_counter()
environment = Environment("python_env", Path("built/requirements.txt"))
virtualenv.prepare(environment, to=Reporter())
print(time.perf_counter() - begin)
"""


def run(command: list[str], env: dict[str, str]) -> str:
    """Run a command, and return what it prints."""
    environment = {**os.environ, **env}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def mlflow(version: str) -> float | None:
    """Return the seconds of the same run by a real MLflow, None where it is not installed."""
    programs = ENVIRONMENTS / f"mlflow-{version}" / "bin"
    if not (programs / "python").exists():
        return None
    env = {
        "MLFLOW_TRACKING_URI": Path("mlflow-runs").absolute().as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": "",
    }
    script = "from mlflow.cli import cli; cli()"
    command = [str(programs / "python"), "-c", script, "run", "project", "--env-manager", "local"]
    return best(lambda: run(command, env), rounds=3)


def by_hand(make: list[list[str]], folder: Path, *, env: dict[str, str]) -> float:
    """Return the seconds of commands that build an environment anew."""
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.perf_counter()
    for command in make:
        run(command, env)
    return time.perf_counter() - begin


def by_gittrack(cache: Path, *, env: dict[str, str]) -> float:
    """Return the seconds that gittrack takes to build the same."""
    shutil.rmtree(cache, ignore_errors=True)
    return float(run([sys.executable, "-c", BUILD], env))


def without_uv() -> str:
    """Return PATH less the folders that have a uv."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


def builders() -> None:
    """Measure building an environment, each way beside the same by hand."""
    Path("built").mkdir()
    Path("built/MLproject").write_text(f"python_env: requirements.txt\n{PROJECT}")
    Path("built/requirements.txt").write_text(REQUIREMENTS)
    cache, folder = Path("cache").absolute(), Path("by-hand").absolute()
    python, listed, uv = f"{folder}/bin/python", "built/requirements.txt", ENVIRONMENTS / "uv/bin"
    plain = {"GITTRACK_CACHE": str(cache), "PATH": without_uv()}
    with_uv = {**plain, "PATH": f"{uv}{os.pathsep}{without_uv()}"}
    ways = {
        "uv": [
            [f"{uv}/uv", "venv", "-q", "--python", sys.executable, str(folder)],
            [f"{uv}/uv", "pip", "install", "-q", "--python", python, "-r", listed],
        ],
        "virtualenv and pip": [
            [sys.executable, "-m", "virtualenv", "-q", str(folder)],
            [python, "-m", "pip", "install", "-q", "-r", listed],
        ],
    }
    for name, make in ways.items():
        if name == "uv" and not (uv / "uv").exists():
            continue
        env = with_uv if name == "uv" else plain
        by_gittrack(cache, env=env)  # fills the cache of wheels
        # One after the other, since what else the machine does would spoil one of two blocks.
        rounds = [
            (by_gittrack(cache, env=env), by_hand(make, folder, env=env)) for _ in range(ROUNDS)
        ]
        ours, hand = map(min, zip(*rounds, strict=True))
        row(
            f"cold environment with {name}", f"{ours:.2f} s", f"{ours / hand:.2f} of by hand, ≤ 1.2"
        )
    warm = best(lambda: run([*GITTRACK, "run", "built"], plain))
    bare = best(lambda: run(BARE, plain))
    row("with an environment built already", f"{warm - bare:.3f} s", "over the command, ≤ 0.4 s")


def main() -> None:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    Path("project").mkdir()
    Path("project/MLproject").write_text(PROJECT)
    bare = best(lambda: run(BARE, {}))
    local = best(lambda: run([*GITTRACK, "run", "project", "--env-manager", "local"], {}))
    row("gittrack run, over the bare command", f"{local - bare:.3f} s", "≤ 0.3 s")
    for version in ("3.17", "1.30"):
        if (peer := mlflow(version)) is not None:
            row(f"MLflow {version}, the same", f"{peer - bare:.3f} s")
    builders()
