"""Files of a run: whole or not at all, and never outside of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import gittrack as mlflow
from gittrack import artifactfiles
from gittrack.errors import InvalidValueError, NotFoundError, StoreError
from gittrack.runs.forgiving import TrackingWarning
from tests.conftest import git, make_repository


@pytest.fixture
def target(isolated):
    """The artifacts folder of a run."""
    return isolated / "run" / "artifacts"


def listed(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


@pytest.mark.parametrize(
    ("given", "path"), [(None, ""), ("", ""), (".", ""), ("plots", "plots"), ("a/./b/../c", "a/c")]
)
def test_an_artifact_path_is_a_folder_of_the_run(target, given, path):
    assert artifactfiles.place(target, given) == target / path


@pytest.mark.parametrize(
    "path",
    ["..", "../x", "a/../../x", "/etc", "//x", "C:/x", "a\0b", "\ud800", ".git", "a/.git/hooks"],
)
def test_a_path_that_leads_out_is_refused(target, path):
    with pytest.raises(InvalidValueError, match="Invalid artifact path"):
        artifactfiles.place(target, path)


def test_a_path_that_leads_out_by_a_link_is_refused(target, tmp_path):
    target.mkdir(parents=True)
    (target / "link").symlink_to(tmp_path)
    with pytest.raises(InvalidValueError, match="leads out"):
        artifactfiles.place(target, "link/deeper")


def test_a_file_is_copied_and_copied_again(target, isolated):
    (isolated / "roc.png").write_text("first")
    artifactfiles.copy_file(isolated / "roc.png", target)
    (isolated / "roc.png").write_text("second")
    artifactfiles.copy_file(isolated / "roc.png", target)
    assert (target / "roc.png").read_text() == "second"
    assert listed(target) == ["roc.png"]


def test_a_link_to_a_file_becomes_a_file(target, isolated):
    (isolated / "real").write_text("x")
    (isolated / "link").symlink_to("real")
    artifactfiles.copy_file(isolated / "link", target)
    assert not (target / "link").is_symlink()
    assert (target / "link").read_text() == "x"


def test_a_link_that_stands_in_the_target_is_replaced_and_not_followed(target, isolated):
    (isolated / "roc.png").write_text("new")
    (isolated / "precious").write_text("old")
    target.mkdir(parents=True)
    (target / "roc.png").symlink_to(isolated / "precious")
    artifactfiles.copy_file(isolated / "roc.png", target)
    assert (isolated / "precious").read_text() == "old"


def test_what_is_not_there_is_named(target):
    with pytest.raises(NotFoundError, match="nowhere"):
        artifactfiles.copy_file(target / "nowhere", target)
    with pytest.raises(NotFoundError, match="nowhere"):
        artifactfiles.copy_folder(target / "nowhere", target)


def test_a_pipe_is_not_waited_for(target, isolated):
    os.mkfifo(isolated / "pipe")
    with pytest.raises(StoreError, match="pipe"):
        artifactfiles.copy_file(isolated / "pipe", target)
    assert listed(target) == []


def test_a_folder_is_copied_without_git_and_without_following_links(target, isolated):
    source = make_repository(isolated / "code", {"a.txt": "a", "deep/b.txt": "b"})
    (source / "deep" / ".git").write_text("gitdir: ../elsewhere\n")
    (source / "loop").symlink_to(source)
    (source / "dangling").symlink_to("nowhere")
    artifactfiles.copy_folder(source, target)
    assert listed(target) == ["a.txt", "deep/b.txt"]


def test_logging_the_working_folder_does_not_copy_the_store_into_itself(store, isolated):
    (isolated / "data.csv").write_text("1\n")
    with mlflow.start_run() as run:
        mlflow.log_artifacts(".")
        mlflow.log_artifacts(".", "again")
    assert listed(store.find(run.info.run_id).artifacts) == ["again/data.csv", "data.csv"]


def test_a_logged_folder_keeps_its_name(store, isolated):
    (isolated / "plots").mkdir()
    (isolated / "plots" / "roc.png").write_text("x")
    with mlflow.start_run() as run:
        mlflow.log_artifact("plots", "images")
    assert listed(store.find(run.info.run_id).artifacts) == ["images/plots/roc.png"]


def test_a_git_folder_cannot_be_logged_by_name(isolated):
    make_repository(isolated)
    with mlflow.start_run(), pytest.raises(InvalidValueError, match="Git"):
        mlflow.log_artifact(".git")


def test_a_file_that_cannot_be_copied_warns_and_the_work_goes_on(store, isolated):
    (isolated / "roc.png").write_text("x")
    with mlflow.start_run() as run:
        (store.find(run.info.run_id).artifacts / "roc.png" / "in the way").mkdir(parents=True)
        with pytest.warns(TrackingWarning, match=r"roc\.png"):
            mlflow.log_artifact("roc.png")
    assert store.find(run.info.run_id).record.status == "FINISHED"


def test_a_name_as_long_as_names_get_can_be_copied(target, isolated):
    (isolated / ("n" * 255)).write_text("x")
    artifactfiles.copy_file(isolated / ("n" * 255), target)
    assert listed(target) == ["n" * 255]


def test_what_is_not_there_by_a_name_longer_than_any_is_named(target):
    with pytest.raises(NotFoundError, match="nnn"):
        artifactfiles.copy(target / ("n" * 5000), target, None)


def test_what_git_would_lose_is_refused_by_name(target, isolated):
    for name in ("__pycache__", ".DS_Store", ".nfs0001", "x.gittrack-tmp", ".git.", "git~1"):
        (isolated / name).write_text("x")
        with pytest.raises(InvalidValueError, match="Git would not commit"):
            artifactfiles.copy(isolated / name, target, None)
        with pytest.raises(InvalidValueError, match="Git would not commit"):
            artifactfiles.file_place(target, f"a/{name}")
    for name in (".gitignore", ".gitattributes"):
        with pytest.raises(InvalidValueError, match=f"'_{name}'"):
            artifactfiles.file_place(target, f"a/{name}")


def test_what_was_logged_survives_commit_and_clone(store, isolated, tmp_path):
    (isolated / "model" / "__pycache__").mkdir(parents=True)
    (isolated / "model" / "deep").mkdir()
    for name, text in {
        ".gitattributes": "* text eol=crlf\n*.bin filter=lfs\n",
        "deep/.gitignore": "*\n",
        "deep/_.gitignore": "mine",
        "deep/model.bin": "a\r\nb\n",
        "__pycache__/x.pyc": "junk",
        ".DS_Store": "junk",
        ".nfs000001": "junk",
        "git~1": "junk",
    }.items():
        (isolated / "model" / name).write_bytes(text.encode())
    (isolated / ".gitignore").write_text("*.bin\n")
    with mlflow.start_run() as run:
        with pytest.warns(TrackingWarning, match="Git would follow the rules") as caught:
            mlflow.log_artifact("model")
        (warning,) = caught
        assert warning.filename == __file__
        assert "model/_.gitattributes, " in str(warning.message)
        with pytest.warns(TrackingWarning, match=r"/_\.gitignore"):
            mlflow.log_artifact(".gitignore", "alone")
    shutil.rmtree(isolated / "model")
    make_repository(isolated)
    git("clone", "-q", str(isolated), str(tmp_path / "clone"))
    kept = store.find(run.info.run_id).artifacts
    cloned = tmp_path / "clone" / kept.relative_to(isolated)
    assert listed(cloned) == listed(kept)
    assert listed(cloned) == [
        "alone/_.gitignore",
        "model/_.gitattributes",
        "model/deep/_.gitignore",
        "model/deep/__.gitignore",
        "model/deep/model.bin",
    ]
    assert (cloned / "model" / "deep" / "_.gitignore").read_text() == "mine"
    assert (cloned / "model" / "deep" / "model.bin").read_bytes() == b"a\r\nb\n"


def test_a_link_in_the_place_of_all_artifacts_is_not_followed(isolated):
    outside = isolated / "outside"
    outside.mkdir()
    (outside / "key.txt").write_text("private")
    with mlflow.start_run() as run:
        mlflow.log_text("x", "a.txt")
    artifacts = mlflow.get_run(run.info.run_id).info.artifact_uri.removeprefix("file://")
    shutil.rmtree(artifacts)
    Path(artifacts).symlink_to(outside)
    for path in (None, "", "key.txt", "new/x"):
        with pytest.raises(InvalidValueError, match="is a link"):
            artifactfiles.place(Path(artifacts), path)
    with pytest.raises(InvalidValueError, match="is a link"):
        mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/key.txt")
    with mlflow.start_run(run_id=run.info.run_id), pytest.raises(InvalidValueError):
        mlflow.log_text("planted", "planted.txt")
    assert [path.name for path in outside.iterdir()] == ["key.txt"]
