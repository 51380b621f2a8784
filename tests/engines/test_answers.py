from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrack.engines.answers import TYPES, Wanted, as_table, chosen, fits
from gittrack.errors import ModelError

TABLE = pd.DataFrame(
    {"word": ["x", None], "yes": [True, False], "n": [1, 2], "half": [0.5, np.nan]},
    index=[7, 9],
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("boolean", [True, False]),
        ("int", [1, 2]),
        ("bigint", [1, 2]),
        ("float", [1.0, 2.0]),
        ("double", [1.0, 2.0]),
        ("string", ["x", None]),
    ],
)
def test_a_plain_type_takes_the_leftmost_column_that_fits(kind: str, expected: list) -> None:
    found = chosen(TABLE, Wanted(kind), 2)
    assert found.tolist() == expected
    assert found.dtype == TYPES[kind]
    assert found.index.tolist() == [7, 9]


def test_an_array_takes_all_columns_that_fit() -> None:
    assert chosen(TABLE, Wanted("bigint", array=True), 2).tolist() == [[1], [2]]
    assert chosen(TABLE[["n", "yes"]], Wanted("double", array=True), 2).tolist() == [[1.0], [2.0]]
    texts = chosen(TABLE, Wanted("string", array=True), 2).tolist()
    assert texts[0] == ["x", "True", "1", "0.5"]
    assert texts[1][:3] == [None, "False", "2"]


def test_a_struct_takes_its_fields_by_name() -> None:
    wanted = Wanted("struct", fields={"n": Wanted("double"), "word": Wanted("string")})
    found = chosen(TABLE, wanted, 2)
    assert found.columns.tolist() == ["n", "word"]
    assert found["n"].dtype == "float64"
    assert str(wanted) == "struct<n:double,word:string>"
    with pytest.raises(ModelError, match=r"has no \['m'\]") as caught:
        chosen(TABLE, Wanted("struct", fields={"m": Wanted("int")}), 2)
    assert "n: int64" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        np.array([1, 2]),
        [1, 2],
        pd.Series([1, 2], name="p"),
        np.array([[1, 5], [2, 6]]),
        {"p": [1, 2]},
    ],
)
def test_an_answer_of_any_form_is_a_table(answer: object) -> None:
    assert chosen(answer, Wanted("int"), 2).tolist() == [1, 2]
    assert all(isinstance(name, str) for name in as_table(answer).columns)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ModelError, match="nothing in the model's answer is int") as caught:
        chosen(TABLE[["half"]], Wanted("int"), 2)
    assert caught.value.hint == "it has half: float64"
    with pytest.raises(ModelError, match="answered 2 rows for 3"):
        chosen(TABLE, Wanted("int"), 3)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_an_integer_is_never_cut(numbers: list[int]) -> None:
    table = pd.DataFrame({"n": np.array(numbers, dtype="int64")})
    assert chosen(table, Wanted("bigint"), len(numbers)).tolist() == numbers
    if all(-(2**31) <= number < 2**31 for number in numbers):
        assert chosen(table, Wanted("int"), len(numbers)).tolist() == numbers
    else:
        with pytest.raises(ModelError, match="which is no int"):
            chosen(table, Wanted("int"), len(numbers))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("wanted", TYPES)
def test_what_fits_is_known_without_data(kind: str, wanted: str) -> None:
    column = pd.DataFrame({"c": np.zeros(1, dtype=TYPES[kind])})
    if fits(kind, Wanted(wanted)):
        assert len(chosen(column, Wanted(wanted), 1)) == 1
    else:
        with pytest.raises(ModelError, match="nothing in"):
            chosen(column, Wanted(wanted), 1)
