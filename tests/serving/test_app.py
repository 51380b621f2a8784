"""The scoring protocol: MLflow's old forms and today's, and a status for all that is wrong."""

from __future__ import annotations

import gzip
import io
import logging
import re
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.preprocessing import FunctionTransformer

import gittrack.pyfunc
from gittrack.models import ColSpec, ModelSignature, Schema, infer_signature
from gittrack.models.saving import save_model
from gittrack.serving import create_app
from gittrack.version import VERSION
from tests.serving.conftest import Client
from tests.serving.driving import samples

SPLIT = {"columns": [0], "index": [0, 1], "data": [[1], [-1]]}
ROWS = [{"n": 1, "x": 0.5}, {"n": 2, "x": 1.5}]


def sums(answer):
    content = answer.json
    return [
        round(value, 6)
        for value in (content["predictions"] if isinstance(content, dict) else content)
    ]


# -- the other paths


def test_it_says_that_it_is_there(unsigned):
    for path in ("/ping", "/health"):
        answer = unsigned("GET", path)
        assert (answer.status, answer.body) == (200, b"\n")
        assert answer.headers["Content-Type"] == "application/json"


def test_its_version_is_text(unsigned):
    answer = unsigned("GET", "/version")
    assert (answer.status, answer.body.decode()) == (200, VERSION)
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_head_has_no_body(unsigned):
    answer = unsigned("HEAD", "/ping")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/ping", "GET, HEAD"),
        ("GET", "/invocations", "POST"),
        ("DELETE", "/version", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(unsigned, method, path, allow):
    answer = unsigned(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize("path", ["/", "/pin", "/invocations/", "/../ping"])
def test_an_unknown_path(unsigned, path):
    answer = unsigned("GET", path)
    assert answer.status == 404
    assert "/invocations" in answer.json["message"]


# -- forms, and the envelope of each


def test_the_bare_split_form_is_answered_by_a_bare_list(unsigned):
    assert unsigned.score(SPLIT).body == b"[1, 0]"


def test_todays_split_form_is_answered_with_its_envelope(unsigned):
    answer = unsigned.score({"dataframe_split": {"columns": [0], "data": [[1], [-1]]}})
    assert answer.body == b'{"predictions": [1, 0]}'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"columns": ["n", "x"], "data": [[1, 0.5], [2, 1.5]]}, "application/json"),
        (
            {"columns": ["n", "x"], "data": [[1, 0.5], [2, 1.5]]},
            "application/json; format=pandas-split",
        ),
        (ROWS, "application/json; charset=UTF-8"),
        (ROWS, "application/json; format=pandas-records"),
    ],
)
def test_old_forms_are_answered_by_a_bare_list(signed, body, content_type):
    answer = signed.score(body, content_type)
    assert isinstance(answer.json, list)
    assert sums(answer) == [1.5, 3.5]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (
            {"dataframe_split": {"columns": ["n", "x"], "data": [[1, 0.5], [2, 1.5]]}},
            "application/json",
        ),
        ({"dataframe_records": ROWS}, "application/json"),
        ({"instances": ROWS}, "application/json"),
        ({"inputs": {"n": [1, 2], "x": [0.5, 1.5]}}, "Application/JSON; charset=utf-8"),
        ({"dataframe_records": ROWS, "params": {}}, "application/json"),
        (b"n,x\n1,0.5\n2,1.5\n", "text/csv"),
        (b"\xef\xbb\xbfx,n\r\n0.5,1\r\n1.5,2", "text/csv; charset=utf-8"),
    ],
)
def test_todays_forms_are_answered_with_their_envelope(signed, body, content_type):
    answer = signed.score(body, content_type)
    assert list(answer.json) == ["predictions"]
    assert sums(answer) == [1.5, 3.5]


class Scaled(gittrack.pyfunc.PythonModel):
    def predict(self, context, model_input, params):  # noqa: ARG002 - the signature is given
        return (model_input["n"] * params["factor"]).tolist()


