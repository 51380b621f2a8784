"""gittrack as `mlflow`: every way in, with the real MLflow there and without it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import parts
from tests.conftest import SOURCE, python

TUTORIALS = sorted((SOURCE / "tests" / "tutorials").glob("*.py"))
NAMES = """
import mlflow.sklearn, mlflow.pyfunc, mlflow.data.pandas_dataset, mlflow.client
import mlflow.config, mlflow.system_metrics
from mlflow import MlflowClient, MlflowException
from mlflow.artifacts import download_artifacts
from mlflow.data import from_numpy, from_pandas
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.models.signature import ModelSignature, infer_signature
from mlflow.tracking import MlflowClient
from mlflow.types import DataType
from mlflow.types.schema import ColSpec, Schema
"""
SCRIPT = NAMES + "import mlflow\nwith mlflow.start_run(): mlflow.log_param('alpha', 1)\n"


@pytest.fixture(params=["with MLflow", "without"])
def around(request, isolated, monkeypatch):
    """Run with a package `mlflow` on the path that must never be imported, and without."""
    if request.param == "with MLflow":
        package = isolated.parent / "site" / "mlflow"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise AssertionError('the real one')\n")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package.parent), str(SOURCE)]))
    return request.param


def as_mlflow(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "gittrack.mlflow", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check)


@pytest.mark.usefixtures("around")
@pytest.mark.parametrize("script", TUTORIALS, ids=lambda path: path.stem)
def test_scripts_written_for_mlflow_run_as_they_are(script, store):
    done = as_mlflow(str(script), check=False)
    assert done.returncode == 0, done.stderr
    assert store.runs().runs


@pytest.mark.usefixtures("around")
def test_a_call_in_a_process_serves_mlflow_from_then_on(store):
    python("import gittrack; gittrack.install_as_mlflow(); gittrack.install_as_mlflow()\n" + SCRIPT)
    assert store.find("@").record.params == {"alpha": 1}


@pytest.mark.usefixtures("around")
def test_the_modules_of_gittrack_are_named_as_mlflows_are(store):
    python(NAMES.replace("mlflow", "gittrack").replace("Mgittrack", "Mlflow"))
    python("import gittrack as mlflow\nwith mlflow.start_run(): mlflow.log_param('alpha', 1)")
    assert store.find("@").record.params == {"alpha": 1}


def test_both_names_are_the_same_module():
    python(
        "import gittrack; spec = gittrack.models.__spec__; gittrack.install_as_mlflow()\n"
        "import mlflow.models, mlflow.models.signature\n"
        "assert mlflow is gittrack and mlflow.models is gittrack.models\n"
        "assert gittrack.models.__spec__ is spec\n"
        "assert gittrack.models.__name__ == 'gittrack.models'\n"
        "import gittrack.models.signature as own\n"
        "assert mlflow.models.signature is own\n"
    )


def test_it_is_refused_when_the_real_one_is_imported(isolated):
    (isolated / "mlflow.py").write_text("")
    done = python(
        "import sys; sys.path.insert(0, '.')\n"
        "import mlflow, gittrack; gittrack.install_as_mlflow()",
        check=False,
    )
    assert "UsageError: the real MLflow is imported already (mlflow)" in done.stderr


def test_a_module_that_gittrack_has_not_is_missed_by_its_name():
    done = python(
        "import gittrack; gittrack.install_as_mlflow()\n"
        "try: import mlflow.spacy\n"
        "except ModuleNotFoundError as error: print(error, error.name, sep=chr(10))\n"
        "import mlflow\n"
        "print(hasattr(mlflow, 'trace'))"
    )
    assert done.stdout.splitlines() == [
        "gittrack, which stands in for mlflow here, has no module 'mlflow.spacy'",
        "mlflow.spacy",
        "False",
    ]


def test_an_error_inside_a_module_is_not_taken_for_its_absence():
    done = python(
        "import sys; sys.modules['json.scanner'] = None\n"
        "import gittrack; gittrack.install_as_mlflow()\n"
        "import mlflow.data",
        check=False,
    )
    assert "json.scanner" in done.stderr
    assert "stands in" not in done.stderr


# -- python -m gittrack.mlflow


@pytest.mark.usefixtures("around")
def test_a_script_sees_what_python_would_show_it(isolated):
    (isolated / "sub").mkdir()
    (isolated / "sub" / "helper.py").write_text("X = 1")
    (isolated / "sub" / "script.py").write_text(
        "import sys, helper, mlflow\nprint(sys.argv, __name__, mlflow.__name__)\nsys.exit(7)"
    )
    done = as_mlflow("sub/script.py", "a", "--b", check=False)
    assert done.stdout == "['sub/script.py', 'a', '--b'] __main__ gittrack\n"
    assert done.returncode == 7


def test_a_module_runs_too(isolated, store):
    (isolated / "train.py").write_text(SCRIPT + "import sys; print(sys.argv[1:])")
    assert as_mlflow("-m", "train", "x").stdout == "['x']\n"
    assert store.find("@").record.params == {"alpha": 1}


@pytest.mark.usefixtures("around")
def test_processes_that_a_script_starts_are_served_too(isolated, store):
    (isolated / "script.py").write_text(
        "import multiprocessing, subprocess, sys, mlflow\n"
        "def work(run_id): mlflow.log_metric('x', 1, run_id=run_id)\n"
        "if __name__ == '__main__':\n"
        "    with mlflow.start_run() as run:\n"
        "        worker = multiprocessing.get_context('spawn').Process(\n"
        "            target=work, args=(run.info.run_id,))\n"
        "        worker.start(); worker.join(); assert worker.exitcode == 0\n"
        "        subprocess.run([sys.executable, '-c', 'import mlflow.sklearn; '\n"
        "            'import mlflow; mlflow.set_tag(\"child\", mlflow.__name__)'], check=True)\n"
    )
    as_mlflow("script.py")
    found = {run.record.tags.get("child"): run for run in store.runs().runs}
    assert found[None].record.metrics["x"].count == 1
    assert "gittrack" in found


def test_the_run_of_a_script_says_what_was_run_and_how_it_ended(isolated, store):
    (isolated / "script.py").write_text("import mlflow\nmlflow.log_param('a', 1)\n1 / 0")
    done = as_mlflow("script.py", check=False)
    assert "ZeroDivisionError" in done.stderr
    record = store.find("@").record
    assert record.status == "FAILED"
    assert record.source["command"].endswith("-m gittrack.mlflow script.py")


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--help"], ["nowhere.py"]])
def test_without_a_script_it_says_how(arguments):
    done = as_mlflow(*arguments, check=False)
    assert done.returncode in (2, 3)
    assert "hint: python -m gittrack.mlflow script.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_project_is_served_where_it_is_asked_for_and_where_nothing_else_would(
    around, isolated, store
):
    (isolated / "MLproject").write_text(
        "name: x\nentry_points: {main: {command: python train.py}}\n"
    )
    (isolated / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "gittrack", "run", ".", "--as-mlflow"]
    subprocess.run(command, check=True)
    assert store.find("@").record.params == {"alpha": 1}
    unasked = subprocess.run(command[:-1], check=False, capture_output=True)
    assert unasked.returncode == (1 if around == "with MLflow" else 0)


# -- with the real MLflow

COMPARE = """
import inspect, importlib, mlflow, gittrack

