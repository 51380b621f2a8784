"""Stores that real MLflow wrote, of two ages and both kinds, made once for all tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.parts import environment

SCRIPTS = Path(__file__).parent / "mlflow_scripts"
AGES = ("mlflow-1.30", "mlflow-3.17")


def run_mlflow(age: str, script: str, uri: str, folder: Path) -> str:
    """Run a script in the environment of an MLflow and return what it printed."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [environment(age), SCRIPTS / script, uri],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "USER": "ana", "LOGNAME": "ana"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def read_by_mlflow(age: str, uri: str, folder: Path) -> dict[str, Any]:
    """Return all that an MLflow reads in a store."""
    read: dict[str, Any] = json.loads(run_mlflow(age, "read.py", uri, folder).splitlines()[-1])
    return read


class Made:
    """Stores that MLflow wrote, and what it reads in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[tuple[str, str], dict[str, Any]] = {}

    def store(self, age: str, kind: str) -> tuple[Path, dict[str, Any]]:
        folder = self.folder / f"{age}-{kind}"
        path = folder / ("mlruns" if kind == "files" else "mlflow.db")
        uri = path.as_uri() if kind == "files" else "sqlite:///mlflow.db"
        if (age, kind) not in self._read:
            folder.mkdir()
            run_mlflow(age, "write.py", uri, folder)
            self._read[age, kind] = read_by_mlflow(age, uri, folder)
        return path, self._read[age, kind]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("mlflow"))
