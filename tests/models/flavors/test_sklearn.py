"""scikit-learn's models: damaged and foreign pickles give one clear error each."""

from __future__ import annotations

import pickle

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from gittrack.errors import MissingPackageError, ModelError
from gittrack.models.flavors import sklearn

ENTRY = {"pickled_model": "model.pkl", "serialization_format": "pickle", "sklearn_version": "1.2.2"}


class Own(ClassifierMixin, BaseEstimator):
    pass


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
def test_a_damaged_pickle(tmp_path, damage):
    (tmp_path / "model.pkl").write_bytes(damage)
    with pytest.raises(ModelError, match=r"cannot be unpickled.*scikit-learn 1\.2\.2"):
        sklearn.load(tmp_path, ENTRY)


def test_a_pickle_that_needs_another_package(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x05cnot_installed_here\nModel\n.")
    with pytest.raises(MissingPackageError, match="needs not_installed_here") as caught:
        sklearn.load(tmp_path, ENTRY)
    assert "pip install -r" in caught.value.hint


def test_a_format_that_is_not_read_yet(tmp_path):
    with pytest.raises(ModelError, match="'skops'") as caught:
        sklearn.load(tmp_path, {"pickled_model": "model.skops", "serialization_format": "skops"})
    assert "cloudpickle" in caught.value.hint


def test_a_folder_in_the_place_of_the_pickle(tmp_path):
    (tmp_path / "model.pkl").mkdir()
    with pytest.raises(ModelError, match="cannot read"):
        sklearn.load(tmp_path, ENTRY)


def test_a_model_without_the_method_that_is_named(tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    model = sklearn.load(tmp_path, ENTRY)
    with pytest.raises(ModelError, match="dict has no method 'predict'"):
        sklearn.predict(model, [[1]], {})