def arguments(function):
    return list(inspect.signature(function).parameters)

def differ(real, ours, names):
    for name in names:
        pair = getattr(real, name, None), getattr(ours, name, None)
        if all(map(inspect.isroutine, pair)) and arguments(pair[0]) != arguments(pair[1]):
            yield name

def public(thing):
    return [name for name in dir(thing) if not name.startswith("_")]

print(*differ(mlflow, gittrack, gittrack.__all__))
print(*differ(mlflow.MlflowClient, gittrack.MlflowClient, public(gittrack.MlflowClient)))
print(*differ(mlflow.artifacts, gittrack.artifacts, gittrack.artifacts.__all__))
print(*differ(importlib.import_module("mlflow.data"), gittrack.data, gittrack.data.__all__))
"""


# A Python that has the real MLflow.
REAL = parts.environment("mlflow-3.17")


@pytest.mark.slow
@pytest.mark.needs("env:mlflow-3.17")
def test_arguments_are_named_as_mlflow_names_them():
    done = subprocess.run([REAL, "-c", COMPARE], capture_output=True, text=True, check=True)
    # What differs: logging by itself, trace locations, the backends that projects have there, and
    # what only its makers' own platform knows.
    calls, client, *others = done.stdout.splitlines()
    assert calls.split() == [
        "autolog",
        "create_experiment",
        "register_model",
        "run",
        "set_experiment",
    ]
    assert set(client.split()) <= {
        "create_model_version",
        "create_registered_model",
        "delete_model_version_tag",
        "set_model_version_tag",
        "update_registered_model",
    }
    assert others == ["", ""]


ATTRIBUTES = """
import gittrack.entities, mlflow.entities
for name in gittrack.entities.__all__:
    real, ours = getattr(mlflow.entities, name, None), getattr(gittrack.entities, name)
    has = {*dir(ours), *getattr(ours, "__dataclass_fields__", ())}
    properties = [key for key in dir(real) if isinstance(getattr(real, key), property)]
    print(*(f"{name}.{key}" for key in properties if key not in has))
"""


@pytest.mark.slow
@pytest.mark.needs("env:mlflow-3.17")
def test_entities_have_the_attributes_of_mlflows():
    done = subprocess.run([REAL, "-c", ATTRIBUTES], capture_output=True, text=True, check=True)
    # What belongs to its logged models, traces and servers.
    assert set(done.stdout.split()) == {
        "Experiment.effective_trace_archival_retention",
        "Experiment.trace_location",
        "Experiment.workspace",
        "Metric.dataset_digest",
        "Metric.dataset_name",
        "Metric.model_id",
        "Metric.run_id",
    }


@pytest.mark.slow
@pytest.mark.needs("env:mlflow-3.17")
def test_the_real_one_is_left_alone_where_it_is_installed(isolated, store):
    (isolated / "script.py").write_text(SCRIPT)
    subprocess.run([REAL, "-m", "gittrack.mlflow", "script.py"], check=True)
    assert store.find("@").record.params == {"alpha": 1}
    done = subprocess.run(
        [REAL, "-c", "import mlflow, gittrack; gittrack.install_as_mlflow()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the real MLflow is imported already" in done.stderr
