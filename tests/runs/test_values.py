"""What a value becomes on disk, and what reads back."""

from __future__ import annotations

import enum
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.runs import values


class Solver(str, enum.Enum):
    """A choice, as scripts declare it."""

    SAGA = "saga"


@pytest.mark.parametrize("value", [True, False, None, 0, -3, 2**53, 0.5, 1e-320, "0.1", ""])
def test_a_plain_param_keeps_its_type(value):
    kept = values.param_value(value)
    assert kept == value
    assert type(kept) is type(value)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (2**53 + 1, "9007199254740993"),
        (-(2**60), "-1152921504606846976"),
        ([1, 2], "[1, 2]"),
        ({"a": 1}, "{'a': 1}"),
        (Solver.SAGA, str(Solver.SAGA)),
        (b"x", "b'x'"),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(1), True),
        (np.float64("nan"), "nan"),
        (np.array(4), 4),
        (np.array([1, 2]), "[1 2]"),
    ],
)
def test_everything_else_is_its_text_and_numpy_scalars_are_numbers(value, kept):
    got = values.param_value(value)
    assert (got, type(got)) == (kept, type(kept))


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary())
def test_every_param_is_json_and_reads_back_the_same(value):
    kept = values.param_value(value)
    assert json.loads(values.to_json(kept)) == kept
    assert values.param_value(kept) == kept


@pytest.mark.parametrize(
    ("first", "second"),
    [("0.50", 0.5), (1, "1"), (1, 1.0), ("1e3", 1000), ("007", 7), (None, "None"), ("-0", "0")],
)
def test_equal_texts_and_equal_numbers_are_the_same_param(first, second):
    assert values.same_param(first, second)
    assert values.same_param(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "b"),
        (True, 1),
        (0, False),
        ("", "0"),
        ("0.5", "0.50001"),
        (2**53, "9007199254740993"),
        ("12345678901234567890", "12345678901234567891"),
        ("1e999", "2e999"),
        (10**400, 10**400 + 1),
        ("5", "-5"),
    ],
)
def test_other_params_differ(first, second):
    assert not values.same_param(first, second)
    assert not values.same_param(second, first)


@given(st.floats())
def test_a_metric_reads_back_bit_for_bit(value):
    text = values.metric_json(value)
    again = values.metric_value(json.loads(text))
    assert again == value or (math.isnan(again) and math.isnan(value))
    assert math.copysign(1, again) == math.copysign(1, value) or math.isnan(value)


@pytest.mark.parametrize("value", [None, True, "0.1", [], {}, "nan", 10**400])
def test_what_is_no_metric_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"metric"):
        values.metric_value(value)


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_reads_back_to_the_millisecond(moment):
    assert values.parse_time(values.format_time(moment)) == moment


def test_a_time_is_written_in_utc():
    assert values.format_time(1_795_411_510_252) == "2026-11-23T05:25:10.252Z"


@pytest.mark.parametrize(
    "text", [None, 5, "", "2026-11-23", "2026-13-23T05:12:00.123Z", "2026-11-23T05:12:00.123"]
)
def test_what_is_no_time_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        values.parse_time(text)


@given(st.text())
def test_text_is_one_line_that_utf8_can_hold(text):
    line = values.to_json(text)
    assert "\n" not in line
    assert json.loads(line.encode()) == text


def test_half_a_surrogate_pair_is_written_in_ascii():
    assert values.to_json("\ud800") == '"\\ud800"'


@pytest.mark.parametrize(
    ("moment", "text"),
    [(10**19, "9999-12-31T23:59:59.999Z"), (-(2**63), "0001-01-01T00:00:00.000Z")],
)
def test_a_time_beyond_all_calendars_is_the_last_or_first_of_them(moment, text):
    assert values.format_time(moment) == text
