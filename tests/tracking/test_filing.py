"""Texts, dicts, figures, images and tables as artifacts of a run."""

from __future__ import annotations

import io
import json
import struct
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gittrack as mlflow
from gittrack.errors import InvalidValueError, MissingPackageError, NotFoundError, TrackingWarning
from gittrack.tracking import MlflowClient, images, tables
from tests.making import put


@pytest.fixture
def run():
    with mlflow.start_run() as run:
        yield run


@pytest.fixture
def artifacts(run):
    return run.writer.artifacts


class Figure:
    """What Matplotlib's figures have."""

    def savefig(self, path, **options):
        path.write_text(json.dumps(options))


class Chart:
    """What Plotly's figures have."""

    def write_html(self, path, **options):
        path.write_text(json.dumps(options))

    def write_image(self, path, **_):
        path.write_text("an image")


# -- texts and dicts


@pytest.mark.parametrize("text", ["", "a\r\nb", "Größe \U0001f600", "\ud800"])
def test_a_text_is_kept_byte_by_byte(artifacts, text):
    mlflow.log_text(text, "dir/a.txt")
    assert (artifacts / "dir" / "a.txt").read_bytes() == text.encode("utf-8", "surrogatepass")
    mlflow.log_text("again", "dir/a.txt")
    assert (artifacts / "dir" / "a.txt").read_text() == "again"


def test_a_dict_is_json_or_yaml_by_its_name(artifacts):
    held = {"name": "Größe", "values": [1, 2.5, None], "where": artifacts}
    mlflow.log_dict(held, "a.json")
    assert json.loads((artifacts / "a.json").read_text()) == {**held, "where": str(artifacts)}
    mlflow.log_dict({"a": ["é"]}, "a.yml")
    assert (artifacts / "a.yml").read_text() == "a:\n- é\n"


@pytest.mark.parametrize("name", ["", ".", "..", "../a.txt", "/a.txt", "a/", "dir", ".git/a"])
def test_a_name_that_is_no_files_is_refused(artifacts, name):
    (artifacts / "dir").mkdir(parents=True)
    with pytest.raises(InvalidValueError, match="Invalid artifact"):
        mlflow.log_text("x", name)


def test_another_run_than_the_active_one(run):
    run_id = MlflowClient().create_run("0").info.run_id
    mlflow.log_text("x", "a.txt", run_id=run_id)
    mlflow.log_dict({}, "a.json", run_id=run_id)
    mlflow.log_table({"a": [1]}, "t.json", run_id=run_id)
    assert [info.path for info in MlflowClient().list_artifacts(run_id)] == [
        "a.json",
        "a.txt",
        "t.json",
    ]
    assert not run.writer.artifacts.exists()


@pytest.mark.usefixtures("run")
def test_what_cannot_be_written_is_a_warning(artifacts):
    artifacts.write_text("in the way")
    with pytest.warns(TrackingWarning, match=r"artifacts/a\.txt could not be written") as said:
        mlflow.log_text("x", "a.txt")
    assert said[0].filename == __file__


@pytest.mark.usefixtures("run")
def test_a_file_that_cannot_be_read_hides_no_other(artifacts, isolated, store):
    for name in ("a.txt", "b.txt", "c/d.txt"):
        put(isolated / "data" / name, name)
    artifacts.mkdir()
    (artifacts / "b.txt").mkdir()  # in the way
    for log in (mlflow.log_artifacts, mlflow.log_artifact):
        with pytest.warns(TrackingWarning, match=r"b\.txt could not be written") as said:
            log("data")
        assert said[0].filename == __file__
        (artifacts / "data" / "b.txt").mkdir(parents=True, exist_ok=True)
    assert (artifacts / "a.txt").read_text() == "a.txt"
    assert (artifacts / "data" / "c" / "d.txt").read_text() == "c/d.txt"
    mlflow.end_run()
    assert store.find("@").record.left_out == (
        "artifacts/b.txt: Is a directory",
        "artifacts/data/b.txt: Is a directory",
    )


@pytest.mark.usefixtures("run")
def test_what_is_filed_in_the_end_is_not_lost(artifacts, store):
    artifacts.write_text("in the way")
    with pytest.warns(TrackingWarning, match="could not be written"):
        mlflow.log_text("x", "a.txt")
    artifacts.unlink()
    mlflow.log_text("x", "a.txt")
    mlflow.end_run()
    assert store.find("@").record.left_out == ()


def test_files_and_folders_by_the_client(run, isolated, artifacts):
    client, run_id = MlflowClient(), run.info.run_id
    (isolated / "data" / "sub").mkdir(parents=True)
    (isolated / "data" / "sub" / "a.csv").write_text("1")
    client.log_artifact(run_id, "data", "one")
    client.log_artifacts(run_id, "data", "two")
    assert (artifacts / "one" / "data" / "sub" / "a.csv").read_text() == "1"
    assert (artifacts / "two" / "sub" / "a.csv").read_text() == "1"
    assert [info.path for info in client.list_artifacts(run_id, "two/sub")] == ["two/sub/a.csv"]
    assert client.download_artifacts(run_id, "two") == str(artifacts / "two")
    assert client.download_artifacts(run_id) == str(artifacts)


