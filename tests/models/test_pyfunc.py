"""A model of any flavor as one thing, ours and MLflow's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gittrack.errors import MissingPackageError, ModelError, SchemaMismatchError
from gittrack.models.pyfunc import load_model
from gittrack.models.saving import save_model

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def model(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "model", input_example=frame)
    return load_model(tmp_path / "model")


def test_it_predicts_what_the_model_predicts(model, classifier, frame):
    assert model.predict(frame).tolist() == classifier.predict(frame).tolist()
    assert model.get_raw_model().coef_.tolist() == classifier.coef_.tolist()
    assert model.unwrap_python_model() is model.get_raw_model()


def test_it_puts_the_data_in_order_first(model, classifier, frame):
    mixed = frame.assign(extra="x")[["n", "extra", "x"]]
    assert model.predict(mixed).tolist() == classifier.predict(frame).tolist()


def test_it_refuses_what_does_not_fit(model, frame):
    with pytest.raises(SchemaMismatchError, match=r"missing inputs \['n'\]"):
        model.predict(frame[["x"]])
    with pytest.raises(SchemaMismatchError, match="'n' is float64"):
        model.predict(frame.assign(n=1.5))


def test_its_metadata_is_what_mlmodel_says(model):
    assert model.metadata.get_input_schema().input_names() == ["x", "n"]
    assert model.metadata.get_output_schema().is_tensor_spec()


def test_params_that_it_has_not_are_ignored_with_a_warning(model, frame):
    with pytest.warns(UserWarning, match="'temperature'"):
        model.predict(frame, {"temperature": 1})


def test_another_method_can_answer(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "model", pyfunc_predict_fn="predict_proba")
    assert load_model(tmp_path / "model").predict(frame).shape == (6, 2)


@pytest.mark.filterwarnings("ignore:Trying to unpickle estimator")
@pytest.mark.parametrize("version", ["1.30", "3.17"])
def test_a_model_that_mlflow_saved(version):
    if version == "3.17" and np.lib.NumpyVersion(np.__version__) < "2.0.0":
        with pytest.raises(MissingPackageError, match=r"needs numpy\._core"):
            load_model(SAMPLES / "mlflow-3.17")
        return
    model = load_model(SAMPLES / f"mlflow-{version}")
    if version == "3.17":
        assert model.predict(np.array([[-2.0], [2.0]])).tolist() == [0, 1]
        assert model.predict(pd.DataFrame([[-2.0], [2.0]])).tolist() == [0, 1]
    else:
        # The pickle is of scikit-learn 1.2; what it learnt is there with every later version.
        assert model.get_raw_model().coef_.shape == (1, 1)


@pytest.mark.parametrize(
    ("flavors", "says"),
    [
        ("{sklearn: {}}", "no flavor 'python_function'"),
        ("{python_function: {}}", "wants the loader None"),
        ("{python_function: {loader_module: os}}", r"the module os has no _load_pyfunc"),
        ("{python_function: {loader_module: not.there}}", "wants the loader 'not.there'"),
        ("{python_function: {loader_module: mlflow.spacy}}", "wants the loader 'mlflow.spacy'"),
        (
            "{python_function: {loader_module: mlflow.sklearn, model_path: ../model.pkl}}",
            "lies outside the model's folder",
        ),
        (
            "{python_function: {loader_module: mlflow.sklearn}, sklearn: {pickled_model: /x}}",
            "lies outside the model's folder",
        ),
    ],
)
def test_a_model_that_cannot_be_loaded(tmp_path, flavors, says):
    (tmp_path / "MLmodel").write_text(f"flavors: {flavors}\n")
    with pytest.raises(ModelError, match=says):
        load_model(tmp_path)


def test_a_model_without_its_own_entry_loads_by_the_general_one(tmp_path, classifier, frame):
    save_model(classifier, tmp_path / "model")
    entry = "{loader_module: mlflow.sklearn, model_path: model.pkl}"
    (tmp_path / "model" / "MLmodel").write_text(f"flavors: {{python_function: {entry}}}\n")
    assert load_model(tmp_path / "model").predict(frame).shape == (6,)


def test_without_pandas_a_signature_of_columns_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pandas, which is not installed") as caught:
        model.predict([[1.0, 1]])
    assert caught.value.hint == "pip install pandas"


def test_without_pandas_arrays_are_enough_for_a_signature_of_tensors(
    tmp_path, classifier, monkeypatch
):
    inputs = np.array([[0.0, 1.0], [1.0, 0.0]])
    fitted = type(classifier)().fit(inputs, [0, 1])
    save_model(fitted, tmp_path / "tensors", input_example=inputs)
    save_model(fitted, tmp_path / "unsigned")
    (tmp_path / "hidden").mkdir()
    line = "raise ModuleNotFoundError(\"No module named 'pandas'\", name='pandas')\n"
    (tmp_path / "hidden" / "pandas.py").write_text(line)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'hidden'}{os.pathsep}{os.environ['PYTHONPATH']}")
    script = (
        "import sys, gittrack.pyfunc, numpy\n"
        "model = gittrack.pyfunc.load_model(sys.argv[1])\n"
        "print(model.predict(numpy.array([[0.0, 1.0], [1.0, 0.0]])).tolist())\n"
    )
    for name in ("tensors", "unsigned"):
        command = [sys.executable, "-c", script, str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("[0, 1]\n", "")


def test_its_repr_is_a_few_short_lines(model):
    assert repr(model).splitlines() == [
        "gittrack.pyfunc.PyFuncModel",
        "  flavors: python_function, sklearn",
        "  inputs: x double, n long",
        "  outputs: int64 [-1]",
    ]
