"""Both ways with MLflow 1.30, in its own environment with its own Python."""

from __future__ import annotations

import subprocess

import pytest

from tests import parts

pytestmark = [pytest.mark.slow, pytest.mark.needs("env:mlflow-1.30")]

MAKE = """
import numpy as np
from sklearn.linear_model import LogisticRegression
data = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
model = LogisticRegression().fit(data, [0, 0, 1, 1])
"""
OWN = """
import {package}.pyfunc
class Twice({package}.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return model_input * 2
"""
BLOCK = "import sys; sys.modules[{!r}] = None\n"


def run(script, folder):
    done = subprocess.run(
        [parts.environment("mlflow-1.30"), "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_what_is_saved_here_loads_there(tmp_path):
    script = (
        MAKE + OWN.format(package="gittrack") + "import gittrack.sklearn\n"
        "gittrack.sklearn.save_model(model, 'sklearn')\n"
        "gittrack.pyfunc.save_model('own', python_model=Twice())\n"
    )
    run(script, tmp_path)
    script = (
        BLOCK.format("gittrack") + MAKE + "import mlflow.sklearn, mlflow.pyfunc\n"
        "assert (mlflow.sklearn.load_model('sklearn').predict(data) == model.predict(data)).all()\n"
        "assert (mlflow.pyfunc.load_model('sklearn').predict(data) == model.predict(data)).all()\n"
        "assert (mlflow.pyfunc.load_model('own').predict(data) == data * 2).all()\n"
    )
    run(script, tmp_path)


def test_what_is_saved_there_loads_here(tmp_path):
    script = (
        MAKE + OWN.format(package="mlflow") + "import mlflow.sklearn\n"
        "mlflow.sklearn.save_model(model, 'sklearn', pip_requirements=[])\n"
        "mlflow.pyfunc.save_model('own', python_model=Twice(), pip_requirements=[])\n"
    )
    run(script, tmp_path)
    script = (
        MAKE + "import sys\n"
        "import gittrack.sklearn, gittrack.pyfunc\n"
        "gittrack.install_as_mlflow()\n"
        "loaded = gittrack.sklearn.load_model('sklearn')\n"
        "assert (loaded.predict(data) == model.predict(data)).all()\n"
        "loaded = gittrack.pyfunc.load_model('sklearn')\n"
        "assert (loaded.predict(data) == model.predict(data)).all()\n"
        "assert (gittrack.pyfunc.load_model('own').predict(data) == data * 2).all()\n"
        "assert sys.modules['mlflow'].__name__ == 'gittrack'\n"
    )
    run(script, tmp_path)
