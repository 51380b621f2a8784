"""run.json: the same bytes for the same run, and nothing lost on the way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import schema
from gittrack.errors import NewerFormatError
from gittrack.runs.record import STATUSES, MetricSummary, RunRecord, from_json, to_bytes

text = st.text(max_size=20)
names = st.text(min_size=1, max_size=20)
times = st.integers(0, 253_402_300_799_999)
numbers = st.floats(allow_nan=False)
params = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text
params |= st.floats(allow_nan=False, allow_infinity=False)
steps = st.integers(-(2**62), 2**62)
ids = st.from_regex(r"[a-z][0-9a-z]{9}", fullmatch=True)
digests = st.fixed_dictionaries({"name": text, "digest": st.just("sha256:1")}, optional={"x": text})


@st.composite
def summaries(draw):
    last, count = draw(numbers), draw(st.integers(1, 2**62))
    low, high = draw(st.tuples(numbers, numbers) | st.just((None, None)))
    return MetricSummary(last, draw(steps), low, high, count)


records = st.builds(
    RunRecord,
    run_id=ids,
    name=text,
    experiment=text,
    status=st.sampled_from(STATUSES),
    start_time=times,
    end_time=st.none() | times,
    params=st.dictionaries(names, params, max_size=4),
    metrics=st.dictionaries(names, summaries(), max_size=4),
    tags=st.dictionaries(names, text, max_size=4),
    parent=st.none() | ids,
    source=st.just({}) | st.fixed_dictionaries({"type": st.just("LOCAL"), "command": text}),
    python=st.none() | text,
    platform=st.none() | text,
    user=st.none() | text,
    inputs=st.lists(digests, max_size=2).map(tuple),
    left_out=st.lists(text, max_size=2).map(tuple),
    files=st.dictionaries(names, st.integers(0, 2**40), max_size=3),
    unknown=st.dictionaries(names.map("x-".__add__), params, max_size=2),
)

SMALLEST = {
    "format": 1,
    "run_id": "k3v9x2mq7d",
    "name": "brave-otter",
    "experiment": "wine",
    "status": "RUNNING",
    "start_time": "2026-11-23T05:12:00.123Z",
}


@given(records)
def test_a_record_reads_back_the_same(record):
    assert from_json(json.loads(to_bytes(record))) == record


@given(records)
def test_its_bytes_are_valid_utf8_lf_and_fit_the_schema(record):
    data = to_bytes(record)
    assert data.endswith(b"\n}\n")
    assert b"\r" not in data
    assert schema.check("run", json.loads(data.decode())) == []


@given(records)
def test_writing_what_was_read_gives_the_same_bytes(record):
    data = to_bytes(record)
    assert to_bytes(from_json(json.loads(data))) == data


@given(records, st.randoms())
def test_the_order_in_which_things_were_logged_does_not_show(record, random):
    def shuffled(values):
        items = list(values.items())
        random.shuffle(items)
        return dict(items)

    other = record.replaced(
        params=shuffled(record.params),
        metrics=shuffled(record.metrics),
        tags=shuffled(record.tags),
        files=shuffled(record.files),
    )
    assert to_bytes(other) == to_bytes(record)


def test_what_is_absent_is_not_written():
    assert json.loads(to_bytes(from_json(SMALLEST))) == SMALLEST


def test_metrics_that_json_has_no_number_for_are_named():
    record = from_json(SMALLEST).replaced(
        metrics={"a": MetricSummary(float("nan"), 0, float("-inf"), float("inf"), 3)}
    )
    line = '"a": {"last": "NaN", "step": 0, "min": "-Infinity", "max": "Infinity", "count": 3}'
    assert line in to_bytes(record).decode()
    assert schema.check("run", json.loads(to_bytes(record))) == []


def test_keys_that_this_version_does_not_know_are_kept():
    data = {**SMALLEST, "weather": {"sun": [1, 2, None]}}
    assert json.loads(to_bytes(from_json(data))) == data


def test_a_newer_format_is_refused_with_what_to_do():
    with pytest.raises(NewerFormatError, match="is of format 2") as caught:
        from_json({**SMALLEST, "format": 2, "status": "PAUSED"})
    assert "newer gittrack" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", None, "'format'"),
        ("format", "1", "'format'"),
        ("format", 0, "'format'"),
        ("run_id", None, "'run_id' is missing"),
        ("name", 5, "'name' is not text"),
        ("status", "DONE", "'status' is 'DONE'"),
        ("start_time", "yesterday", "'yesterday' is not a time"),
        ("end_time", 5, "5 is not a time"),
        ("params", [], "'params' is not an object"),
        ("params", {"a": []}, "param 'a'"),
        ("metrics", {"a": 1}, "metric 'a'"),
        ("metrics", {"a": {"last": "x"}}, "not a metric value"),
        ("metrics", {"a": {"last": 1, "step": "x"}}, "metric 'a'"),
        ("metrics", {"a": {"last": 10**400}}, "too large"),
        ("tags", "x", "'tags' is not an object"),
        ("source", "x", "'source' is not an object"),
        ("inputs", {}, "'inputs' is not a list"),
        ("files", [], "'files' is not an object"),
    ],
)
def test_a_broken_record_says_what_is_wrong(key, value, words):
    data = {**SMALLEST, key: value}
    with pytest.raises(ValueError, match=words):
        from_json({name: item for name, item in data.items() if item is not None})


def test_summaries_of_nan_are_the_same():
    one, other = (MetricSummary(float("nan"), 1, None, None, 1) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != MetricSummary(0.5, 1, None, None, 1)
