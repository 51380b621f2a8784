"""Saving a model as a folder, and loading it in another process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from importlib.metadata import version

import numpy as np
import pytest
import yaml
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from gittrack.errors import ModelError, NotFoundError, TrackingWarning, UsageError
from gittrack.models import ModelSignature, digest, infer_signature, mlmodel
from gittrack.models.loading import load_model
from gittrack.models.saving import Origin, save_model
from gittrack.version import VERSION

PINNED = [f"{name}=={version(name)}" for name in ("cloudpickle", "numpy", "scikit-learn")]


def test_the_files_of_a_model(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "model", input_example=frame)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "MLmodel",
        "conda.yaml",
        "input_example.json",
        "model.pkl",
        "python_env.yaml",
        "requirements.txt",
    ]


def test_what_mlmodel_says(tmp_path, classifier):
    origin = Origin("k3v9x2mq7d", "model", "5e0c" * 10)
    save_model(classifier, tmp_path / "model", origin=origin, metadata={"team": "a"})
    content = yaml.safe_load((tmp_path / "model" / "MLmodel").read_bytes())
    python = ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", content.pop("utc_time_created"))
    assert re.fullmatch(r"[0-9a-f]{32}", content.pop("model_uuid"))
    assert content.pop("digest") == digest.of_folder(tmp_path / "model", without={"MLmodel"})
    assert content == {
        "artifact_path": "model",
        "flavors": {
            "python_function": {
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn",
                "model_path": "model.pkl",
                "predict_fn": "predict",
                "python_version": python,
            },
            "sklearn": {
                "code": None,
                "pickled_model": "model.pkl",
                "serialization_format": "cloudpickle",
                "sklearn_version": version("scikit-learn"),
            },
        },
        "git_commit": "5e0c" * 10,
        "gittrack_version": VERSION,
        "metadata": {"team": "a"},
        "run_id": "k3v9x2mq7d",
    }


def test_no_file_names_the_place_where_it_was_made(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "model", input_example=frame)
    for path in (tmp_path / "model").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()


def test_what_a_model_needs_is_pinned(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "plain")
    assert (tmp_path / "plain" / "requirements.txt").read_text() == "\n".join(PINNED) + "\n"
    save_model(classifier, tmp_path / "frame", input_example=frame)
    wanted = sorted([*PINNED, f"pandas=={version('pandas')}"])
    assert (tmp_path / "frame" / "requirements.txt").read_text().splitlines() == wanted
    conda = yaml.safe_load((tmp_path / "frame" / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": wanted}
    environment = yaml.safe_load((tmp_path / "frame" / "python_env.yaml").read_text())
    assert environment["dependencies"] == ["-r requirements.txt"]


def test_requirements_can_be_given(tmp_path, classifier):
    path = tmp_path / "needs.txt"
    path.write_text("# ours\nscikit-learn>=1\n\n")
    save_model(classifier, tmp_path / "a", pip_requirements=str(path))
    save_model(classifier, tmp_path / "b", pip_requirements=["x==1"], extra_pip_requirements=["y"])
    save_model(classifier, tmp_path / "c", extra_pip_requirements=["y"])
    save_model(classifier, tmp_path / "d", conda_env={"name": "mine"})
    assert (tmp_path / "a" / "requirements.txt").read_text() == "scikit-learn>=1\n"
    assert (tmp_path / "b" / "requirements.txt").read_text() == "x==1\ny\n"
    assert (tmp_path / "c" / "requirements.txt").read_text().splitlines() == [*PINNED, "y"]
    assert (tmp_path / "d" / "conda.yaml").read_text() == "name: mine\n"


def test_an_example_gives_the_signature(tmp_path, classifier, frame):
    saved = save_model(classifier, tmp_path / "model", input_example=frame)
    assert saved.signature == infer_signature(frame, classifier.predict(frame))
    example = json.loads((tmp_path / "model" / "input_example.json").read_text())
    assert example["columns"] == ["x", "n"]
    assert example["data"][0] == [-2.0, 0]
    assert saved.saved_input_example_info == {
        "artifact_path": "input_example.json",
        "pandas_orient": "split",
        "type": "dataframe",
    }


def test_a_signature_can_be_given_or_left_out(tmp_path, classifier, frame):
    given = infer_signature(frame)
    assert save_model(classifier, tmp_path / "a", signature=given).signature == given
    left_out = save_model(classifier, tmp_path / "b", signature=False, input_example=frame)
    assert left_out.signature is None
    assert mlmodel.read(tmp_path / "b").signature is None


@pytest.mark.parametrize("example", [np.array([[1.0, 2.0]]), [[1.0, 2.0]]])
def test_an_example_may_be_an_array_or_a_list(tmp_path, classifier, example):
    classifier = type(classifier)().fit([[0, 1], [1, 0]], [0, 1])
    save_model(classifier, tmp_path / "model", input_example=example)
    assert json.loads((tmp_path / "model" / "input_example.json").read_text()) == [[1.0, 2.0]]


@pytest.mark.parametrize("form", ["cloudpickle", "pickle"])
def test_another_process_loads_what_was_saved(tmp_path, classifier, form):
    save_model(classifier, tmp_path / "model", serialization_format=form)
    script = (
        "import sys\n"
        "from gittrack.models.loading import load_model\n"
        "model = load_model(sys.argv[1], flavor='sklearn')\n"
        "print(type(model).__name__, model.coef_.tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "model")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"LogisticRegression {classifier.coef_.tolist()}\n"


def test_a_function_of_the_script_is_saved_by_value(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import numpy as np\n"
        "from sklearn.preprocessing import FunctionTransformer\n"
        "from gittrack.models.saving import save_model\n"
        "def double(x):\n"
        "    return x * 2\n"
        "save_model(FunctionTransformer(double), 'model', pyfunc_predict_fn='transform')\n"
    )
    subprocess.run([sys.executable, str(script)], check=True, cwd=tmp_path)
    assert load_model(tmp_path / "model", flavor="sklearn").transform(3) == 6


# -- what is refused leaves nothing


def test_a_model_that_cannot_be_pickled(tmp_path, classifier):
    broken = type(classifier)()
    broken.lock = threading.Lock()
    with pytest.raises(ModelError, match="cannot be pickled"):
        save_model(broken, tmp_path / "deep" / "model")
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"speed": "x"}, "takes no argument 'speed'"),
        ({"signature": "double"}, "signature is str"),
        ({"metadata": [1]}, "metadata is no dictionary"),
        ({"serialization_format": "joblib"}, "serialization_format is 'joblib'"),
        ({"pyfunc_predict_fn": "transform"}, "has no method 'transform'"),
        ({"pip_requirements": "missing.txt"}, "cannot read missing.txt"),
        ({"pip_requirements": [1]}, "holds what is no requirement"),
        ({"conda_env": "missing.yaml"}, "cannot read missing.yaml"),
        ({"conda_env": {"a": 1}, "pip_requirements": ["x"]}, "exclude each other"),
        ({"flavor": "prophet"}, "no flavor 'prophet'"),
    ],
)
def test_a_wrong_argument(tmp_path, classifier, options, says):
    with pytest.raises(UsageError, match=says) as caught:
        save_model(classifier, tmp_path / "deep" / "model", **options)
    assert caught.value.hint
    assert not (tmp_path / "deep" / "model").exists()


def test_an_example_of_another_kind(tmp_path, classifier):
    with pytest.raises(ModelError, match="input_example is set"):
        save_model(classifier, tmp_path / "model", signature=False, input_example={1, 2})


def test_an_object_of_no_known_library(tmp_path):
    with pytest.raises(ModelError, match=r"no flavor saves a builtins\.object"):
        save_model(object(), tmp_path / "model")


def test_a_path_that_is_taken(tmp_path, classifier):
    save_model(classifier, tmp_path / "model", signature=ModelSignature())
    with pytest.raises(ModelError, match="exists and is not empty"):
        save_model(classifier, tmp_path / "model")


def test_loading_what_is_not_there_or_of_another_flavor(tmp_path):
    with pytest.raises(NotFoundError):
        load_model(tmp_path / "model", flavor="sklearn")
    (tmp_path / "MLmodel").write_text("flavors: {keras: {}}")
    with pytest.raises(ModelError, match="no model of the flavor 'sklearn'") as caught:
        load_model(tmp_path, flavor="sklearn")
    assert "keras" in caught.value.hint


@pytest.mark.parametrize("given", [{"a": 1}, LogisticRegression, None, 3])
def test_what_is_no_model_is_refused(tmp_path, given):
    with pytest.raises(ModelError, match="is no model") as caught:
        save_model(given, tmp_path / "model", flavor="sklearn")
    assert f"what was given is {given!r}"[:40] in caught.value.hint
    assert not (tmp_path / "model").exists()


def test_an_example_has_one_row_a_line(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "model", input_example=frame.head(2))
    assert (tmp_path / "model" / "input_example.json").read_text() == (
        '{\n"columns": ["x", "n"],\n"data": [\n[-2.0, 0],\n[-1.0, 1]\n]\n}\n'
    )


@pytest.mark.parametrize("form", ["cloudpickle", "pickle"])
def test_what_is_killed_in_the_writing_leaves_nothing_under_the_name(tmp_path, form):
    script = (
        "import os, sys\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from gittrack.models.saving import save_model\n"
        "class Dying(LogisticRegression):\n"
        "    def __getstate__(self):\n"
        "        os.kill(os.getpid(), 9)\n"
        f"save_model(Dying(), 'model', serialization_format={form!r})\n"
    )
    (tmp_path / "train.py").write_text(script)
    done = subprocess.run([sys.executable, "train.py"], check=False, cwd=tmp_path)
    assert done.returncode == -9
    left = [
        path.name for path in tmp_path.iterdir() if path.name not in ("train.py", "home", "work")
    ]
    assert [name for name in left if not name.endswith(".gittrack-tmp")] == []


def test_a_sparse_matrix_as_an_example(tmp_path, classifier):
    fitted = type(classifier)().fit(np.eye(2), [0, 1])
    saved = save_model(fitted, tmp_path / "model", input_example=sparse.csr_matrix(np.eye(2)))
    assert saved.saved_input_example_info["type"] == "sparse_matrix_csr"
    content = json.loads((tmp_path / "model" / "input_example.json").read_text())
    assert content == {"data": [1, 1], "indices": [0, 1], "indptr": [0, 1, 2], "shape": [2, 2]}


def test_an_example_that_the_model_cannot_take(tmp_path, classifier):
    with pytest.raises(ModelError, match="cannot take its input_example"):
        save_model(classifier, tmp_path / "model", input_example=[[1.0, 2.0, 3.0]])
    assert not (tmp_path / "model").exists()


def test_an_answer_that_a_signature_has_no_type_for(tmp_path):
    def answer(model_input):
        return {"of": len(model_input), "at": object()}

    with pytest.warns(TrackingWarning, match="leaves out what the model answers"):
        saved = save_model(answer, tmp_path / "model", input_example=np.eye(2))
    assert (saved.signature.outputs, len(saved.signature.inputs)) == (None, 1)