def test_parameters_reach_the_model_that_has_them(caplog):
    signature = infer_signature(pd.DataFrame({"n": [1.0]}), [1.0], params={"factor": 2.0})
    gittrack.pyfunc.save_model("scaled", python_model=Scaled(), signature=signature)
    client = Client(create_app("scaled"))

    def answer(**params):
        return client.score({"dataframe_records": [{"n": 3}], "params": params})

    assert answer().json == {"predictions": [6.0]}
    assert answer(factor=5.0).json == {"predictions": [15.0]}
    assert answer(other=1).json == {"predictions": [6.0]}
    assert "no parameters ['other']" in caplog.text
    refused = answer(factor="x")
    assert refused.status == 400
    assert "parameter 'factor' is 'x'" in refused.json["message"]


@pytest.mark.parametrize(
    "body", [{"instances": [[1], [-1]]}, {"inputs": [[1], [-1]]}, {"inputs": {"a": [1, -1]}}]
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_a_model_without_names_takes_arrays(unsigned, body):
    assert unsigned.score(body).json == {"predictions": [1, 0]}


def test_extra_columns_are_dropped_and_the_order_does_not_matter(signed):
    assert sums(signed.score([{"x": 0.5, "extra": None, "n": 1}])) == [1.5]


def test_whole_numbers_pass_for_a_long_however_they_are_written(signed):
    assert sums(signed.score(b'[{"n": 1.0, "x": 1}]')) == [2.0]


def test_an_app_server_that_marks_the_end_needs_no_length(signed):
    body = b'[{"n": 1, "x": 0.5}]'
    answer = signed(
        "POST",
        "/invocations",
        body,
        "application/json",
        CONTENT_LENGTH="",
        **{"wsgi.input_terminated": True},
    )
    assert sums(answer) == [1.5]


# -- bodies of a type or size that is not taken


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/json; format=pandas-table",
        "text/csv; charset=utf-16",
        "json",
        ";;;",
    ],
)
def test_another_content_type(unsigned, content_type):
    answer = unsigned.score(SPLIT, content_type)
    assert answer.status == 415
    assert "application/json" in answer.json["message"]


def test_a_body_that_is_too_large(unsigned):
    assert unsigned.score(b" " * 100_001).status == 413
    answer = unsigned(
        "POST",
        "/invocations",
        b" " * 100_001,
        "application/json",
        CONTENT_LENGTH="",
        **{"wsgi.input_terminated": True},
    )
    assert answer.status == 413


