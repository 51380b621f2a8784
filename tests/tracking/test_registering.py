"""Registered models with MLflow's names, and what they leave on the disk."""

from __future__ import annotations

import pytest

import gittrack
from gittrack import MlflowClient
from gittrack.errors import (
    AlreadyExistsError,
    InvalidValueError,
    ModelError,
    NotFoundError,
    RunStateError,
    UsageError,
)
from gittrack.models.uri import resolve


@pytest.fixture
def client():
    return MlflowClient()


@pytest.fixture
def run():
    """A run with a folder that is a model, as far as its MLmodel goes."""
    with gittrack.start_run() as run:
        gittrack.log_text("flavors: {a: {}}\n", "model/MLmodel")
        gittrack.log_text("weights", "model/weights")
    return run.info.run_id


def test_a_model_is_registered_from_its_run(client, run):
    made = gittrack.register_model(f"runs:/{run}/model", "wine", tags={"team": "a"})
    assert (made.name, made.version, made.run_id) == ("wine", "1", run)
    assert (made.source, made.tags, made.user_id) == (f"runs:/{run}/model", {"team": "a"}, "Ana")
    assert client.get_model_version("wine", "1") == made
    assert client.create_model_version("wine", "model", run_id=run).version == "2"
    assert client.copy_model_version("models:/wine/1", "port").source == made.source
    stored = client._registry.version("wine", 1)
    assert stored.digest.startswith("sha256:")
    assert gittrack.register_model(str(resolve("models:/wine/1")), "wine").version == "3"


def test_what_is_in_no_run_cannot_be_registered(client, run, tmp_path):
    (tmp_path / "MLmodel").write_text("flavors: {a: {}}\n")
    with pytest.raises(UsageError, match="not among the artifacts of a run"):
        gittrack.register_model(tmp_path, "wine")
    with pytest.raises(NotFoundError):
        gittrack.register_model(f"runs:/{run}/other", "wine")
    assert client.search_registered_models() == []


