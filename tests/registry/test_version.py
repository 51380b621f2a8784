"""`versions/<n>.json`: what is written can be read, fits its schema, and nothing else is taken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack import schema
from gittrack.errors import NewerFormatError
from gittrack.registry.version import Version, from_json, to_bytes

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def versions(draw):
    removed = draw(st.booleans())
    return Version(
        name="wine",
        number=draw(st.integers(1, 10**6)),
        time=draw(st.integers(0, 4_000_000_000_000)),
        run_id="" if removed else draw(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,30}\Z")),
        path="" if removed else draw(TEXT),
        digest="" if removed else f"sha256:{draw(st.from_regex(r'[0-9a-f]{64}', fullmatch=True))}",
        user=draw(st.none() | TEXT),
        signature=draw(st.just({}) | st.just({"inputs": [{"type": "double"}]})),
        removed=removed,
        unknown=draw(st.dictionaries(st.sampled_from(["later", "more"]), st.integers())),
    )


@given(versions())
def test_what_is_written_can_be_read_and_fits_the_schema(version):
    data = json.loads(to_bytes(version))
    assert from_json("wine", data) == version
    assert schema.check("version", data) == []


def test_the_bytes_of_a_version():
    version = Version("wine", 3, 1_795_411_920_123, "k3v9x2mq7d", "model", "sha256:ab", "Ana")
    assert to_bytes(version).decode() == (
        "{\n"
        '  "format": 1,\n'
        '  "version": 3,\n'
        '  "time": "2026-11-23T05:32:00.123Z",\n'
        '  "user": "Ana",\n'
        '  "run_id": "k3v9x2mq7d",\n'
        '  "path": "model",\n'
        '  "digest": "sha256:ab"\n'
        "}\n"
    )


GOOD = {
    "format": 1,
    "version": 3,
    "time": "2026-11-23T05:32:00.123Z",
    "run_id": "k3v9x2mq7d",
    "path": "model",
    "digest": "sha256:ab",
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 0}, "'format' is 0"),
        ({"version": 0}, "'version' is 0"),
        ({"version": "3"}, "'version' is '3'"),
        ({"version": True}, "'version' is True"),
        ({"time": "yesterday"}, "'yesterday' is not a time"),
        ({"run_id": ""}, "'run_id' is missing"),
        ({"path": None}, "'path' is not text"),
        ({"digest": 3}, "'digest' is not text"),
        ({"signature": []}, "'signature' is not an object"),
        ({"removed": 1}, "'removed' is neither true nor false"),
    ],
)
def test_what_is_no_version(change, says):
    with pytest.raises(ValueError, match=says):
        from_json("wine", {**GOOD, **change})


def test_a_newer_format():
    with pytest.raises(NewerFormatError, match="is of format 2"):
        from_json("wine", {**GOOD, "format": 2})