# -- bodies that are wrong: the message names the field


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (gzip.compress(b"[]", mtime=0), "not UTF-8"),
        (b"7", "the body is a number"),
        (b"null", "the body is missing or null"),
        (b'"text"', "the body is a text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 20_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "the body"),
        (b"{}", "exactly one of"),
        (b"[]", "the body holds no rows"),
        (b"[1]", "row 0 of the body is a number"),
        (b'{"instances": [[1]], "inputs": [[1]]}', "'instances' and 'inputs'"),
        (b'{"instances": [[1]], "more": 1}', "unknown field 'more'"),
        (b'{"instances": [[1]], "params": 7}', "params is a number"),
        (b'{"instances": 7}', "instances is a number"),
        (b'{"instances": []}', "instances holds no rows"),
        (b'{"instances": [[1], [1, 2]]}', "instances is no array"),
        (b'{"instances": [[1], 2]}', "instances is no array"),
        (b'{"instances": [{"n": 1}, 2]}', "row 1 of instances is a number"),
        (b'{"inputs": {}}', "inputs"),
        (b'{"inputs": {"n": [1], "x": [1, 2]}}', "unequal length"),
        (b'{"inputs": {"n": 1}}', "'n' of inputs is a number"),
        (b'{"dataframe_records": {"n": 1}}', "dataframe_records is an object"),
        (b'{"dataframe_split": []}', "dataframe_split is a list"),
        (b'{"dataframe_split": {}}', "data of dataframe_split is missing"),
        (b'{"dataframe_split": {"data": [1]}}', "a row that is not a list"),
        (b'{"dataframe_split": {"data": [[1]], "rows": 1}}', "unknown field 'rows'"),
        (b'{"columns": "n", "data": [[1]]}', "columns of the body"),
        (b'{"columns": [["n"]], "data": [[1]]}', "columns of the body"),
        (b'{"columns": ["n", "n"], "data": [[1, 2]]}', "'n' is there twice"),
        (b'{"columns": [1, "1"], "data": [[1, 2]]}', "'1' is there twice"),
        (
            b'{"columns": ["n", "x"], "data": [[1, 2], [1]]}',
            "row 1 in data of the body has 1 values",
        ),
        (b'{"columns": ["n"], "data": [[1]], "index": [1, 2]}', "index of the body"),
        (b'{"columns": ["n"], "data": [[1]], "index": [[]]}', "index of the body"),
        (b'[{"n": 1}]', "missing inputs ['x']"),
        (b'[{"n": 1.5, "x": 1}]', "column 'n' holds 1.5"),
        (b'[{"n": null, "x": 1}]', "column 'n'"),
        (b'[{"n": "one", "x": 1}]', "column 'n' holds 'one'"),
        (b'[{"n": 1, "x": [1]}]', "column 'x' holds [1]"),
        (b'[{"n": 1e400, "x": 1}]', "column 'n' holds inf"),
        (b'[{"n": 99999999999999999999, "x": 1}]', "column 'n'"),
        (b'{"inputs": [[1, 0.5]]}', "missing inputs ['n', 'x']"),
        (b'[{"n": 1, "x": 1}, {"x": 1}]', "column 'n' holds null or NaN"),
    ],
)
def test_a_wrong_body(signed, body, names):
    answer = signed.score(body)
    assert answer.status == 400
    assert answer.json["error_code"] == "BAD_REQUEST"
    assert names in answer.json["message"]
    assert "\n" not in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", "no CSV"),
        (b"n,x\n", "holds no rows"),
        (b"n,n\n1,2\n", "'n' is there twice"),
        (b"n,x\n1,2,3\n", "row 1 of the body has 3 values"),
        (b"n,x\n1,2\n1\n", "row 2 of the body has 1 values"),
        (b'n,x\n"1,2\n', "not CSV"),
        (b"n\n1\n", "missing inputs ['x']"),
        (b"n,x\n1.5,2\n", "column 'n' holds 1.5"),
        (b"n,x\none,2\n", "column 'n' holds 'one'"),
        (b"n,x\n,2\n", "column 'n' holds null or NaN"),
        (b"n,x\n1,NA\n", "the model cannot take this input: Input X contains NaN."),
    ],
)
def test_a_wrong_csv(signed, body, names):
    answer = signed.score(body, "text/csv")
    assert answer.status == 400
    assert names in answer.json["message"]


# -- models that fail, and answers of every kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"columns": [0], "data": [["not a number"]]}, "could not convert string to float"),
        ({"inputs": [[1, 2]]}, "X has 2 features, but LogisticRegression is expecting 1 features"),
        ({"instances": [{"a": 1}, {"b": 2}]}, "Input X contains NaN."),
        ({"instances": [[None]]}, "NaN"),
    ],
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_input_that_the_model_cannot_take_is_the_clients(unsigned, caplog, body, words):
    answer = unsigned.score(body)
    assert (answer.status, answer.json["error_code"]) == (400, "BAD_REQUEST")
    assert words in answer.json["message"]
    assert b"Traceback" not in answer.body
    assert words in caplog.text
    assert "Traceback" not in caplog.text


def test_of_a_models_words_the_client_gets_the_first_line_cut(client_of):
    def refuse(_):
        raise TypeError("x" * 1000 + "\nsecond")

    client = client_of(FunctionTransformer(refuse), pyfunc_predict_fn="transform")
    message = client.score({"instances": [[1]]}).json["message"]
    assert message == "the model cannot take this input: " + "x" * 300


