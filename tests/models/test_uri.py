"""Model URIs: which folder each names, and what each wrong one is told."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gittrack.errors import (
    AmbiguousError,
    GittrackError,
    ModelError,
    NotFoundError,
    ToolError,
    UsageError,
)
from gittrack.models import digest
from gittrack.models.uri import resolve, runs_uri
from gittrack.registry import Registry
from gittrack.runs.writer import RunWriter

if TYPE_CHECKING:
    from pathlib import Path


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {a: {}}\n")
    return folder


def make_run(store, **options):
    writer = RunWriter.create(store, store.experiment("Default"), **options)
    make_model(writer.artifacts / "deep" / "model")
    writer.log_metrics({"loss": 1.0})
    writer.end()
    return writer


def test_plain_paths_and_file_uris(tmp_path):
    model = make_model(tmp_path / "my model")
    for uri in (model, str(model), model.as_uri(), f"{model}/MLmodel"):
        assert resolve(uri) == model


def test_a_path_seen_from_the_working_folder(isolated):
    model = make_model(isolated / "model")
    assert resolve("model").resolve() == model.resolve()


def test_a_path_with_a_colon_in_it(isolated):
    make_model(isolated / "wine:3")
    assert resolve("wine:3").resolve() == (isolated / "wine:3").resolve()


@pytest.mark.parametrize("reference", ["{id}", "{id:.6}", "brave-otter", "@", "best:loss:min"])
def test_a_run_by_any_of_its_names(store, reference):
    run = make_run(store, name="brave-otter")
    uri = f"runs:/{reference.format(id=run.run_id)}/deep/model"
    assert resolve(uri, store=store) == run.artifacts / "deep" / "model"
    assert resolve(uri) == run.artifacts / "deep" / "model"


def test_the_uri_of_a_model_names_it_again(store):
    run = make_run(store)
    assert resolve(runs_uri(run.run_id, "deep/model")) == run.artifacts / "deep" / "model"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "no name of a model"),
        ("a\0b", "no name of a model"),
        ("s3://bucket/model", "does not read s3: yet"),
        ("dbfs:/model", "does not read dbfs: yet"),
        ("runs:/", "names no run and path"),
        ("runs:/abc", "names no run and path"),
        ("runs:/abc/", "names no run and path"),
        ("runs:/@/../secrets", "leads out of the run's artifacts"),
        ("runs:/@/..\\secrets", "leads out of the run's artifacts"),
    ],
)
def test_a_uri_that_makes_no_sense(uri, says):
    with pytest.raises(UsageError, match=says) as caught:
        resolve(uri)
    assert caught.value.hint


def test_a_run_or_model_that_is_not_there(store):
    with pytest.raises(NotFoundError, match="no run 'zzz'"):
        resolve("runs:/zzz/model", store=store)
    run = make_run(store, name="otter")
    with pytest.raises(NotFoundError, match="no artifact 'modle'") as caught:
        resolve(f"runs:/{run.run_id}/modle", store=store)
    assert caught.value.hint == "its models: deep/model"
    make_run(store, name="otter")
    with pytest.raises(AmbiguousError):
        resolve("runs:/otter/deep/model", store=store)


def test_a_folder_that_is_no_model(store):
    run = make_run(store)
    with pytest.raises(ModelError, match="has no MLmodel") as caught:
        resolve(f"runs:/{run.run_id}/deep", store=store)
    assert "model" in caught.value.hint
    with pytest.raises(NotFoundError, match="no such folder"):
        resolve("missing")


def test_a_link_out_of_the_run_is_refused(store, tmp_path):
    run = make_run(store)
    (run.artifacts / "link").symlink_to(make_model(tmp_path / "elsewhere"))
    with pytest.raises(ModelError, match="a link that leads out"):
        resolve(f"runs:/{run.run_id}/link", store=store)


def test_of_many_models_below_three_are_named(tmp_path):
    for name in "abcde":
        (tmp_path / name).mkdir()
        (tmp_path / name / "MLmodel").write_text("")
    with pytest.raises(ModelError) as caught:
        resolve(tmp_path)
    assert caught.value.hint == "its models: a, b, c and 2 more"


# -- another revision


def git(*args):
    subprocess.run(["git", *args], check=True, capture_output=True)


@pytest.fixture
def committed(store):
    """A model that is committed and tagged `v1`, registered as wine/1, and gone from the tree."""
    git("init", "-q")
    run = make_run(store, name="brave-otter")
    folder = run.artifacts / "deep" / "model"
    Registry(store).register(
        "wine", run_id=run.run_id, path="deep/model", digest=digest.of_folder(folder)
    )
    Registry(store).set_alias("wine", "best", 1)
    git("add", "-A")
    git("commit", "-q", "-m", "a model")
    git("tag", "v1")
    shutil.rmtree(store.root)
    return run


@pytest.mark.parametrize(
    "uri",
    [
        "v1:runs:/{id}/deep/model",
        "v1:runs:/brave-otter/deep/model",
        "HEAD:runs:/@/deep/model",
        "HEAD:models:/wine/1",
        "main:models:/wine@best",
        "v1:models:/wine/latest",
    ],
)
def test_a_model_of_another_revision(committed, store, uri):
    found = resolve(uri.format(id=committed.run_id), store=store)
    assert (found / "MLmodel").read_text() == "flavors: {a: {}}\n"
    assert not store.root.exists()
    assert resolve(uri.format(id=committed.run_id)) == found  # read once


def test_a_revision_that_has_not_what_is_named(committed, store):
    with pytest.raises(NotFoundError, match="'v2' is no branch, tag or commit"):
        resolve("v2:models:/wine/1", store=store)
    with pytest.raises(NotFoundError, match="no registered model 'beer' in v1:mlruns\n"):
        resolve("v1:models:/beer/1", store=store)
    with pytest.raises(NotFoundError, match="no artifact 'none'"):
        resolve(f"v1:runs:/{committed.run_id}/none", store=store)


@pytest.mark.parametrize("uri", ["v1:models/wine", "HEAD:models/wine/MLmodel", "main:./wine"])
def test_a_model_of_another_revision_anywhere_in_the_repository(isolated, monkeypatch, uri):
    make_model(isolated / "models" / "wine")
    (isolated / "models" / "link").symlink_to("/etc")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "a model")
    git("tag", "v1")
    shutil.rmtree(isolated / "models" / "wine")
    monkeypatch.chdir(isolated / "models")
    found = resolve(uri)
    assert [path.name for path in found.iterdir()] == ["MLmodel"]
    assert not (isolated / "models" / "wine").exists()
    for missing in ("v1:models/beer", "v2:models/wine"):
        with pytest.raises(NotFoundError):
            resolve(missing)
    for outside in ("v1:models/link", "v1:../../etc", "v1:.git"):
        with pytest.raises(GittrackError):
            resolve(outside)


def test_without_git_there_is_no_revision(store):
    make_run(store)
    with pytest.raises(ToolError, match="is in no Git repository"):
        resolve("v1:models:/wine/1", store=store)
