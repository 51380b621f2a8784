"""Models written in Python, in every form: each loads in a fresh process, here and in MLflow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gittrack.models.pyfunc import load_model as load_pyfunc
from tests import parts

FRAME = "import pandas as pd\nframe = pd.DataFrame({'x': [1.0, 2.0]})\n"
SHOW = "print(pd.Series(model.predict(frame)).tolist())\n"
CLASS = """
from pathlib import Path
class Scale({package}.pyfunc.PythonModel):
    def load_context(self, context):
        self.factor = float(Path(context.artifacts["factor"]).read_text())
    def predict(self, context, model_input, params=None):
        return model_input["x"] * self.factor + context.model_config.get("more", 0)
Path("factor.txt").write_text("3")
"""
FROM_CODE = """
import {package}
from {package}.pyfunc import PythonModel
config = {package}.models.ModelConfig(development_config=dict(k=5))
class Scale(PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] * config.get("k")
{package}.models.set_model(Scale())
"""
LOADER = """
from pathlib import Path
from own import FACTOR
class Scale:
    def __init__(self, factor):
        self.factor = factor
    def predict(self, data):
        return data["x"] * self.factor
def _load_pyfunc(path):
    return Scale(float(Path(path).read_text()) * FACTOR)
"""


# What each form is saved by, and what the loaded model answers to 1 and 2.
FORMS = {
    "class": (
        CLASS,
        "python_model=Scale(), artifacts={'factor': 'factor.txt'}, model_config={'more': 1}",
        "[4.0, 7.0]",
    ),
    "function": (
        "def double(model_input):\n    return model_input['x'] * 2\n",
        "python_model=double, input_example=frame",
        "[2.0, 4.0]",
    ),
    "script": (
        "from pathlib import Path; Path('scale.py').write_text({script!r})\n",
        "python_model='scale.py', model_config={'k': 7}",
        "[7.0, 14.0]",
    ),
    "loader": (
        (
            "from pathlib import Path; Path('mine/own').mkdir(parents=True)\n"
            "Path('factor.txt').write_text('2')\n"
            "Path('mine/own/__init__.py').write_text('FACTOR = 4')\n"
            f"Path('mine/loader.py').write_text({LOADER!r})\n"
        ),
        "loader_module='loader', data_path='factor.txt', code_paths=['mine/loader.py', 'mine/own']",
        "[8.0, 16.0]",
    ),
}


def run(script, folder, environment=None):
    interpreter = parts.environment(environment) if environment else sys.executable
    done = subprocess.run(
        [interpreter, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def saving(package, form):
    make, arguments, _ = FORMS[form]
    if form == "script":
        make = make.format(script=FROM_CODE.format(package=package))
    make = make.replace("{package}", package)
    return (
        f"{FRAME}import {package}.pyfunc\n{make}\n"
        f"{package}.pyfunc.save_model(path='model', {arguments})\nprint('saved')\n"
    )


def loading(package, *, blocked):
    hide = f"import sys\nsys.modules[{blocked!r}] = None\n" if blocked else ""
    return (
        f"{hide}{FRAME}import {package}.pyfunc\n"
        f"model = {package}.pyfunc.load_model('model')\n{SHOW}"
    )


@pytest.mark.parametrize("form", FORMS)
def test_another_process_loads_what_was_saved_here(tmp_path, form):
    run(saving("gittrack", form), tmp_path)
    answer = FORMS[form][2]
    assert run(loading("gittrack", blocked=None), tmp_path) == answer
    (tmp_path / "model").rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "model")
    for path in (tmp_path / "model").rglob("*"):
        if path.suffix == ".pyc":  # Git does not commit these
            continue
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes()
    load_pyfunc(tmp_path / "model")  # the digest still fits after the code has been imported


@pytest.mark.slow
@pytest.mark.needs("env:mlflow-3.17")
@pytest.mark.parametrize("form", [form for form in FORMS if form != "script"])
def test_mlflow_loads_what_was_saved_here(tmp_path, form):
    run(saving("gittrack", form), tmp_path, "mlflow-3.17")
    assert run(loading("mlflow", blocked="gittrack"), tmp_path, "mlflow-3.17") == FORMS[form][2]


@pytest.mark.slow
@pytest.mark.needs("env:mlflow-3.17")
@pytest.mark.parametrize("form", FORMS)
def test_what_mlflow_saved_loads_here_without_it(tmp_path, form):
    run(saving("mlflow", form), tmp_path, "mlflow-3.17")
    assert run(loading("gittrack", blocked=None), tmp_path) == FORMS[form][2]
