"""An unmodified script that imports mlflow, in each kind of environment, none of which has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gittrack.runs.store import Store
from tests import parts

if TYPE_CHECKING:
    from collections.abc import Callable

# Only what anyone writes with MLflow; nothing here knows of gittrack.
TRAIN = """\
import argparse
import os
import sys

import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
alpha = parser.parse_args().alpha
with mlflow.start_run():
    mlflow.log_param("twice", 2 * alpha)
    for step in range(3):
        mlflow.log_metric("loss", alpha / (step + 1), step=step)
    mlflow.set_tag("prefix", sys.prefix)
    mlflow.log_dict({"alpha": alpha}, "alpha.yaml")
    with open("note.txt", "w") as file:
        file.write("noted")
    mlflow.log_artifact("note.txt")
"""
MLPROJECT = """\
name: train
{environment}
entry_points:
  main:
    parameters: {{alpha: {{type: float, default: 0.5}}}}
    command: "python train.py --alpha {{alpha}}"
"""
CHANNEL = parts.ENVIRONMENTS / "conda" / "channel"
CONDA = f'channels: ["{CHANNEL.as_uri()}"]\ndependencies: [python, pip]\n'
IMAGE = "local/python"


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Path]:
    """Make a project of the script, with an environment."""

    def make(environment: str = "", **files: str) -> Path:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "train.py").write_text(TRAIN)
        (folder / "MLproject").write_text(MLPROJECT.format(environment=environment))
        for name, text in files.items():
            (folder / name.replace("_yaml", ".yaml")).write_text(text)
        return folder

    return make


def check(project: Path, store: Store, environment: str, *, python: str = sys.executable) -> Any:
    """Run the project, and look at all that has to be in its run."""
    command = [python, "-m", "gittrack", "run", str(project), "-P", "alpha=0.25"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GITTRACK_DOCKER_PULL": "never"},
    )
    assert done.returncode == 0, done.stderr
    (run,) = store.runs().runs
    assert run.record.status == "FINISHED"
    assert run.record.params == {"alpha": 0.25, "twice": 0.5}
    assert run.record.metrics["loss"].last == pytest.approx(0.25 / 3)
    assert run.record.metrics["loss"].count == 3
    assert (run.artifacts / "note.txt").read_text() == "noted"
    assert (run.artifacts / "alpha.yaml").read_text() == "alpha: 0.25\n"
    assert run.record.source["project"]["environment"] == environment
    return run


def test_in_the_current_environment(train: Callable[..., Path], store: Store) -> None:
    run = check(train(), store, "local")

    assert Path(run.record.tags["prefix"]).samefile(sys.prefix)


def test_in_a_virtual_environment(train: Callable[..., Path], store: Store) -> None:
    run = check(train("python_env: python_env.yaml", python_env_yaml=""), store, "virtualenv")

    assert "/environments/virtualenv-" in run.record.tags["prefix"]
    assert "gittrack" not in (run.folder / "requirements.txt").read_text()


@pytest.mark.slow
@pytest.mark.needs("env:conda")
def test_in_a_conda_environment(train: Callable[..., Path], store: Store) -> None:
    project = train("conda_env: conda.yaml", conda_yaml=CONDA)

    run = check(project, store, "conda", python=str(parts.environment("conda")))

    assert "/environments/conda-" in run.record.tags["prefix"]
    assert (run.folder / "requirements.txt").read_text().startswith("pip==")


@pytest.mark.needs("docker", f"image:{IMAGE}")
def test_in_a_container(train: Callable[..., Path], store: Store) -> None:
    project = train(f"docker_env: {{image: {IMAGE}}}")

    run = check(project, store, "docker")

    assert run.record.tags["prefix"] in ("/usr", "/usr/local")
    assert (project / "note.txt").stat().st_uid == os.getuid()
    assert (run.artifacts / "note.txt").stat().st_uid == os.getuid()
    assert "pip==" in (run.folder / "requirements.txt").read_text()


def test_steps_in_a_virtual_environment_are_nested(
    train: Callable[..., Path], store: Store
) -> None:
    project = train("python_env: python_env.yaml", python_env_yaml="")
    (project / "steps.py").write_text(
        "import mlflow\n"
        "with mlflow.start_run():\n"
        "    for alpha in (1, 2):\n"
        "        mlflow.run('.', 'main', parameters={'alpha': alpha}, env_manager='local')\n"
    )

    command = [sys.executable, "-m", "gittrack", "run", str(project), "-e", "steps.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    runs = store.runs().runs
    (outer,) = [run for run in runs if run.record.parent is None]
    inner = [run for run in runs if run.record.parent == outer.run_id]
    assert sorted(run.record.params["alpha"] for run in inner) == [1, 2]
    assert all("/environments/virtualenv-" in run.record.tags["prefix"] for run in inner)
