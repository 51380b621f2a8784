"""Signatures found from data."""

from __future__ import annotations

import datetime as dt
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra import pandas as hpd
from scipy import sparse

from gittrack.errors import ModelError, SchemaMismatchError
from gittrack.models import ColSpec, TensorSpec, infer_signature
from gittrack.models.enforcement import enforce


def kinds(frame):
    return {spec.name: spec.type for spec in infer_signature(frame).inputs}


def test_the_columns_of_a_frame():
    frame = pd.DataFrame(
        {
            "flag": [True, False],
            "small": np.array([1, 2], dtype="int16"),
            "whole": [1, 2],
            "half": np.array([1, 2], dtype="float32"),
            "real": [1.5, 2.0],
            "text": ["a", "b"],
            "bytes": [b"a", b"b"],
            "when": pd.to_datetime(["2026-01-01", "2026-01-02"]),
            "zoned": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
            "kind": pd.Categorical(["x", "y"]),
            "nullable": pd.array([1, 2], dtype="Int64"),
        }
    )
    assert kinds(frame) == {
        "flag": "boolean",
        "small": "integer",
        "whole": "long",
        "half": "float",
        "real": "double",
        "text": "string",
        "bytes": "binary",
        "when": "datetime",
        "zoned": "datetime",
        "kind": "string",
        "nullable": "long",
    }


def test_objects_are_judged_by_their_values():
    frame = pd.DataFrame(
        {"a": [1, None], "b": ["x", None], "c": [dt.date(2026, 1, 1), None]}, dtype=object
    )
    assert kinds(frame) == {"a": "long", "b": "string", "c": "datetime"}


def test_a_column_with_gaps_is_not_required():
    inputs = infer_signature(pd.DataFrame({"a": [1.0, None], "b": [1.0, 2.0]})).inputs
    assert [spec.required for spec in inputs] == [False, True]


def test_numbers_name_columns_too():
    assert infer_signature(pd.DataFrame([[1]])).inputs.inputs == (ColSpec("long", 0),)


def test_arrays_series_and_lists():
    assert infer_signature(np.zeros((5, 3))).inputs.inputs == (TensorSpec("float64", (-1, 3)),)
    assert infer_signature(np.array(["a"])).inputs.inputs == (TensorSpec("str", (-1,)),)
    assert infer_signature(pd.Series([1], name="y")).inputs.inputs == (ColSpec("long", "y"),)
    assert infer_signature([1.5, 2.5]).inputs.inputs == (ColSpec("double"),)
    assert infer_signature(["a"]).inputs.inputs == (ColSpec("string"),)
    assert infer_signature([[1.0, 2.0]]).inputs.inputs == (TensorSpec("float64", (-1, 2)),)


def test_params_have_types_and_defaults():
    found = infer_signature(params={"n": 1, "rate": 0.5, "stop": ["a"], "on": True}).params
    assert [(spec.name, spec.type, spec.shape) for spec in found.params] == [
        ("n", "long", None),
        ("rate", "double", None),
        ("stop", "string", (-1,)),
        ("on", "boolean", None),
    ]


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"a": object()},
        [],
        [1, "a", None],
        [[1], [1, 2]],
        object(),
        pd.DataFrame({"a": [1, "b"]}),
        pd.DataFrame({"a": [1 + 2j]}),
    ],
)
def test_what_has_no_type_is_refused_with_a_way_out(strange):
    with pytest.raises(ModelError) as caught:
        infer_signature(strange)
    assert "signature" in caught.value.hint


@given(
    hpd.data_frames(
        [
            hpd.column("a", dtype=np.int64),
            hpd.column("b", dtype=np.float64),
            hpd.column("c", dtype=np.bool_),
            hpd.column("d", elements=st.text(max_size=5), dtype=object),
        ],
        index=hpd.range_indexes(min_size=1),
    )
)
def test_a_frame_fits_the_signature_found_from_it(frame):
    fitted = enforce(frame, infer_signature(frame).inputs)
    pd.testing.assert_frame_equal(fitted, frame, check_dtype=False)


@given(hnp.arrays(st.sampled_from([np.float64, np.int32, np.bool_]), hnp.array_shapes()))
def test_an_array_fits_the_signature_found_from_it(array):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(enforce(array, infer_signature(array).inputs), array)


def test_a_dictionary_of_arrays_is_named_tensors():
    found = infer_signature({"a": np.zeros((3, 2)), "b": np.zeros(3, dtype="int32")}).inputs
    assert [(one.name, one.type, one.shape) for one in found] == [
        ("a", "float64", (-1, 2)),
        ("b", "int32", (-1,)),
    ]


def test_a_dictionary_of_values_is_columns_with_what_is_inside():
    given = {"text": "a", "tags": ["x"], "at": {"line": 1, "ok": True}, "none": None, "empty": []}
    found = infer_signature(given).inputs
    assert json.loads(found.to_json()) == [
        {"type": "string", "name": "text", "required": True},
        {"type": "array", "items": {"type": "string"}, "name": "tags", "required": True},
        {
            "type": "object",
            "properties": {
                "line": {"type": "long", "required": True},
                "ok": {"type": "boolean", "required": True},
            },
            "name": "at",
            "required": True,
        },
        {"type": "any", "name": "none", "required": True},
        {"type": "array", "items": {"type": "any"}, "name": "empty", "required": True},
    ]
    assert infer_signature([given, given]).inputs == found
    row = enforce(given, found)
    assert row["tags"].tolist() == [["x"]]
    assert row["at"].tolist() == [{"line": 1, "ok": True}]


def test_cells_that_are_lists_or_objects():
    frame = pd.DataFrame({"a": [[1.5], [2.5]], "b": [{"x": "y"}, None]})
    found = infer_signature(frame).inputs.columns()
    assert [(one.type, one.required) for one in found] == [("array", True), ("object", False)]
    assert enforce(frame, infer_signature(frame).inputs)["a"].tolist() == [[1.5], [2.5]]


def test_a_sparse_matrix_is_a_tensor_and_stays_sparse():
    matrix = sparse.csr_matrix(np.eye(3, dtype="float32"))
    schema = infer_signature(matrix).inputs
    assert [(one.type, one.shape) for one in schema] == [("float32", (-1, 3))]
    assert (enforce(matrix, schema) != matrix).nnz == 0
    with pytest.raises(SchemaMismatchError, match="shape"):
        enforce(matrix[:, :2], schema)
    with pytest.raises(SchemaMismatchError, match="complex64"):
        enforce(matrix.astype("complex64"), schema)


def test_a_text_alone():
    assert infer_signature("a").inputs.columns()[0].type == "string"
