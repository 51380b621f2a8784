"""What a model answers, as JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from decimal import Decimal
from enum import Enum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from gittrack.errors import ModelError
from gittrack.models.encoding import dumps, jsonable


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("1.50"), 1.5),
        (Decimal("sNaN"), None),
        (b"\0\xff", "AP8="),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.timezone.utc), "2026-01-02T03:04:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.timedelta(seconds=90), 90.0),
        (Colour.RED, "red"),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.float32("nan"), None),
        (np.longdouble(1.5), 1.5),
        (np.str_("a"), "a"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("NaT", "D"), None),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.array([2, "NaT"], dtype="timedelta64[Y]"), [2, None]),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (np.array([[1.5, np.inf]]), [[1.5, None]]),
        (np.array(["2026-01-02", "NaT"], dtype="datetime64[D]"), ["2026-01-02", None]),
        (np.ma.masked_array([1.5, 2.5], mask=[0, 1]), [1.5, None]),
        (np.ma.masked_array([1, 2], mask=[0, 1]), [1, None]),
        (np.array([1, None, b"a"], dtype=object), [1, None, "YQ=="]),
        (np.array(7), 7),
        (pd.Series([1, 2]), [{"0": 1}, {"0": 2}]),
        (
            pd.DataFrame({"a": [1.5, None], "b": ["x", None]}),
            [{"a": 1.5, "b": "x"}, {"a": None, "b": None}],
        ),
        (pd.DataFrame({"a": []}), []),
        (pd.Categorical(["x", "y"]), ["x", "y"]),
        (pd.array([1, None], dtype="Int64"), [1, None]),
        (pd.Index([1, 2]), [1, 2]),
        (sparse.csr_matrix([[0, 1]]), [[0, 1]]),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        ({np.int64(1): 1, False: 2, None: 3}, {"1": 1, "false": 2, "null": 3}),
    ],
)
def test_a_value_and_its_form(value, encoded):
    assert jsonable(value) == encoded
    assert json.loads(dumps(value)) == encoded


@pytest.mark.parametrize(
    "strange",
    [object(), 1j, np.array([1j]), pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [object()]}],
)
def test_what_has_no_form_is_a_clear_error(strange):
    with pytest.raises(ModelError):
        dumps(strange)


def test_a_value_that_holds_itself_is_a_clear_error():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ModelError, match="holds itself"):
        dumps(endless)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.decimals(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    hnp.from_dtype(np.dtype("float32")),
    hnp.from_dtype(np.dtype("datetime64[ns]")),
)
nested = st.recursive(
    scalars
    | hnp.arrays(
        hnp.scalar_dtypes().filter(lambda kind: kind.kind != "c"), hnp.array_shapes(max_side=3)
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.integers() | st.dates() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(nested)
def test_everything_becomes_strict_json(value):
    def refuse(constant):
        raise AssertionError(constant)

    json.loads(dumps(value), parse_constant=refuse)


@given(hnp.arrays(np.float64, hnp.array_shapes(max_side=4)))
def test_an_array_keeps_every_finite_number(array):
    expected = [number if math.isfinite(number) else None for number in array.ravel().tolist()]
    assert np.array(json.loads(dumps(array)), dtype=object).ravel().tolist() == expected


@given(st.binary())
def test_bytes_come_back(data):
    assert base64.b64decode(json.loads(dumps(data))) == data