def test_a_version_is_found_by_every_kind_of_uri(client, run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    client.set_registered_model_alias("wine", "best", 1)
    for uri in ("models:/wine/1", "models:/wine/latest", "models:/wine@best", "models:/wine/best"):
        assert resolve(uri).name == "model"
    assert client.get_model_version_download_uri("wine", 1).endswith(f"{run}/artifacts/model")


@pytest.mark.parametrize(
    "uri",
    ["models:/", "models:/wine", "models:/wine/", "models:/a/1/2", "models:/wine@", "models:/@x"],
)
@pytest.mark.usefixtures("run")
def test_a_uri_that_names_no_version(uri):
    with pytest.raises(UsageError, match="Not a proper models:/ URI"):
        resolve(uri)


def test_files_that_changed_after_the_registration_are_noticed(run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    (resolve("models:/wine/1") / "weights").write_text("others")
    with pytest.raises(ModelError, match=r"version 1 of wine: .*digest does not fit") as caught:
        resolve("models:/wine/1")
    assert "git status" in caught.value.hint


def test_a_file_that_git_lfs_did_not_fetch_is_noticed(run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n"
    (resolve("models:/wine/1") / "weights").write_text(pointer)
    with pytest.raises(ModelError) as caught:
        resolve("models:/wine/1")
    assert caught.value.hint.startswith("git lfs pull")


def test_what_git_leaves_out_is_not_part_of_the_digest(run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    cache = resolve("models:/wine/1") / "__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_text("")
    assert resolve("models:/wine/1")


def test_a_version_whose_path_leads_out_of_its_run(client, run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    path = client._registry.root / "wine" / "versions" / "1.json"
    good = path.read_text()
    for bad in ("../..", "/etc", "model/../../.."):
        path.write_text(good.replace('"path": "model"', f'"path": "{bad}"'))
        with pytest.raises(ModelError, match="leads out of its run"):
            resolve("models:/wine/1")
    path.write_text(good.replace(run, "another"))
    with pytest.raises(NotFoundError, match="is of the run another, which is not in"):
        resolve("models:/wine/1")


def test_registered_models_as_a_whole(client):
    made = client.create_registered_model("wine", {"a": "b"}, "of grapes")
    assert (made.name, made.description, made.tags) == ("wine", "of grapes", {"a": "b"})
    with pytest.raises(AlreadyExistsError, match=r"\(name=wine\) already exists"):
        client.create_registered_model("wine")
    client.set_registered_model_tag("wine", "c", 1)
    client.delete_registered_model_tag("wine", "a")
    assert client.update_registered_model("wine", "of old grapes").tags == {"c": "1"}
    assert client.rename_registered_model("wine", "port").description == "of old grapes"
    client.delete_registered_model("port")
    with pytest.raises(NotFoundError):
        client.get_registered_model("port")


def test_aliases(client, run):
    for _ in range(2):
        gittrack.register_model(f"runs:/{run}/model", "wine")
    client.set_registered_model_alias("wine", "champion", "1")
    client.set_registered_model_alias("wine", "champion", "2")
    assert client.get_model_version_by_alias("wine", "champion").version == "2"
    assert client.get_registered_model("wine").aliases == {"champion": "2"}
    client.delete_registered_model_alias("wine", "champion")
    with pytest.raises(NotFoundError, match="alias champion not found"):
        client.get_model_version_by_alias("wine", "champion")
    with pytest.raises(NotFoundError, match="no alias 'champion'"):
        client.delete_registered_model_alias("wine", "champion")


def test_versions_are_described_tagged_and_removed(client, run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    client.update_model_version("wine", 1, "the first")
    client.set_model_version_tag("wine", "1", "a", "b")
    client.set_model_version_tag("wine", "1", "c", "d")
    client.delete_model_version_tag("wine", "1", "a")
    found = client.get_model_version("wine", 1)
    assert (found.description, found.tags) == ("the first", {"c": "d"})
    assert found.last_updated_timestamp >= found.creation_timestamp
    client.delete_model_version("wine", "1")
    with pytest.raises(NotFoundError, match="was removed"):
        client.get_model_version("wine", 1)


def test_searching(client, run):
    for name in ("wine", "wine", "beer"):
        gittrack.register_model(f"runs:/{run}/model", name)
    client.set_model_version_tag("wine", 1, "team", "a")

    def versions(text, **more):
        found = gittrack.search_model_versions(filter_string=text, **more)
        return [f"{one.name} {one.version}" for one in found]

    assert versions(None) == ["beer 1", "wine 2", "wine 1"]
    assert versions("name = 'wine'") == ["wine 2", "wine 1"]
    assert versions("name = 'wine' and version_number > 1") == ["wine 2"]
    assert versions("tags.team = 'a'") == ["wine 1"]
    assert versions(f"run_id = '{run}'", max_results=1) == ["beer 1"]
    assert (
        versions(f"source_path = 'runs:/{run}/model'", order_by=["version_number ASC"])[2]
        == "wine 2"
    )
    names = [
        model.name for model in gittrack.search_registered_models(filter_string="name LIKE 'w%'")
    ]
    assert names == ["wine"]
    first = client.search_model_versions(max_results=2)
    assert [one.name for one in client.search_model_versions(page_token=first.token)] == ["wine"]


def test_the_stages_of_older_mlflow_are_aliases(client, run):
    for _ in range(2):
        gittrack.register_model(f"runs:/{run}/model", "wine")
    client.transition_model_version_stage("wine", 1, "Production")
    assert client.get_model_version("wine", 1).current_stage == "Production"
    assert resolve("models:/wine/Production")
    client.transition_model_version_stage("wine", 2, "production", archive_existing_versions=True)
    stages = [one.current_stage for one in client.get_latest_versions("wine")]
    assert stages == ["Production", "Archived"]
    assert [one.version for one in client.get_latest_versions("wine", ["Archived"])] == ["1"]
    client.transition_model_version_stage("wine", 2, "None")
    assert client.get_model_version("wine", 2).current_stage == "None"
    with pytest.raises(InvalidValueError, match="Invalid Model Version stage: Best"):
        client.transition_model_version_stage("wine", 2, "Best")


def test_a_run_in_use_is_not_deleted(client, run):
    gittrack.register_model(f"runs:/{run}/model", "wine")
    with pytest.raises(RunStateError, match="is version 1 of the registered model wine"):
        client.delete_run(run)
    assert client.get_run(run).info.lifecycle_stage == "active"
    client.delete_model_version("wine", 1)
    client.delete_run(run)