def test_what_a_float_may_be_reaches_the_model(client_of):
    signature = ModelSignature(Schema([ColSpec("double", "x")]))
    client = client_of(
        FunctionTransformer(lambda frame: frame["x"].isna().tolist()),
        pyfunc_predict_fn="transform",
        signature=signature,
    )
    assert client.score([{"x": None}, {"x": 1.5}]).json == [True, False]
    assert client.score(b"x\nNA\n1.5\n", "text/csv").json == {"predictions": [True, False]}


def test_rows_that_name_ever_more_columns_are_refused_before_they_fill_the_memory(unsigned):
    for body in ({"dataframe_records": (rows := [{f"k{n}": 1} for n in range(5000)])}, rows):
        answer = unsigned.score(body)
        assert answer.status == 400
        assert "5000 rows of 5000 columns in all, more than 5000000 cells" in answer.json["message"]


def test_a_failing_model_gives_an_incident_and_no_trace(client_of, caplog):
    def fail(_):
        raise RuntimeError("could not convert")

    client = client_of(FunctionTransformer(fail), pyfunc_predict_fn="transform")
    with caplog.at_level(logging.ERROR):
        answer = client.score({"instances": [[1]]})
    assert answer.status == 500
    assert answer.json["error_code"] == "INTERNAL_ERROR"
    incident = re.search(r"[0-9a-z]{12}$", answer.json["message"])[0]
    assert incident in caplog.text
    assert "could not convert" in caplog.text
    assert b"convert" not in answer.body
    assert b"Traceback" not in answer.body


def test_a_model_that_wants_to_exit_gives_an_incident(client_of, caplog):
    def leaves(_):
        raise SystemExit(3)

    client = client_of(FunctionTransformer(leaves), pyfunc_predict_fn="transform")
    answer = client.score({"instances": [[1]]})
    assert (answer.status, answer.json["error_code"]) == (500, "INTERNAL_ERROR")
    assert answer.json["message"][-12:] in caplog.text


def test_answers_that_json_has_no_number_for_are_null(client_of):
    client = client_of(FunctionTransformer(np.log), pyfunc_predict_fn="transform")
    with np.errstate(all="ignore"):
        assert client.score({"instances": [[1.0], [0.0], [-1.0]]}).json == {
            "predictions": [[0.0], [None], [None]]
        }


def test_a_frame_is_answered_row_by_row(client_of):
    client = client_of(FunctionTransformer(), pyfunc_predict_fn="transform")
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert client.score({"dataframe_records": rows}).json == {"predictions": rows}


def test_an_answer_without_a_form_is_the_models_failure(client_of):
    client = client_of(FunctionTransformer(lambda _: object()), pyfunc_predict_fn="transform")
    assert client.score({"instances": [[1]]}).status == 500


def test_bytes_and_dates_reach_the_model_as_such(client_of):
    signature = ModelSignature(Schema([ColSpec("binary", "b"), ColSpec("datetime", "t")]))
    client = client_of(
        FunctionTransformer(lambda frame: [frame["b"][0], frame["t"].dt.year[0]]),
        pyfunc_predict_fn="transform",
        signature=signature,
    )
    assert client.score([{"b": "AP8=", "t": "2026-01-02T03:04:05"}]).json == ["AP8=", 2026]
    assert client.score([{"b": "%", "t": "2026-01-02"}]).status == 400
    assert client.score([{"b": "AP8=", "t": "soon"}]).status == 400


def test_a_csv_of_a_large_frame_comes_back_whole(client_of):
    client = client_of(FunctionTransformer(), pyfunc_predict_fn="transform")
    frame = pd.DataFrame({"a": range(5000), "b": ["x"] * 5000})
    text = io.StringIO()
    frame.to_csv(text, index=False)
    answer = client.score(text.getvalue().encode(), "text/csv")
    assert answer.json["predictions"] == frame.to_dict("records")


