"""Fitting data to a signature, by MLflow's rules, but without losing a digit."""

from __future__ import annotations

import base64
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.errors import SchemaMismatchError
from gittrack.models import ColSpec, Schema, TensorSpec
from gittrack.models.enforcement import enforce


def one(kind):
    return Schema([ColSpec(kind, "a")])


def column(values, dtype=None):
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


def test_extra_columns_are_dropped_and_the_order_is_the_signatures():
    schema = Schema([ColSpec("long", "b"), ColSpec("long", "a")])
    fitted = enforce(pd.DataFrame({"a": [1], "x": [9], "b": [2]}), schema)
    assert list(fitted.columns) == ["b", "a"]
    assert fitted.iloc[0].tolist() == [2, 1]


def test_a_missing_column_is_named_as_mlflow_names_it():
    schema = Schema([ColSpec("long", "a"), ColSpec("long", "b")])
    with pytest.raises(SchemaMismatchError, match=r"Model is missing inputs \['b'\]\n"):
        enforce(pd.DataFrame({"a": [1]}), schema)


def test_an_optional_column_may_be_missing():
    schema = Schema([ColSpec("long", "a"), ColSpec("long", "b", required=False)])
    assert list(enforce(pd.DataFrame({"a": [1]}), schema).columns) == ["a"]


def test_without_names_columns_count_by_position():
    schema = Schema([ColSpec("double"), ColSpec("string")])
    fitted = enforce(pd.DataFrame([[1.5, "x", 9]]), schema)
    assert fitted.shape == (1, 2)
    with pytest.raises(SchemaMismatchError, match="takes 2 columns, got 1"):
        enforce(pd.DataFrame([[1.5]]), schema)


def test_a_number_as_a_name_is_found_as_text():
    fitted = enforce(pd.DataFrame({"0": [1]}), Schema([ColSpec("long", 0)]))
    assert list(fitted.columns) == [0]


@pytest.mark.parametrize(
    ("dtype", "kind", "becomes"),
    [
        ("int32", "long", "int64"),
        ("int8", "integer", "int32"),
        ("uint16", "integer", "int32"),
        ("uint32", "long", "int64"),
        ("float32", "double", "float64"),
        ("int32", "double", "float64"),
        ("Int64", "long", "int64"),
        ("Float32", "double", "float64"),
    ],
)
def test_types_widen(dtype, kind, becomes):
    assert str(enforce(column([1, 2], dtype), one(kind))["a"].dtype) == becomes


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1.0], "float64", "long"),
        ([1], "int64", "integer"),
        ([5], "int64", "double"),
        ([1.5], "float64", "float"),
        ([1], "int64", "string"),
        ([1], "int64", "boolean"),
        ([True], "bool", "long"),
        (["x"], None, "double"),
        ([1], "int64", "datetime"),
        (["yesterday-ish"], None, "datetime"),
        (["%"], None, "binary"),
        ([1, None], "Int64", "long"),
        ([2**63], "uint64", "long"),
        ([Decimal("1.5")], object, "double"),
    ],
)
def test_what_does_not_widen_is_refused_and_the_column_named(values, dtype, kind):
    with pytest.raises(SchemaMismatchError, match=f"column 'a' .* signature says {kind}"):
        enforce(column(values, dtype), one(kind))


def test_zeros_and_ones_pass_for_floats():
    assert enforce(column([0, 1]), one("double"))["a"].dtype == np.float64


def test_objects_become_text_and_gaps_stay():
    fitted = enforce(column(["x", 1, None], object), one("string"))["a"]
    assert fitted.tolist()[:2] == ["x", "1"]
    assert fitted.isna().tolist() == [False, False, True]


def test_dates_of_any_precision_and_as_text():
    seconds = column(pd.to_datetime(["2026-01-01"]).astype("datetime64[s]"))
    assert enforce(seconds, one("datetime"))["a"].dtype.kind == "M"
    assert enforce(column(["2026-01-01T10:00:00"]), one("datetime"))["a"].dt.hour[0] == 10


@pytest.mark.parametrize("nested", ["any", "array", "object", "map"])
def test_nested_columns_pass_as_they_are(nested):
    assert enforce(column([[1, 2]]), one(nested))["a"][0] == [1, 2]


# -- data that came as text: each value counts


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        ([1.0, 2.0], "long", "int64"),
        ([1, 2], "integer", "int32"),
        ([5, 7], "double", "float64"),
        ([0.1], "float", "float32"),
        ([None, None], "double", "float64"),
        ([None, 1.5], "double", "float64"),
        ([True], "boolean", "bool"),
    ],
)
def test_an_exact_value_is_taken(values, kind, dtype):
    assert str(enforce(column(values), one(kind), exact=True)["a"].dtype) == dtype


