"""Experiments: made, found, tagged, renamed, deleted and brought back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

import gittrack as mlflow
from gittrack.entities import ViewType
from gittrack.errors import (
    AlreadyExistsError,
    FilterError,
    InvalidValueError,
    NotFoundError,
    RunStateError,
    TrackingWarning,
    UsageError,
)
from gittrack.runs import edits
from gittrack.tracking import MlflowClient
from tests.making import write_run


@pytest.fixture
def client():
    return MlflowClient()


@pytest.mark.usefixtures("client")
def test_an_experiment_is_found_by_its_id_and_by_its_name():
    made = mlflow.create_experiment(
        "Wine Tasting", tags={"team": "a", "mlflow.note.content": "red"}
    )
    assert made.startswith("wine-tasting-")
    found = mlflow.get_experiment(made)
    assert found == mlflow.get_experiment_by_name("Wine Tasting")
    assert (found.name, found.lifecycle_stage) == ("Wine Tasting", "active")
    assert found.tags == {"team": "a", "mlflow.note.content": "red"}
    assert found.creation_time == found.last_update_time
    assert mlflow.get_experiment_by_name(made) is None
    with pytest.raises(NotFoundError):
        mlflow.get_experiment("none")


def test_a_name_is_given_once(client):
    made = client.create_experiment("wine")
    with pytest.raises(AlreadyExistsError, match="already exists") as caught:
        client.create_experiment("wine")
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.delete_experiment(made)
    with pytest.raises(AlreadyExistsError, match="deleted state"):
        client.create_experiment("wine")
    with pytest.raises(AlreadyExistsError):
        client.create_experiment("Default")
    with pytest.raises(InvalidValueError):
        client.create_experiment("")


def test_artifacts_stay_with_their_run(client):
    with pytest.warns(TrackingWarning, match="artifact_location='s3://x' is not used"):
        client.create_experiment("wine", artifact_location="s3://x")


def test_a_renamed_one_keeps_its_id_and_frees_its_name(client, store):
    made = client.create_experiment("wine")
    client.rename_experiment(made, "vino")
    client.rename_experiment(made, "vino")
    assert client.get_experiment(made).name == "vino"
    assert client.get_experiment_by_name("wine") is None
    other = client.create_experiment("wine")
    assert other != made
    with pytest.raises(AlreadyExistsError):
        client.rename_experiment(other, "vino")
    assert [item.name for item in store.experiments()] == ["Default", "vino", "wine"]


@pytest.mark.parametrize(
    "other",
    [
        lambda client: client.rename_experiment("beer", "port"),
        lambda client: client.create_experiment("port"),
    ],
)
def test_a_name_that_is_given_twice_at_once_is_one_experiments(client, store, meanwhile, other):
    client.create_experiment("wine")
    client.create_experiment("beer")
    with ThreadPoolExecutor(1) as pool:
        meanwhile(edits, "write", lambda: wait([pool.submit(other, client)], timeout=0.2))
        client.rename_experiment("wine", "port")
    assert [item.name for item in store.experiments()].count("port") == 1


def test_tags_are_set_and_removed(client):
    made = mlflow.set_experiment("wine").experiment_id
    mlflow.set_experiment_tag("a", 1)
    mlflow.set_experiment_tags({"b": "2", "c": 3})
    mlflow.delete_experiment_tag("b")
    assert client.get_experiment(made).tags == {"a": "1", "c": "3"}
    with pytest.raises(NotFoundError, match="No tag with name: b in experiment with id wine"):
        mlflow.delete_experiment_tag("b")
    with pytest.raises(InvalidValueError):
        client.set_experiment_tag(made, "../a", 1)


def test_a_deleted_one_takes_no_changes_until_it_is_restored(client):
    made = client.create_experiment("wine")
    mlflow.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.search_experiments(ViewType.DELETED_ONLY)[0].name == "wine"
    for change in (
        lambda: client.set_experiment_tag(made, "a", 1),
        lambda: client.rename_experiment(made, "vino"),
        lambda: mlflow.set_experiment("wine"),
    ):
        with pytest.raises(RunStateError):
            change()
    mlflow.restore_experiment(made)
    mlflow.set_experiment("wine")


def test_the_default_one_stays(client):
    with pytest.raises(UsageError, match="Cannot delete the default experiment"):
        client.delete_experiment("0")
    assert [item.name for item in client.search_experiments()] == ["Default"]


START = 10**12


class TestSearch:
    @pytest.fixture(autouse=True)
    def three(self, store, client):
        for number, (name, team) in enumerate([("wine", "a"), ("beer", "b"), ("Wine 2", "a")]):
            made = write_run(
                store, f"k{number}", experiment=name, start_time=START + number * 10**11
            )
            client.set_experiment_tag(made.experiment_id, "team", team)

    def found(self, client, *args, **options):
        return [item.name for item in client.search_experiments(*args, **options)]

    def test_the_newest_comes_first(self, client):
        assert self.found(client) == ["Wine 2", "beer", "wine", "Default"]

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("name = 'wine'", ["wine"]),
            ("name ILIKE 'wine%'", ["Wine 2", "wine"]),
            ("attributes.name != 'wine' and tags.team = 'a'", ["Wine 2"]),
            ("tags.`team` = 'b' or experiment_id = 'wine'", ["beer", "wine"]),
            ("creation_time < 1050000000000 and creation_time > 0", ["wine"]),
            ("last_update_time > 1500000000000 and name LIKE 'w%'", ["wine"]),
        ],
    )
    def test_filters(self, client, text, names):
        assert self.found(client, filter_string=text) == names

    def test_order_and_pages(self, client):
        assert self.found(client, order_by=["name DESC"]) == ["wine", "beer", "Wine 2", "Default"]
        first = client.search_experiments(max_results=3, order_by=["name"])
        rest = client.search_experiments(max_results=3, order_by=["name"], page_token=first.token)
        assert (len(first), [item.name for item in rest], rest.token) == (3, ["wine"], None)
        assert len(mlflow.search_experiments(max_results=2)) == 2
        assert len(mlflow.search_experiments()) == 4

    @pytest.mark.parametrize("text", ["metrics.x > 1", "status = 'x'", "nam = 'x'"])
    def test_what_experiments_have_not_is_refused(self, client, text):
        with pytest.raises(FilterError, match="experiments have no"):
            client.search_experiments(filter_string=text)
