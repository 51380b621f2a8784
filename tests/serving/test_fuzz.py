"""No body, however broken, is anything but answered or refused."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gittrack.errors import InvalidValueError
from gittrack.serving import request
from tests.serving.test_app import columnar

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["2026-01-02", "AP8=", "1", "nan", "\ud800", "\0"]),
)
values = st.recursive(
    cells,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["n", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)
rows = st.lists(
    st.fixed_dictionaries({"n": cells | st.integers(), "x": cells | st.floats()}), max_size=4
)
splits = st.fixed_dictionaries(
    {"data": st.lists(st.lists(cells, min_size=2, max_size=2), max_size=3) | values},
    optional={"columns": st.just(["n", "x"]) | values, "index": values, "more": values},
)
bodies = st.one_of(
    values,
    rows,
    splits,
    st.dictionaries(
        st.sampled_from(
            [
                "dataframe_split",
                "dataframe_records",
                "instances",
                "inputs",
                "params",
                "data",
                "columns",
            ]
        ),
        values | rows | splits,
        max_size=3,
    ),
)
csvs = st.one_of(
    st.text(alphabet=st.sampled_from('nx,;"\n\r 01.-\t#\0eéNA')),
    st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=3).map(",".join)).map("\n".join),
)
types = st.sampled_from(
    [
        "application/json",
        "application/json; format=pandas-split",
        "application/json; format=pandas-records",
        "text/csv",
    ]
) | st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]))
steady = settings(
    deadline=None,
    max_examples=400,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=["tolerant", "tolerant_signed"])
def client(request):
    return request.getfixturevalue(request.param)


def check(client, body, content_type):
    answer = client.score(body, content_type)
    assert answer.status in (200, 400, 415), answer
    if answer.status != 200:
        assert "\n" not in answer.json["message"]


@steady
@given(body=st.binary(), content_type=types)
def test_any_bytes(client, body, content_type):
    check(client, body, content_type)


@steady
@given(body=bodies, content_type=types | st.just("application/json"))
def test_any_json(client, body, content_type):
    check(client, json.dumps(body).encode(), content_type)


@steady
@given(text=csvs)
def test_any_csv(client, text):
    check(client, text.encode("utf-8", "surrogatepass"), "text/csv")


@pytest.mark.needs("module:pyarrow")
@steady
@given(data=st.data(), form=st.sampled_from(["parquet", "stream", "file"]))
def test_any_columnar_body(client, data, form):
    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, None], "s": ["a", None]})
    body, content_type = columnar(frame, form)
    at = data.draw(st.integers(0, len(body) - 1))
    put = data.draw(st.binary(min_size=1, max_size=8))
    check(client, body[:at] + put + body[at + len(put) :], content_type)
    check(client, body[:at], content_type)


@steady
@given(
    body=bodies.map(lambda body: json.dumps(body).encode()) | st.binary(),
    form=st.sampled_from(["json", "pandas-split", "pandas-records", "csv"]),
)
def test_parsing_alone_only_ever_refuses(body, form):
    try:
        asked = request.parse(body, form)
    except InvalidValueError:
        return
    assert len(asked.data) > 0


@steady
@given(body=values)
def test_a_large_body_of_json_is_read_as_a_small_one(body):
    text = json.dumps({"inputs": {"a": [body]}})
    asked = [request.parse((text + " " * more).encode(), "json") for more in (0, request.LARGE)]
    small, large = [repr(one.data) for one in asked]
    assert small == large


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"a": }', "the body is not JSON: Expecting value at line 1 column 7"),
        ("[" * 100_000, "the body is nested too deeply"),
        (f"[{'9' * 10_000}]", "integer string conversion"),
    ],
)
def test_a_large_body_of_broken_json_is_told_as_a_small_one(body, words):
    with pytest.raises(InvalidValueError, match=words):
        request.parse((body + " " * request.LARGE).encode(), "json")