def test_a_model_of_labels_answers_labels(client_of):
    client = client_of(
        DummyClassifier(strategy="constant", constant="red").fit([[0], [1]], ["red", "blue"])
    )
    assert client.score(SPLIT).json == ["red", "red"]


def test_whatever_fails_is_answered_as_json_with_an_incident(signed, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)  # gone while the server runs
    with caplog.at_level(logging.ERROR):
        answer = signed.score(ROWS)
    assert (answer.status, answer.json["error_code"]) == (500, "INTERNAL_ERROR")
    assert re.search(r"[0-9a-z]{12}$", answer.json["message"])[0] in caplog.text


def test_an_empty_body_is_told_in_words(signed):
    assert signed.score({}).json["message"].endswith("; it has none")


def test_what_is_missing_is_one_sentence_with_what_there_is(signed):
    assert signed.score([{"n": 1}]).json["message"] == (
        "Model is missing inputs ['x']; the data has ['n']"
    )


# -- what operators ask for, and the columnar forms


def test_it_counts_what_it_answers(client_of):
    client = client_of(DummyClassifier(strategy="constant", constant=1).fit([[0], [1]], [0, 1]))
    client.score(SPLIT)
    client.score(b"{")
    answer = client("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.body.decode())
    assert found["gittrack_requests_total", "/invocations", "200"] == 1
    assert found["gittrack_requests_total", "/invocations", "400"] == 1
    assert found["gittrack_model_seconds_count",] == 1


def test_debug_shows_the_stack_trace(tmp_path):
    def fail(_):
        raise RuntimeError("could not convert")

    save_model(FunctionTransformer(fail), tmp_path / "m", pyfunc_predict_fn="transform")
    client = Client(create_app(tmp_path / "m", debug=True))
    assert "could not convert" in client.score({"instances": [[1]]}).json["stack_trace"]


@pytest.mark.needs("module:pyarrow")
@pytest.mark.parametrize("form", ["parquet", "stream", "file"])
def test_columnar_bodies_keep_their_types(signed, form):
    frame = pd.DataFrame({"n": np.array([1, 2], "int32"), "x": [0.5, 1.5]}, index=[7, 9])
    answer = signed.score(*columnar(frame, form))
    assert list(answer.json) == ["predictions"]
    assert sums(answer) == [1.5, 3.5]


@pytest.mark.needs("module:pyarrow")
@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"n": [1.0], "x": [0.5]}), "column 'n' is float64"),
        (pd.DataFrame({"n": [1]}), "missing inputs ['x']"),
        (pd.DataFrame({"n": [], "x": []}), "the body holds no rows"),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "stream", "file"])
def test_a_wrong_columnar_body(signed, form, frame, words):
    answer = signed.score(*columnar(frame, form))
    assert answer.status == 400
    assert words in answer.json["message"]


@pytest.mark.needs("module:pyarrow")
def test_a_small_columnar_body_does_not_grow_without_limit(tolerant):
    import pyarrow as pa

    bomb = pa.table({"a": pa.nulls(50_000_000)})
    answer = tolerant.score(*written(bomb, "parquet"))
    assert answer.status == 400
    assert "more than 20000000 cells" in answer.json["message"]


@pytest.mark.needs("module:pyarrow")
def test_columns_of_one_name_in_arrow(tolerant):
    import pyarrow as pa

    twice = pa.table([[1], [2]], names=["a", "a"])
    answer = tolerant.score(*written(twice, "stream"))
    assert (answer.status, answer.json["message"]) == (400, "the body: a column is there twice")


def columnar(frame, form):
    import pyarrow as pa

    return written(pa.Table.from_pandas(frame), form)


def written(table, form):
    from pyarrow import ipc, parquet

    sink = io.BytesIO()
    if form == "parquet":
        parquet.write_table(table, sink)
        return sink.getvalue(), "application/vnd.apache.parquet"
    make = ipc.new_stream if form == "stream" else ipc.new_file
    with make(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue(), f"application/vnd.apache.arrow.{form}"
