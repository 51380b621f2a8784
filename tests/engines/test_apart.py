from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.linear_model import LinearRegression

import gittrack.sklearn
from gittrack.engines import apart
from gittrack.engines.answers import Wanted
from gittrack.errors import ModelError, ToolError
from tests.conftest import SOURCE

KINDS = st.sampled_from(["bool", "int32", "int64", "float32", "float64", "datetime64[ns]"])
CELLS = st.one_of(st.none(), st.text(), st.binary(), st.lists(st.integers()))


def test_a_model_scores_in_another_process() -> None:
    gittrack.sklearn.save_model(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0]), "model")
    options = {"wanted": Wanted("double"), "params": None, "library": SOURCE}
    child = apart.started(sys.executable, Path("model").absolute(), **options)
    answer = child.scored(np.array([[2.0], [3.0]]), 2)
    assert answer.tolist() == pytest.approx([5.0, 7.0])
    assert apart.started(sys.executable, Path("model").absolute(), **options) is child
    with pytest.raises(ModelError, match="ValueError: .*features"):
        child.scored(np.array([[2.0, 3.0]]), 1)
    assert child.scored(np.array([[0.0]]), 1).tolist() == pytest.approx([1.0])
    child.close()


def test_an_environment_that_is_not_there_is_said() -> None:
    with pytest.raises(ToolError, match="is not on this machine") as caught:
        apart.started("/no/python", Path("m"), wanted=Wanted("int"), params=None, library=SOURCE)
    assert "GITTRACK_CACHE" in caught.value.hint


def test_a_python_that_ends_is_said() -> None:
    with pytest.raises(ToolError, match="ended with 1"):
        apart.started("/bin/false", Path("m"), wanted=Wanted("int"), params=None, library=SOURCE)


def test_a_model_that_cannot_be_loaded_there_is_said() -> None:
    with pytest.raises(ModelError, match="NotFoundError: no model at m"):
        apart.started(sys.executable, Path("m"), wanted=Wanted("int"), params=None, library=SOURCE)


@given(arrays.arrays(KINDS, arrays.array_shapes(max_dims=3, max_side=4)))
def test_an_array_arrives_as_it_was(array: np.ndarray) -> None:
    arrived = apart._unpacked(apart._packed(array))
    assert arrived.dtype == array.dtype
    np.testing.assert_array_equal(arrived, array)


@given(st.lists(st.tuples(CELLS, st.floats()), min_size=1))
def test_a_table_arrives_as_it_was(rows: list) -> None:
    column = pd.Series([cell for cell, _ in rows], dtype=object)
    table = pd.DataFrame({"a": column, "b": [number for _, number in rows]})
    arrived = apart._unpacked(apart._packed(table))
    assert arrived["a"].tolist() == table["a"].tolist()
    pd.testing.assert_series_equal(arrived["b"], table["b"])
