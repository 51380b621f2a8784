from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest

from tests.engines.conftest import HERE, run_in_engines

pytestmark = [
    pytest.mark.needs("env:engines", "program:java"),
    pytest.mark.slow,
    pytest.mark.xdist_group("engines"),
]

# Of an answer {n: bigint 0, half: double 0.0, word: "x"}.
TYPES = {
    "int": 0,
    "bigint": 0,
    "float": 0.0,
    "double": 0.0,
    "string": "0",
    "array<int>": [0],
    "array<double>": [0.0, 0.0],
    "array<string>": ["0", "0.0", "x"],
    "struct<half:double,word:string>": {"half": 0.0, "word": "x"},
}
LINE = [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0]


def approximately(*values: float) -> object:
    return pytest.approx(list(values), abs=1e-9)


@functools.cache
def answers_of(master: str) -> dict:
    """Run the script once for a master, however the tests are ordered."""
    own = ["own"] if "cluster" in master else []
    with tempfile.TemporaryDirectory() as folder:
        return run_in_engines(
            HERE / "on_spark.py", master, ";".join(TYPES), *own, cwd=Path(folder), HOME=folder
        )


@pytest.fixture(params=["local[2]", "local-cluster[1,2,700]"])
def found(request: pytest.FixtureRequest) -> dict:
    return answers_of(request.param)


def test_a_table_is_scored_however_its_columns_are_given(found: dict) -> None:
    for way in ("by the signature", "by order", "as a struct"):
        assert found[way] == approximately(1, 3, 5)
    assert found["in SQL"] == approximately(*LINE)
    assert found["rows of many tasks"] == 100


def test_names_reach_a_model_without_a_signature(found: dict) -> None:
    assert found["without a signature"] == ["no"] * 5 + ["yes"] * 5


def test_a_tensor_is_made_of_columns_or_of_one_array(found: dict) -> None:
    assert found["a tensor of columns"] == approximately(1, 3, 5)
    assert found["a tensor of one array"] == approximately(1, 3, 5)


def test_every_result_type(found: dict) -> None:
    assert found["types"] == TYPES
    assert found["default type"] == "double"


def test_a_stream_is_scored_batch_by_batch(found: dict) -> None:
    assert [sorted(batch) for batch in found["micro-batches"]] == [
        approximately(1, 3),
        approximately(5, 7),
    ]


def test_a_type_that_predictions_cannot_have_is_refused_before_anything_runs(found: dict) -> None:
    by_type, unreadable, *unlike = found["wrong types"]
    for name, message in (by_type, unreadable):
        assert name == "UsageError"
        assert "is not one that predictions can have" in message
        assert "use boolean, int," in message
    for name, message in unlike:
        assert (name, message) == (
            "UsageError",
            "nothing that the model answers is boolean\nhint: its signature has double",
        )


def test_columns_that_are_not_there_are_refused_before_anything_runs(found: dict) -> None:
    name, message = found["missing in a struct"]
    assert name == "SchemaMismatchError"
    assert message.startswith("Model is missing inputs ['b']\nhint: give the columns ['a', 'b']")
    name, message = found["missing in the table"]
    assert name == "AnalysisException"
    assert "`b` cannot be resolved" in message
    assert found["too many"][1] == "the model takes 2 columns, got 3\nhint: give ['a', 'b']"


def test_a_model_of_another_python_is_refused_unless_asked_for(found: dict) -> None:
    name, message = found["another Python"]
    assert name == "ToolError"
    assert message.startswith("the model was saved with Python 2.")
    assert found["all the same"] == "double"


def test_a_row_that_the_model_cannot_take_fails_its_query_and_no_other(found: dict) -> None:
    name, message = found["fails on a row"]
    assert name == "PythonException"
    assert "ValueError: three is not for me" in message
    assert found["other rows go on"] == 3


def test_a_model_scores_in_its_own_environment(found: dict) -> None:
    if found["in its own environment"] is not None:  # built once, for the cluster
        assert found["in its own environment"] == approximately(1, 3, 5)