# -- figures and images


def test_figures_are_saved_in_the_form_of_their_name(artifacts):
    mlflow.log_figure(Figure(), "plots/a.png", save_kwargs={"dpi": 10})
    mlflow.log_figure(Chart(), "a.html")
    mlflow.log_figure(Chart(), "a.svg")
    assert (artifacts / "plots" / "a.png").read_text() == '{"dpi": 10}'
    assert json.loads((artifacts / "a.html").read_text())["include_plotlyjs"] == "cdn"
    assert (artifacts / "a.svg").read_text() == "an image"
    with pytest.raises(InvalidValueError, match="Unsupported figure object type: 'str'"):
        mlflow.log_figure("a figure", "a.png")


def test_a_figure_that_fails_leaves_nothing_and_says_so(artifacts):
    class Broken(Figure):
        def savefig(self, path, **_):
            path.write_text("half")
            raise ValueError("no such format")

    with pytest.raises(ValueError, match="no such format"):
        mlflow.log_figure(Broken(), "a.png")
    assert not artifacts.exists()


def read_png(data: bytes) -> np.ndarray:
    """Read what `images.png` writes: one chunk of rows without filters."""
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    channels = {0: 1, 2: 3, 6: 4}[kind]
    at = data.index(b"IDAT")
    length = struct.unpack(">I", data[at - 4 : at])[0]
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), dtype=np.uint8)
    pixels = rows.reshape(height, 1 + width * channels)[:, 1:]
    return pixels.reshape((height, width) if channels == 1 else (height, width, channels))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3), (2, 3, 4)])
def test_an_array_is_a_png_pixel_by_pixel(artifacts, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    mlflow.log_image(array, "a.png")
    again = read_png((artifacts / "a.png").read_bytes())
    assert again.tolist() == array.reshape(again.shape).tolist()


@pytest.mark.parametrize(
    ("array", "pixels"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [[0, 127, 255]]),
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[0, 255]]), [[0, 255]]),
    ],
)
def test_values_become_bytes(array, pixels):
    assert images.pixels(array).tolist() == pixels


def test_floats_outside_of_0_to_1_are_rescaled():
    with pytest.warns(TrackingWarning, match="rescaled"):
        assert images.pixels(np.array([[-1.0, 0.0, 1.0]])).tolist() == [[0, 127, 255]]


@pytest.mark.parametrize(
    "image",
    ["a.png", np.zeros(3), np.zeros((2, 2, 2)), np.array([["a"]]), np.array([[256]]), None],
)
@pytest.mark.usefixtures("run")
def test_what_is_no_image_is_refused(image):
    with pytest.raises(InvalidValueError):
        mlflow.log_image(image, "a.png")


def test_images_of_many_steps_are_told_apart(artifacts):
    array = np.zeros((2, 2), dtype=np.uint8)
    for step in (0, 1):
        mlflow.log_image(array, key="dogs/small", step=step, timestamp=5)
    found = sorted(path.name for path in (artifacts / "images").iterdir())
    assert [name[:29] for name in found] == [
        "dogs~small+step+0+timestamp+5",
        "dogs~small+step+1+timestamp+5",
    ]
    for wrong in ({}, {"key": "a", "artifact_file": "a.png"}, {"key": "a:b"}):
        with pytest.raises(InvalidValueError):
            mlflow.log_image(array, **wrong)


@pytest.mark.usefixtures("artifacts")
def test_an_image_of_pillow_is_saved_and_loaded():
    pillow = pytest.importorskip("PIL.Image")
    mlflow.log_image(pillow.new("RGB", (3, 2)), "a.jpg")
    mlflow.log_image(np.zeros((2, 3, 3), dtype=np.uint8), "b.jpg")
    assert mlflow.artifacts.load_image(mlflow.get_artifact_uri("b.jpg")).size == (3, 2)


@pytest.mark.usefixtures("run")
def test_without_pillow_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingPackageError, match="pip install pillow"):
        mlflow.log_image(np.zeros((2, 2), dtype=np.uint8), "a.jpg")


# -- tables


@pytest.mark.usefixtures("run")
def test_rows_are_added_to_those_that_are_there():
    mlflow.log_table({"question": ["0123", "é"], "score": [1, None]}, "t.json")
    mlflow.log_table(pd.DataFrame({"question": ["c"], "score": [0.1]}), "t.json")
    mlflow.log_table({"question": "d", "score": 2}, "t.json")
    frame = mlflow.load_table("t.json")
    assert frame["question"].tolist() == ["0123", "é", "c", "d"]
    assert frame["score"].fillna(-1).tolist() == [1, -1, 0.1, 2]


