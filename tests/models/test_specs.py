"""A signature and its JSON: what MLflow writes is read, what is written reads back the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.errors import ModelError
from gittrack.models import ColSpec, ModelSignature, ParamSchema, ParamSpec, Schema, TensorSpec
from gittrack.models.specs import PLAIN_TYPES

names = st.text(max_size=12)
plain = st.sampled_from(PLAIN_TYPES)
shapes = st.lists(st.integers(-1, 5), max_size=4).map(tuple)
dtypes = st.sampled_from(["float64", "int64", "bool", "str", "float32"])


def named_columns(keys):
    return st.tuples(*(st.builds(ColSpec, plain, st.just(key), st.booleans()) for key in keys))


schemas = st.one_of(
    st.lists(st.builds(ColSpec, plain, st.none(), st.booleans()), min_size=1, max_size=4),
    st.lists(names, min_size=1, max_size=4, unique=True).flatmap(named_columns),
    st.lists(st.builds(TensorSpec, dtypes, shapes), min_size=1, max_size=1),
    st.lists(names, min_size=1, max_size=3, unique=True).flatmap(
        lambda keys: st.tuples(*(st.builds(TensorSpec, dtypes, shapes, st.just(k)) for k in keys))
    ),
).map(Schema)
params = st.lists(
    st.builds(ParamSpec, names, plain, st.integers() | names, st.none() | shapes), max_size=3
).map(ParamSchema)


@given(st.builds(ModelSignature, st.none() | schemas, st.none() | schemas, st.none() | params))
def test_a_signature_reads_back_the_same(signature):
    assert ModelSignature.from_dict(signature.to_dict()) == signature


@given(schemas)
def test_a_schema_of_mlflow_1_30_lacks_what_came_later(schema):
    entries = json.loads(schema.to_json())
    for entry in entries:
        entry.pop("required", None)
    read = Schema.from_json(json.dumps(entries))
    assert read.input_names() == schema.input_names()
    assert all(column.required for column in read.columns())


def test_a_nested_type_is_kept_as_it_stands():
    text = '[{"type": "array", "items": {"type": "long"}, "name": "a", "required": true}]'
    assert json.loads(Schema.from_json(text).to_json()) == json.loads(text)


def test_mlflow_names_the_type_of_a_param_dtype():
    text = '[{"name": "n", "dtype": "long", "default": 1, "shape": null}]'
    assert ParamSchema.from_json(text).params == (ParamSpec("n", "long", 1),)


@pytest.mark.parametrize(
    "broken",
    [
        "no JSON",
        "{}",
        "[]",
        "[1]",
        "[{}]",
        '[{"type": "decimal"}]',
        '[{"type": "tensor"}]',
        '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": 3}}]',
        '[{"type": "long", "name": {}}]',
        '[{"type": "long", "name": "a"}, {"type": "long", "name": "a"}]',
        '[{"type": "long", "name": "a"}, {"type": "long"}]',
        '[{"type": "long"}, {"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": []}}]',
        "[" * 5000 + "]" * 5000,
        7,
    ],
)
def test_a_broken_schema_is_one_clear_error(broken):
    with pytest.raises(ModelError) as caught:
        ModelSignature.from_dict({"inputs": broken})
    assert "\n" not in caught.value.message


def test_a_signature_that_is_no_map_is_refused():
    with pytest.raises(ModelError, match="'signature' is list"):
        ModelSignature.from_dict([])
