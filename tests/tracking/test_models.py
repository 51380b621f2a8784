"""Logging a model to a run, and loading it by its URI."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sklearn.dummy import DummyClassifier

import gittrack as mlflow
import gittrack.pyfunc
import gittrack.sklearn
from gittrack.errors import InvalidValueError, ModelError, TrackingWarning, UsageError
from gittrack.models import mlmodel
from gittrack.runs import provenance


def always(answer):
    return DummyClassifier(strategy="constant", constant=answer).fit([[0], [1]], [0, 1])


def test_a_logged_model_is_in_the_run_and_loads_by_its_uri(store):
    with mlflow.start_run() as run:
        info = gittrack.sklearn.log_model(always(1), "model")
    assert info.model_uri == f"runs:/{run.info.run_id}/model"
    assert sorted(info.flavors) == ["python_function", "sklearn"]
    folder = store.find(info.run_id).artifacts / "model"
    described = mlmodel.read(folder)
    assert (described.run_id, described.artifact_path) == (info.run_id, "model")
    assert described.model_uuid == info.model_uuid
    assert gittrack.sklearn.load_model(info.model_uri).predict([[5]]).tolist() == [1]
    assert gittrack.pyfunc.load_model(info.model_uri).predict([[5]]).tolist() == [1]


def test_what_is_known_of_a_model_is_told_without_loading_it(tmp_path):
    with mlflow.start_run():
        logged = gittrack.sklearn.log_model(always(1), "model", input_example=[[1.5]])
    assert mlflow.models.get_model_info(logged.model_uri) == logged
    mlflow.save_model(always(1), tmp_path / "m", metadata={"team": "a"})
    told = mlflow.models.get_model_info(str(tmp_path / "m"))
    assert (told.model_uri, told.metadata) == (str(tmp_path / "m"), {"team": "a"})
    with pytest.raises(ModelError, match="no MLmodel"):
        mlflow.models.get_model_info(tmp_path)


def test_without_a_run_one_is_started(store):
    info = gittrack.sklearn.log_model(always(1), "model")
    mlflow.end_run()
    assert store.find("@").run_id == info.run_id


def test_logging_again_takes_the_place_of_the_first():
    with mlflow.start_run():
        gittrack.sklearn.log_model(always(0), "model", signature=False, input_example=[[1]])
        info = gittrack.sklearn.log_model(always(1), "model")
    assert gittrack.sklearn.load_model(info.model_uri).predict([[5]]).tolist() == [1]
    assert info.saved_input_example_info is None


def test_a_failure_leaves_the_first(store):
    with mlflow.start_run():
        info = gittrack.sklearn.log_model(always(0), "model")
        broken = always(1)
        broken.open = (line for line in "abc")
        with pytest.raises(ModelError, match="cannot be pickled"):
            gittrack.sklearn.log_model(broken, "model")
    assert gittrack.sklearn.load_model(info.model_uri).predict([[5]]).tolist() == [0]
    artifacts = store.find(info.run_id).artifacts
    assert [path.name for path in artifacts.iterdir()] == ["model"]


def test_the_arguments_that_mlflow_has():
    with mlflow.start_run():
        by_name = gittrack.sklearn.log_model(sk_model=always(1), name="best/one")
        default = gittrack.sklearn.log_model(always(1))
    assert by_name.artifact_path == "best/one"
    assert default.artifact_path == "model"
    gittrack.sklearn.save_model(sk_model=always(1), path="saved")
    assert gittrack.sklearn.load_model("saved").predict([[5]]).tolist() == [1]


def test_another_run_than_the_active_one():
    with mlflow.start_run() as first:
        pass
    with mlflow.start_run():
        info = gittrack.sklearn.log_model(always(1), "model", run_id=first.info.run_id)
    assert info.run_id == first.info.run_id


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "give the model once"),
        ({"model": 1, "sk_model": 2}, "give the model once"),
        ({"sk_model": always(1), "artifact_path": "a", "name": "b"}, "artifact_path is 'a'"),
        ({"sk_model": always(1), "registered_model_name": "a/b"}, "Invalid model name"),
        ({"sk_model": always(1), "colour": "red"}, "takes no argument 'colour'"),
    ],
)
def test_arguments_that_make_no_sense(arguments, says):
    with mlflow.start_run(), pytest.raises(UsageError, match=says):
        gittrack.sklearn.log_model(**arguments)


def test_a_model_is_registered_while_it_is_logged():
    with mlflow.start_run():
        info = gittrack.sklearn.log_model(
            always(1), "model", registered_model_name="wine", await_registration_for=0
        )
    assert (info.registered_model_version, info.name) == (1, "model")
    assert gittrack.sklearn.load_model("models:/wine/1").predict([[5]]).tolist() == [1]


def test_one_call_finds_the_library_by_itself(tmp_path):
    with mlflow.start_run():
        info = mlflow.log_model(always(1), "model", code_path=None)
    assert mlflow.load_model(info.model_uri).predict([[5]]).tolist() == [1]
    mlflow.save_model(always(1), tmp_path / "saved")
    with pytest.raises(ModelError, match="a pickle"):
        mlflow.load_model(tmp_path / "saved", safe=True)


def test_arguments_of_mlflow_that_mean_nothing_here_are_said():
    with mlflow.start_run(), pytest.warns(TrackingWarning, match="model_type is not used"):
        gittrack.sklearn.log_model(always(1), "model", model_type="good", step=None)


@pytest.mark.parametrize("seconds", [0.0, 2 * provenance.PATIENCE_SECONDS])
def test_the_commit_of_the_run_is_that_of_the_model_however_long_git_takes(
    store, monkeypatch, seconds
):
    capture = provenance.state.capture

    def late(*args, **options):
        time.sleep(seconds)
        return capture(*args, **options)

    monkeypatch.setattr(provenance.state, "capture", late)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    with mlflow.start_run():
        info = gittrack.sklearn.log_model(always(1), "model")
    described = mlmodel.read(store.find(info.run_id).artifacts / "model")
    assert described.git_commit == head.stdout.strip()


@pytest.mark.parametrize("path", ["../model", "/model", ".", "a/../.."])
def test_a_path_that_leads_out_of_the_run(path):
    with mlflow.start_run(), pytest.raises(InvalidValueError, match="Invalid artifact path"):
        gittrack.sklearn.log_model(always(1), path)


def test_saving_needs_a_path():
    with pytest.raises(UsageError, match="needs a path"):
        gittrack.sklearn.save_model(always(1))


def test_a_tree_that_moves_still_loads(store, tmp_path):
    with mlflow.start_run():
        info = gittrack.sklearn.log_model(always(1), "model")
    store.root.rename(tmp_path / "moved")
    mlflow.set_tracking_uri(tmp_path / "moved")
    assert gittrack.sklearn.load_model(info.model_uri).predict([[5]]).tolist() == [1]


def test_importing_the_modules_loads_no_library():
    script = (
        "import sys, gittrack.sklearn, gittrack.pyfunc, gittrack.models, gittrack.serving\n"
        "heavy = {'sklearn', 'numpy', 'pandas', 'yaml', 'cloudpickle', 'waitress'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
