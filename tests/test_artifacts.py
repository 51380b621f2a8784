"""`gittrack.artifacts`: artifacts found, listed, copied and loaded by their URIs."""

from __future__ import annotations

from pathlib import Path

import pytest

import gittrack as mlflow
from gittrack import artifacts
from gittrack.errors import InvalidValueError, NotFoundError, UsageError


@pytest.fixture
def run():
    with mlflow.start_run(run_name="one") as run:
        mlflow.log_text("größe", "sub/a.txt")
        mlflow.log_dict({"a": 1}, "b.json")
        run.writer.artifacts.joinpath("left.gittrack-tmp").touch()
    return run


def test_every_way_to_name_one(run):
    path = run.writer.artifacts / "sub" / "a.txt"
    uris = [
        f"runs:/{run.info.run_id}/sub/a.txt",
        "runs:/@/sub/a.txt",
        f"{run.info.artifact_uri}/sub/a.txt",
        str(path),
        str(path.relative_to(Path.cwd())),
    ]
    assert [artifacts.load_text(uri) for uri in uris] == ["größe"] * 5
    by_run = artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="sub/a.txt")
    assert by_run == artifacts.download_artifacts(uris[0]) == str(path)


@pytest.mark.usefixtures("run")
def test_a_copy_is_made_where_one_is_wanted(isolated):
    file = artifacts.download_artifacts("runs:/@/b.json", dst_path="new/copies")
    folder = artifacts.download_artifacts(run_id="one", artifact_path="sub", dst_path="new")
    everything = artifacts.download_artifacts("runs:/@", dst_path=isolated / "all")
    assert Path(file) == isolated / "new" / "copies" / "b.json"
    assert (Path(folder).name, (Path(folder) / "a.txt").read_text()) == ("sub", "größe")
    assert (Path(everything), (Path(everything) / "b.json").is_file()) == (isolated / "all", True)


def test_a_run_without_artifacts_has_none():
    with mlflow.start_run() as run:
        pass
    assert artifacts.list_artifacts(run_id=run.info.run_id) == []
    assert not Path(artifacts.download_artifacts(run_id=run.info.run_id)).exists()
    assert list(Path(artifacts.download_artifacts("runs:/@", dst_path="all")).iterdir()) == []


def test_what_is_listed(run):
    listed = artifacts.list_artifacts(run_id="one")
    assert [(info.path, info.is_dir, info.file_size) for info in listed] == [
        ("b.json", False, 12),
        ("sub", True, None),
    ]
    for inside in (
        artifacts.list_artifacts("runs:/one/sub"),
        artifacts.list_artifacts(run_id="one", artifact_path="sub"),
    ):
        assert [(info.path, info.file_size) for info in inside] == [("sub/a.txt", 7)]
    assert [info.path for info in artifacts.list_artifacts(f"{run.info.artifact_uri}/sub")] == [
        "a.txt"
    ]
    assert artifacts.list_artifacts("runs:/one/b.json") == []


def test_what_holds_something_else_is_refused(run):
    assert artifacts.load_dict("runs:/@/b.json") == {"a": 1}
    with pytest.raises(InvalidValueError, match="not valid JSON"):
        artifacts.load_dict("runs:/@/sub/a.txt")
    (run.writer.artifacts / "c.txt").write_bytes(b"\xff")
    with pytest.raises(InvalidValueError, match="not valid UTF-8"):
        artifacts.load_text("runs:/@/c.txt")


@pytest.mark.usefixtures("run")
def test_what_is_not_there_is_missed():
    for call in (
        lambda: artifacts.load_text("runs:/@/none.txt"),
        lambda: artifacts.load_text("runs:/none/a.txt"),
        lambda: artifacts.download_artifacts("none.txt"),
        lambda: artifacts.list_artifacts(run_id="none"),
    ):
        with pytest.raises(NotFoundError):
            call()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"artifact_uri": "runs:/@/a", "run_id": "one"},
        {"artifact_uri": "a", "artifact_path": "b"},
        {"run_id": "one", "artifact_path": "../run.json"},
        {"artifact_uri": "runs:/@/../run.json"},
    ],
)
@pytest.mark.usefixtures("run")
def test_arguments_that_name_nothing_in_a_run_are_refused(arguments):
    with pytest.raises(InvalidValueError):
        artifacts.download_artifacts(**arguments)


@pytest.mark.parametrize("uri", ["models:/wine/1", "s3://bucket/a", "https://x/a"])
def test_a_uri_that_is_not_read_is_named(uri):
    with pytest.raises(UsageError, match="does not read"):
        artifacts.load_text(uri)


@pytest.mark.usefixtures("run")
def test_another_store(isolated):
    elsewhere = isolated / "moved"
    (isolated / "mlruns").rename(elsewhere)
    assert len(artifacts.list_artifacts(run_id="one", tracking_uri=elsewhere)) == 2