def test_rows_that_are_added_at_once_are_all_there(run, monkeypatch):
    client, both = MlflowClient(), threading.Barrier(2)
    client.log_table(run.info.run_id, {"a": [0]}, "t.json")
    real = tables.read

    def read(path):
        found = real(path)
        with suppress(threading.BrokenBarrierError):  # the other waits, as it should
            both.wait(0.2)
        return found

    with monkeypatch.context() as patch, ThreadPoolExecutor() as pool:
        patch.setattr(tables, "read", read)
        for row in (1, 2):
            pool.submit(client.log_table, run.info.run_id, {"a": [row]}, "./t.json")
    assert sorted(mlflow.load_table("t.json")["a"]) == [0, 1, 2]


def test_tables_of_several_runs_are_joined():
    ids = []
    for alpha in (1, 2):
        with mlflow.start_run() as run:
            mlflow.log_param("alpha", alpha)
            mlflow.log_table({"a": [alpha]}, "t.json")
            ids.append(run.info.run_id)
    with mlflow.start_run():
        pass
    frame = mlflow.load_table("t.json", extra_columns=["run_id", "params.alpha"])
    assert sorted(frame["run_id"]) == sorted(ids)
    assert frame.query("run_id == @ids[1]")[["a", "params.alpha"]].to_numpy().tolist() == [[2, "2"]]
    assert mlflow.load_table("t.json", run_ids=ids[:1])["a"].tolist() == [1]
    with pytest.raises(InvalidValueError, match="has no 'params.beta'"):
        mlflow.load_table("t.json", extra_columns=["params.beta"])
    with pytest.raises(NotFoundError, match="no run of experiment"):
        mlflow.load_table("u.json")


@pytest.mark.usefixtures("artifacts")
@pytest.mark.usefixtures("run")
def test_what_is_no_table_is_refused():
    with pytest.raises(InvalidValueError, match="end it in"):
        mlflow.log_table({"a": [1]}, "t.csv")
    with pytest.raises(InvalidValueError, match="must be a pandas.DataFrame or a dictionary"):
        mlflow.log_table([1], "t.json")
    mlflow.log_text("{}", "t.json")
    with pytest.raises(InvalidValueError, match="is no table"):
        mlflow.load_table("t.json")


cells = st.one_of(st.none(), st.text(), st.integers(-(2**60), 2**60), st.booleans())


@given(st.lists(st.tuples(cells, cells, st.floats(allow_nan=False)), min_size=1, max_size=5))
def test_a_table_reads_as_it_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "t.json"
    tables.write(pd.DataFrame(rows, columns=["a", "b", "c"], dtype=object), path)
    assert [tuple(row) for row in json.loads(path.read_text())["data"]] == rows
    assert len(tables.read(path)) == len(rows)


def test_a_table_that_mlflow_wrote_is_read(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('{"columns":["a","b"],"data":[["x",1.5],["y",null]]}')
    assert tables.read(path)["a"].tolist() == ["x", "y"]


def test_times_and_arrays_in_cells_are_plain(tmp_path):
    path = tmp_path / "t.json"
    frame = pd.DataFrame({"when": [pd.Timestamp("2026-11-23")], "values": [np.array([1, 2])]})
    tables.write(frame, path)
    assert json.loads(path.read_text())["data"] == [["2026-11-23T00:00:00", [1, 2]]]


# -- MLflow's own image


@pytest.mark.parametrize("given", ["array", "list", "pillow", "path"])
def test_an_image_of_anything_is_filed_as_it_is(artifacts, isolated, given):
    rows = np.array([[[255, 0, 0], [0, 255, 0]]], dtype=np.uint8)
    if given == "list":
        image = mlflow.Image(rows.tolist())
    elif given == "array":
        image = mlflow.Image(rows)
    else:
        mlflow.Image(rows).save(isolated / "a.png")
        path = str(isolated / "a.png")
        image = mlflow.Image(path if given == "path" else mlflow.Image(path).to_pil())
    assert image.size == (2, 1)
    assert image.to_list() == [(255, 0, 0), (0, 255, 0)]
    mlflow.log_image(image, "a.png")
    assert mlflow.Image(str(artifacts / "a.png")).to_array().tolist() == rows.tolist()
    assert image.resize((4, 2)).size == (4, 2)


def test_an_image_of_what_is_none_is_refused():
    with pytest.raises(InvalidValueError, match="Unsupported image object type: dict"):
        mlflow.Image({})


# -- streams


def test_a_binary_stream_is_filed_from_where_it_stands(artifacts, run):
    stream = io.BytesIO(b"0123456789" * 300_000)
    stream.seek(3)
    mlflow.log_stream(stream, "in/a.bin")
    assert (artifacts / "in" / "a.bin").read_bytes() == stream.getvalue()[3:]
    MlflowClient().log_stream(run.info.run_id, io.BytesIO(b""), "empty")
    assert (artifacts / "empty").read_bytes() == b""


def test_a_text_stream_is_refused_and_leaves_nothing(artifacts):
    with pytest.raises(InvalidValueError, match="binary stream"):
        mlflow.log_stream(io.StringIO("text"), "a.txt")
    assert not artifacts.exists()
