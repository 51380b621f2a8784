"""What a run read: tables, arrays and files, told by the digests of their content."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np
import pandas as pd
import pytest

import gittrack as mlflow
from gittrack import data, schema
from gittrack.data import from_file, from_numpy, from_pandas
from gittrack.entities import Dataset, DatasetInput, InputTag
from gittrack.errors import (
    InvalidValueError,
    NotFoundError,
    RunStateError,
    TrackingWarning,
    UsageError,
)
from gittrack.tracking import MlflowClient
from tests.conftest import make_repository, python


@pytest.fixture
def frame():
    return pd.DataFrame({"alcohol": [13.1, 12.5], "name": ["a", None], "quality": [1, 2]})


@pytest.fixture
def csv(isolated, frame):
    path = isolated / "data" / "wine.csv"
    path.parent.mkdir()
    frame.to_csv(path)
    return path


def inputs(store):
    record = json.loads((store.find("@").folder / "run.json").read_text())
    assert schema.check("run", record) == []
    return record["inputs"]


def test_a_table_is_recorded_with_all_that_tells_it(store, frame, csv):
    with mlflow.start_run() as run:
        dataset = from_pandas(frame, source="data/wine.csv", targets="quality")
        mlflow.log_input(dataset, context="training", tags={"split": 1})
    digest = hashlib.sha256(csv.read_bytes()).hexdigest()
    assert inputs(store) == [
        {
            "name": "wine.csv",
            "digest": dataset.digest,
            "context": "training",
            "source": "data/wine.csv",
            "source_type": "local",
            "source_digest": f"sha256:{digest}",
            "schema": [
                {"type": "double", "name": "alcohol", "required": True},
                {"type": "string", "name": "name", "required": False},
                {"type": "long", "name": "quality", "required": True},
            ],
            "profile": {"num_rows": 2, "num_elements": 6},
            "tags": {"split": "1"},
        }
    ]
    (logged,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert {tag.key: tag.value for tag in logged.tags} == {
        "split": "1",
        "mlflow.data.context": "training",
    }
    assert json.loads(logged.dataset.profile)["num_rows"] == 2
    assert data.get_source(logged).load() == str(csv)
    assert data.get_source(dataset).uri == "data/wine.csv"
    found = mlflow.search_runs(filter_string="datasets.context = 'training'", output_format="list")
    assert [item.info.run_id for item in found] == [run.info.run_id]


def test_a_file_is_told_by_the_sha256_of_its_bytes(store, csv):
    with mlflow.start_run():
        mlflow.log_input(csv, context="training")
        mlflow.log_input(from_file(csv, name="wine"))
    digest = f"sha256:{hashlib.sha256(csv.read_bytes()).hexdigest()}"
    assert [(item["name"], item["digest"]) for item in inputs(store)] == [
        ("wine.csv", digest),
        ("wine", digest),
    ]
    assert data.file_digest(csv) == digest
    with pytest.raises(NotFoundError):
        mlflow.log_input("nowhere.csv")


def test_paths_are_relative_to_the_git_root_where_they_lie_in_it(isolated, frame, csv, monkeypatch):
    make_repository(isolated)
    outside = isolated.parent / "outside.csv"
    outside.write_text("1")
    monkeypatch.chdir(csv.parent)
    with mlflow.start_run():
        for path in ("wine.csv", csv, f"../{csv.parent.name}/wine.csv", csv.as_uri()):
            mlflow.log_input(from_pandas(frame, source=path), context=str(path))
        mlflow.log_input(outside)
        with pytest.warns(TrackingWarning, match="inputs.source looks like a secret"):
            mlflow.log_input(from_pandas(frame, source="https://u:secret@example.org/a.csv"))
    folder = mlflow.tracking.active.last_writer().folder
    sources = [item["source"] for item in json.loads((folder / "run.json").read_text())["inputs"]]
    assert sources == [
        *["data/wine.csv"] * 4,
        str(outside),
        "[password in url left out]example.org/a.csv",
    ]


def test_other_content_has_another_digest(frame):
    same = from_pandas(frame.copy()).digest
    assert from_pandas(frame).digest == same
    assert same.startswith("pandas:")
    others = [
        frame.iloc[::-1],
        frame.rename(columns={"name": "title"}),
        frame.assign(quality=[1, 3]),
        pd.concat([frame, frame]),
    ]
    assert len({same, *(from_pandas(other).digest for other in others)}) == 5
    large = pd.DataFrame({"a": range(20_000)})
    changed = large.assign(a=large["a"].where(large["a"] != 19_999, 0))
    assert from_pandas(large).digest != from_pandas(changed).digest
    assert from_pandas(pd.DataFrame({"a": [[1], [2]]})).digest


def test_arrays_are_told_by_type_shape_and_content():
    array = np.arange(6.0).reshape(2, 3)
    same = from_numpy(array).digest
    assert same.startswith("numpy:")
    assert from_numpy(np.asfortranarray(array)).digest == same
    others = [
        from_numpy(array.reshape(3, 2)),
        from_numpy(array.astype("float32")),
        from_numpy(array + 1),
        from_numpy(array, targets=np.ones(2)),
        from_numpy({"a": array, "b": array}),
        from_numpy(np.array(["a", None], dtype=object)),
    ]
    assert len({same, *(other.digest for other in others)}) == 7
    made = from_numpy({"a": array}, targets=np.ones(2), name="grid", digest="given")
    assert (made.name, made.digest) == ("grid", "given")
    assert json.loads(made.to_dict()["schema"])["features.a"][0]["tensor-spec"]["shape"] == [-1, 3]
    assert json.loads(made.to_json())["name"] == "grid"


def test_columns_that_are_not_there_are_refused(frame):
    for wrong in ({"targets": "nope"}, {"predictions": "nope"}):
        with pytest.raises(InvalidValueError, match="'nope'"):
            from_pandas(frame, **wrong)


def test_without_a_source_the_script_is_it(frame):
    dataset = from_pandas(frame)
    assert (dataset.name, dataset.source.source_type) == ("dataset", "code")
    with pytest.raises(UsageError, match="is no file here"):
        dataset.source.load()


def test_a_dataset_logged_twice_is_one(store, frame):
    with mlflow.start_run():
        for context in ("training", "training", "test"):
            mlflow.log_input(from_pandas(frame), context=context)
        mlflow.log_inputs([from_pandas(frame)], ["test"], [None])
    assert [item["context"] for item in inputs(store)] == ["training", "test"]


def test_what_is_no_dataset_is_refused(frame):
    with pytest.raises(InvalidValueError, match="DataFrame is no dataset"):
        mlflow.log_input(frame)
    with pytest.raises(InvalidValueError, match="same length"):
        mlflow.log_inputs([from_pandas(frame)], ["a", "b"])
    with pytest.raises(InvalidValueError, match="no logged models"):
        mlflow.log_input(from_pandas(frame), model=object())


def test_a_process_that_joined_a_run_records_what_it_read(store, csv):
    with mlflow.start_run() as run:
        python(
            "import gittrack; gittrack.log_input('data/wine.csv', context='joined')",
            env={**os.environ, "GITTRACK_RUN_ID": run.info.run_id},
        )
        mlflow.log_input(csv, context="own")
        assert {item["context"] for item in store.find("@").record.inputs} == {"joined", "own"}
    assert {item["context"] for item in inputs(store)} == {"joined", "own"}


@pytest.mark.usefixtures("frame")
def test_the_client_records_datasets_of_runs_that_are_not_active():
    with mlflow.start_run() as run:
        pass
    dataset = Dataset("wine", "abc", "http", '{"uri": "https://x/a.csv"}', "[]", '{"rows": 1}')
    tags = [InputTag("mlflow.data.context", "test"), InputTag("k", "v")]
    given = DatasetInput(dataset, tags)
    client = MlflowClient()
    client.log_inputs(run.info.run_id, [given, DatasetInput(Dataset("plain", "d", source="x"))])
    first, second = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (first.dataset.name, first.dataset.digest) == ("wine", "abc")
    assert data.get_source(first).uri == "https://x/a.csv"
    assert sorted(tag.key for tag in first.tags) == ["k", "mlflow.data.context"]
    assert data.get_source(second.dataset).uri == "x"
    client.delete_run(run.info.run_id)
    with pytest.raises(RunStateError):
        client.log_inputs(run.info.run_id, [given])
