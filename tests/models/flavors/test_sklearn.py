"""scikit-learn's models: damaged and foreign files give one clear error each."""

from __future__ import annotations

import json
import pickle

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from gittrack.errors import MissingPackageError, ModelError, UsageError
from gittrack.models import pyfunc
from gittrack.models.flavors import sklearn
from gittrack.models.loading import load_model

ENTRY = {"pickled_model": "model.pkl", "serialization_format": "pickle", "sklearn_version": "1.2.2"}


class Own(ClassifierMixin, BaseEstimator):
    pass


def write(folder, content, **entry):
    (folder / "model.pkl").write_bytes(content)
    function = {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"}
    flavors = {"sklearn": {**ENTRY, **entry}, "python_function": function}
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavors}))
    (folder / "requirements.txt").write_text("# ours\nscikit-learn==1.2.2\nnowhere==1.0\n")
    return folder


def test_an_estimator_of_ones_own_is_scikit_learns_too():
    assert sklearn.detect(Own())
    assert not sklearn.detect(object())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"no pickle",
        b"\x80\x05",
        b"\x80\x05cbuiltins\nnothing\n.",
        b"\x80\x05]q\0h\x07.",
        b"(I1\n",
    ],
)
def test_a_damaged_pickle_tells_what_it_was_saved_with(tmp_path, damage):
    says = r"cannot be loaded.*scikit-learn 1\.2\.2 \(here .*nowhere 1\.0 \(here missing\)"
    with pytest.raises(ModelError, match=says):
        load_model(write(tmp_path, damage), flavor="sklearn")


def test_a_pickle_that_needs_another_package(tmp_path):
    write(tmp_path, b"\x80\x05cnot_installed_here\nModel\n.")
    with pytest.raises(MissingPackageError, match="needs not_installed_here") as caught:
        load_model(tmp_path, flavor="sklearn")
    assert "pip install -r" in caught.value.hint


def test_a_format_that_nobody_has(tmp_path):
    write(tmp_path, pickle.dumps(1), serialization_format="joblib")
    with pytest.raises(UsageError, match="'joblib'"):
        load_model(tmp_path, flavor="sklearn")


def test_a_folder_in_the_place_of_the_pickle(tmp_path):
    write(tmp_path, b"")
    (tmp_path / "model.pkl").unlink()
    (tmp_path / "model.pkl").mkdir()
    with pytest.raises(ModelError, match="cannot be loaded: IsADirectoryError"):
        load_model(tmp_path, flavor="sklearn")


def test_a_model_without_the_method_that_is_named(tmp_path):
    model = pyfunc.load_model(write(tmp_path, pickle.dumps({"a": 1})))
    with pytest.raises(ModelError, match="dict has no method 'predict'"):
        model.predict([[1]])