@pytest.mark.parametrize(
    ("values", "kind", "holds"),
    [
        (["2", "2", "x"], "long", "holds 'x'"),
        (["2", "2", "x"], "double", "holds 'x'"),
        ([1, "x"], "double", "holds 'x'"),
        ([1, "2"], "double", "holds '2'"),
        ([1, True], "long", "holds True"),
        ([1, [2]], "long", r"holds \[2\]"),
        (["True", "x"], "boolean", "holds 'x'"),
        ([True, 1], "boolean", "holds 1"),
        (["2", "3"], "long", "holds '2'"),
    ],
)
def test_the_cell_that_does_not_convert_is_named(values, kind, holds):
    with pytest.raises(SchemaMismatchError, match=f"column 'a' {holds},"):
        enforce(column(values), one(kind), exact=True)


@pytest.mark.parametrize(
    ("values", "kind", "holds"),
    [
        ([1, 1.5], "long", "1.5"),
        ([2**31], "integer", "2147483648"),
        ([2**53 + 1], "double", "9007199254740993"),
        ([1e300], "float", r"1e\+300"),
        ([1e300], "long", r"1e\+300"),
        ([1, None], "long", "null or NaN"),
        ([1, float("nan")], "integer", "null or NaN"),
        ([True, None], "boolean", "null or NaN"),
        ([None, None], "long", "null or NaN"),
        ([10**30], "long", str(10**30)),
        (["x"], "long", "'x'"),
        ([1], "boolean", "1"),
        ([True], "long", "True"),
        ([1, "x"], "string", "1"),
        ([[1]], "double", r"\[1\]"),
        ([{}], "string", r"\{\}"),
        ([7], "binary", "base64"),
    ],
)
def test_a_value_that_would_be_lost_is_refused(values, kind, holds):
    with pytest.raises(SchemaMismatchError, match=f"column 'a' .*{holds}"):
        enforce(column(values), one(kind), exact=True)


def test_bytes_come_as_base64():
    frame = column([base64.b64encode(b"\0\xff").decode(), None])
    assert enforce(frame, one("binary"), exact=True)["a"][0] == b"\0\xff"


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)


@given(
    st.lists(values, min_size=1, max_size=4),
    st.sampled_from(["long", "integer", "double", "float", "boolean"]),
)
def test_an_exact_cast_keeps_every_number_or_is_refused(cells, kind):
    frame = column(cells, object)
    try:
        fitted = enforce(frame, one(kind), exact=True)["a"].tolist()
    except SchemaMismatchError:
        return
    for before, after in zip(cells, fitted, strict=True):
        if before is None or before != before:  # noqa: PLR0124 - NaN is no value either
            assert after is None or after != after  # noqa: PLR0124
        elif kind == "float":
            assert np.float32(before) == np.float32(after)
        else:
            assert after == before


# -- tensors


def test_a_tensor_of_the_right_shape_and_type_passes():
    schema = Schema([TensorSpec("float64", (-1, 2))])
    array = np.ones((3, 2))
    assert enforce(array, schema) is array
    assert enforce(pd.DataFrame(array), schema).shape == (3, 2)
    assert enforce(np.ones((3, 2), dtype="int32"), schema).dtype == np.float64


def test_a_tensor_of_whole_numbers_that_came_as_text_passes_for_integers():
    schema = Schema([TensorSpec("int64", (-1,))])
    assert enforce([1.0, 2.0], schema, exact=True).tolist() == [1, 2]
    for lost in ([1.5], [1e300], ["x"], [None], [True]):
        with pytest.raises(SchemaMismatchError):
            enforce(lost, schema, exact=True)


@pytest.mark.parametrize("array", [np.ones(3), np.ones((3, 1)), np.ones((3, 2), dtype="complex")])
def test_a_tensor_that_does_not_fit_is_refused(array):
    with pytest.raises(SchemaMismatchError):
        enforce(array, Schema([TensorSpec("float64", (-1, 2))]))


def test_named_tensors_come_as_a_dictionary():
    schema = Schema([TensorSpec("float64", (-1,), "x"), TensorSpec("int64", (-1,), "y")])
    fitted = enforce({"x": [1.5], "y": [2], "z": [3]}, schema)
    assert {name: values.tolist() for name, values in fitted.items()} == {"x": [1.5], "y": [2]}
    with pytest.raises(SchemaMismatchError, match=r"missing inputs \['y'\]"):
        enforce({"x": [1.5]}, schema)
    with pytest.raises(SchemaMismatchError, match="named tensors"):
        enforce(np.ones(2), schema)
