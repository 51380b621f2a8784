"""Scoring files: every kind in and out, whole or not at all, in chunks."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from gittrack import files
from gittrack.errors import InvalidValueError, ModelError, SchemaMismatchError, StoreError
from gittrack.models import ColSpec, ModelSignature, Schema, infer_signature
from gittrack.models.pyfunc import load_model
from gittrack.models.saving import save_model
from gittrack.serving import answers, batch, chunks, csvtables
from tests.serving.driving import GITTRACK

FRAME = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, 1.5, -1.0]})


def sums_model(folder):
    model = LinearRegression().fit(FRAME, FRAME["n"] + FRAME["x"])
    save_model(model, folder, signature=infer_signature(FRAME))
    return folder


def function_model(function, folder, **options):
    save_model(FunctionTransformer(function), folder, pyfunc_predict_fn="transform", **options)
    return load_model(folder)


@pytest.fixture
def sums(tmp_path):
    return load_model(sums_model(tmp_path / "sums"))


def predicted(model, data, reads="csv", writes="csv"):
    target = io.BytesIO()
    batch.predict(model, io.BytesIO(data), target, reads=reads, writes=writes)
    return target.getvalue()


def written(frame, kind):
    if kind == "parquet":
        return frame.to_parquet(index=False)
    if kind == "csv":
        return frame.to_csv(index=False).encode()
    records = frame.to_dict("records")
    if kind == "json":
        return json.dumps({"dataframe_records": records}).encode()
    return "".join(f"{json.dumps(row)}\n" for row in records).encode()


def read(data, kind):
    if kind == "parquet":
        return pd.read_parquet(io.BytesIO(data))["prediction"].tolist()
    if kind == "csv":
        return pd.read_csv(io.BytesIO(data))["prediction"].tolist()
    if kind == "json":
        return json.loads(data)["predictions"]
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.needs("module:pyarrow")
@pytest.mark.parametrize("writes", chunks.KINDS)
@pytest.mark.parametrize("reads", chunks.KINDS)
def test_each_kind_in_and_out(sums, reads, writes, monkeypatch):
    monkeypatch.setattr(chunks, "ROWS", 2)  # so that there are two chunks
    monkeypatch.setattr(chunks, "BYTES", 5)
    answer = read(predicted(sums, written(FRAME, reads), reads, writes), writes)
    assert np.round(answer, 6).tolist() == [1.5, 3.5, 2.0]


def test_texts_that_look_like_numbers_stay_texts(tmp_path):
    signature = ModelSignature(Schema([ColSpec("string", "code")]))
    model = function_model(None, tmp_path / "m", signature=signature)
    assert predicted(model, b"code,more\n007,1\n1e5,2\n") == b"code\n007\n1e5\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_cells_of_several_lines_and_of_any_size(tmp_path, end, monkeypatch):
    monkeypatch.setattr(chunks, "BYTES", 2)
    model = function_model(lambda frame: frame["a"].str.len(), tmp_path / "m")
    rows = ["\ufeffa,b", '"1\n2",1', f"{'x' * 200_000},2", "three,3", ""]
    assert predicted(model, end.join(rows).encode()) == b"a\n3\n200000\n5\n"


cell = st.sampled_from(["1", "a", "", '"a,b"', '"a\nb"', '"a""b"'])
line = st.lists(cell, max_size=3).map(",".join)


@settings(deadline=None, max_examples=300)
@given(
    rows=st.lists(line, max_size=8),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.integers(1, 40),
)
def test_tables_of_csv_hold_every_row_or_are_refused(rows, end, size):
    text = end.join(["a,b", *rows, ""])
    expected = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row][1:]
    tables = csvtables.tables(io.BytesIO(text.encode()), "it", texts=["a", "b"], size=size)
    if uneven := [number for number, row in enumerate(expected, 1) if len(row) != 2]:
        values = len(expected[uneven[0] - 1])
        with pytest.raises(InvalidValueError, match=f"row {uneven[0]} of it has {values} values"):
            list(tables)
    else:
        found = [row for table in tables for row in table.fillna("").to_numpy().tolist()]
        assert found == expected


@pytest.mark.parametrize(
    ("answer", "header"),
    [
        (lambda frame: frame["n"].to_numpy(), "prediction"),
        (lambda frame: frame["n"], "n"),
        (lambda frame: frame.to_numpy(), "prediction_0,prediction_1"),
        (lambda frame: frame, "n,x"),
        (lambda frame: list(frame["n"]), "prediction"),
    ],
)
def test_predictions_of_every_shape_have_a_header(tmp_path, answer, header):
    model = function_model(answer, tmp_path / "m")
    lines = predicted(model, written(FRAME, "csv")).decode().splitlines()
    assert lines[0] == header
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "csv", "the input holds no CSV"),
        (b"n,x\n", "csv", "the input holds no rows"),
        (b"n,x\n1,2\n1,2,3\n", "csv", "row 2 of the input has 3 values for 2 columns"),
        (b"n,x\n1,2,3\n", "csv", "row 1 of the input has 3 values for 2 columns"),
        (b"n,x\n1,2\n\n1,2\n1\n", "csv", "row 3 of the input has 1 values for 2 columns"),
        (b"n,x,n\n1,2,3\n", "csv", "the header of the input: 'n' is there twice"),
        (b"n,x\n1,2\n \n", "csv", "row 2 of the input has 1 values for 2 columns"),
        (b"n\n1\n \n", "csv", "rows of nothing but blanks"),
        (b'n,x\n"1","2"\n1,"2\n3",4\n', "csv", "row 2 of the input has 3 values"),
        (b'n,x\n1,"2\n', "csv", "not CSV"),
        (b"\xff\xfe", "csv", "not CSV"),
        (b'{"n": 1, "x": 2}\n{"n": 1', "jsonl", "line 2 of the input is no JSON object"),
        (b"[1]\n", "jsonl", "line 1 of the input is no JSON object"),
        (b"\n\n", "jsonl", "holds no rows"),
        (b"{", "json", "not JSON"),
        (b"PAR1", "parquet", "not Parquet"),
    ],
)
def test_a_broken_input(sums, data, kind, words):
    with pytest.raises(InvalidValueError, match=words):
        predicted(sums, data, kind)


def test_rows_that_do_not_fit_the_signature(sums):
    with pytest.raises(SchemaMismatchError, match=r"missing inputs \['x'\]"):
        predicted(sums, b"n\n1\n")


def test_rows_that_the_model_cannot_take_are_named(sums):
    with pytest.raises(ModelError, match="the 2 rows after row 0: Input X contains NaN"):
        predicted(sums, b"n,x\n1,0.5\n2,\n")


@pytest.mark.parametrize(
    "error", [RuntimeError("no GPU"), SystemExit("no GPU"), KeyError("no GPU")]
)
def test_rows_on_which_the_model_fails_are_named(tmp_path, error):
    def fails(_):
        raise error

    model = function_model(fails, tmp_path / "m")
    words = rf"the model failed \({type(error).__name__}\) on the 3 rows after row 0: .*no GPU"
    with pytest.raises(ModelError, match=words):
        predicted(model, written(FRAME, "csv"))


def test_an_interrupt_is_no_failure_of_the_model(tmp_path):
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predicted(function_model(interrupted, tmp_path / "m"), written(FRAME, "csv"))


def test_an_answer_that_is_no_table(tmp_path):
    model = function_model(lambda frame: np.zeros((len(frame), 2, 2)), tmp_path / "m")
    with pytest.raises(ModelError, match="3 dimensions"):
        predicted(model, written(FRAME, "csv"))
    lines = predicted(model, written(FRAME, "csv"), writes="jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [[[0, 0], [0, 0]]] * 3


def test_an_answer_that_holds_no_values(tmp_path):
    model = function_model(lambda frame: np.array([object()] * len(frame)), tmp_path / "m")
    for kind in ("csv", "jsonl", "json"):
        with pytest.raises(ModelError, match="the model's answer holds object"):
            predicted(model, written(FRAME, "csv"), writes=kind)


def test_values_that_only_their_libraries_know_are_written_to_csv(tmp_path):
    values = [None, Decimal("1.5"), date(2024, 1, 2)]
    model = function_model(lambda _: pd.Series(values, dtype=object), tmp_path / "m")
    assert predicted(model, written(FRAME, "csv")) == b'prediction\n""\n1.5\n2024-01-02\n'


def test_bytes_and_lists_are_written_to_csv_as_they_are_to_json(tmp_path):
    values = [b"\0\xff", [1.5, None], {"a": np.int64(1)}]
    model = function_model(lambda _: pd.DataFrame({0: values, "b": values}), tmp_path / "m")
    frame = pd.read_csv(io.BytesIO(predicted(model, written(FRAME, "csv"))))
    assert frame["0"].tolist() == frame["b"].tolist() == ["AP8=", "[1.5, null]", '{"a": 1}']


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.lists(st.integers(-5, 5) | st.none() | st.text(max_size=3), max_size=5), max_size=6
    ),
    st.sampled_from(["json", "jsonl"]),
)
def test_predictions_are_read_back_as_they_were(parts, kind):
    target = io.BytesIO()
    with answers.writer(target, kind) as write:
        for part in parts:
            write(part)
    assert read(target.getvalue(), kind) == [value for part in parts for value in part]


# -- the command


def gittrack(*arguments, stdin=None):
    command = [*GITTRACK, "predict", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


def test_from_a_file_to_a_file(tmp_path, isolated):
    model = sums_model(tmp_path / "m")
    FRAME.to_csv("data.csv", index=False)
    done = gittrack(model, "-i", "data.csv", "-o", "out.csv")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"wrote 3 predictions to out.csv" in done.stderr
    assert len((isolated / "out.csv").read_text().splitlines()) == 4


def test_from_standard_input_to_standard_output(tmp_path):
    model = sums_model(tmp_path / "m")
    done = gittrack("-m", model, "-t", "json", stdin=written(FRAME, "json"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert np.round(json.loads(done.stdout)["predictions"], 6).tolist() == [1.5, 3.5, 2.0]


def test_what_fails_leaves_the_output_as_it_was(tmp_path, isolated):
    model = sums_model(tmp_path / "m")
    (isolated / "out.csv").write_text("before")
    (isolated / "data.csv").write_text("n,x\n1,2\n1.5,2\n")
    done = gittrack(model, "-i", "data.csv", "-o", "out.csv")
    assert done.returncode == 2
    assert b"column 'n' holds 1.5" in done.stderr
    assert sorted(path.name for path in isolated.iterdir()) == ["data.csv", "out.csv"]
    assert (isolated / "out.csv").read_text() == "before"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-i", "missing.csv"], 3, "cannot read missing.csv"),
        (["-i", "data.xls"], 2, "data.xls does not say what it holds"),
        (["-o", "out"], 2, "out does not say what it holds"),
        (["--from", "xml"], 2, "--from 'xml' is no kind"),
        (["-i", "data.csv", "-o", "./data.csv"], 2, "./data.csv is the input itself"),
        (["-o", "no/such/out.csv"], 5, "cannot write no/such/out.csv"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, isolated, arguments, code, words):
    (isolated / "data.csv").write_text("n,x\n1,2\n")
    done = gittrack(sums_model(tmp_path / "m"), *arguments, stdin=b"n,x\n1,2\n")
    assert done.returncode == code
    assert words in done.stderr.decode()


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(StoreError, match="cannot write"),
        files.replacing(tmp_path / "out" / "a.csv"),
    ):
        raise OSError(28, "No space left on device")
    assert list((tmp_path / "out").iterdir()) == []


MEASURED = """
import resource, sys
from gittrack.models.pyfunc import load_model
from gittrack.serving import batch
model = load_model(sys.argv[1])
with open(sys.argv[2], "rb") as source, open(sys.argv[3], "wb") as target:
    batch.predict(model, source, target, reads="csv", writes="csv")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    model = DummyClassifier(strategy="constant", constant=1).fit([[0], [1]], [0, 1])
    save_model(model, tmp_path / "m", signature=infer_signature(FRAME))
    peaks = []
    for rows in (50_000, 1_000_000):
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("n,x\n")
            file.writelines("123456,0.123456789\n" for _ in range(rows))
        command = [sys.executable, "-c", MEASURED, tmp_path / "m", path, tmp_path / "out.csv"]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True).stdout))
    unit = 1024 if sys.platform == "linux" else 1
    # The rows themselves, as a table, would be 16 MB, and as text 20 MB.
    assert (peaks[1] - peaks[0]) * unit < 12_000_000
