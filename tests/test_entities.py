"""Runs and experiments in MLflow's shape."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from gittrack import entities
from gittrack.errors import InvalidValueError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.lines import Point
from gittrack.runs.reading import read_run
from tests.making import START, write_run

SOURCE = MappingProxyType(
    {
        "type": "PROJECT",
        "command": "python train.py --alpha 0.5",
        "project": {
            "uri": "examples/wine",
            "entry_point": "main",
            "backend": "local",
            "environment": "local",
        },
        "git": {"commit": "5" * 40, "branch": "main", "remote": "https://example.org/wine.git"},
    }
)


@pytest.fixture
def stored(store):
    """A run with everything that MLflow has a name for."""
    return write_run(
        store,
        "k3v9x2mq7d",
        name="brave-otter",
        params={"alpha": 0.5, "deep": True, "seed": 3, "none": None},
        metrics={"rmse": 0.78},
        tags={"team": "a"},
        parent="a9q0t3m4xz",
        source=SOURCE,
        user="Ana",
        inputs=({"name": "wine.csv", "digest": "sha256:1"},),
    )


def test_info_has_mlflows_attributes(stored):
    info = entities.run_of(stored).info
    assert (info.run_id, info.run_uuid, info.run_name) == (
        "k3v9x2mq7d",
        "k3v9x2mq7d",
        "brave-otter",
    )
    assert (info.experiment_id, info.user_id, info.status) == ("wine", "Ana", "FINISHED")
    assert (info.start_time, info.end_time) == (START, START + 61_333)
    assert info.lifecycle_stage == "active"
    assert info.artifact_uri == stored.artifacts.as_uri()


def test_params_are_the_text_of_what_was_logged(stored):
    params = entities.run_of(stored).data.params
    assert params == {"alpha": "0.5", "deep": "True", "seed": "3", "none": "None"}


def test_metrics_are_their_last_values(stored):
    assert entities.run_of(stored).data.metrics == {"rmse": 0.78}


def test_what_mlflow_keeps_in_tags_stands_there(stored):
    assert entities.run_of(stored).data.tags == {
        "mlflow.runName": "brave-otter",
        "mlflow.user": "Ana",
        "mlflow.parentRunId": "a9q0t3m4xz",
        "mlflow.source.name": "examples/wine",
        "mlflow.source.type": "PROJECT",
        "mlflow.source.git.commit": "5" * 40,
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.repoURL": "https://example.org/wine.git",
        "mlflow.project.entryPoint": "main",
        "mlflow.project.backend": "local",
        "mlflow.project.env": "local",
        "team": "a",
    }


def test_inputs_are_the_datasets(stored):
    assert entities.run_of(stored).inputs.dataset_inputs[0].dataset.name == "wine.csv"


def test_edits_are_seen(stored):
    edits.write(stored.folder, Edit(name="the one", note="good", deleted=True))
    run = entities.run_of(read_run(stored.folder))
    assert run.info.run_name == "the one"
    assert run.info.lifecycle_stage == "deleted"
    assert run.data.tags["mlflow.note.content"] == "good"


def test_a_script_is_named_by_its_command(store):
    stored = write_run(store, "plain", source={"type": "LOCAL", "command": "python -u train.py x"})
    assert entities.run_of(stored).data.tags["mlflow.source.name"] == "train.py"


@pytest.mark.parametrize("source", [{}, {"git": 3, "project": []}, {"command": ""}])
def test_a_source_of_another_shape_does_no_harm(store, source):
    assert entities.run_of(write_run(store, "odd", source=source)).data.tags


def test_a_run_becomes_plain_dictionaries(stored):
    plain = entities.run_of(stored).to_dictionary()
    assert plain["info"]["run_id"] == "k3v9x2mq7d"
    assert plain["data"]["metrics"] == {"rmse": 0.78}


def test_an_experiment_has_its_folder_as_id(store):
    edits.write(store.root / store.create_experiment("Wine!").experiment_id, Edit(tags={"a": "b"}))
    found = entities.experiment_of(store.experiment("Wine!"), store)
    assert found.name == "Wine!"
    assert found.artifact_location == (store.root / found.experiment_id).as_uri()
    assert found.tags == {"a": "b"}


def test_a_point_becomes_a_metric():
    assert entities.metric_of("loss", Point(3, 1000, 0.5)) == entities.Metric("loss", 0.5, 1000, 3)


@pytest.mark.parametrize(
    ("status", "ended"), [("RUNNING", False), ("SCHEDULED", False), ("FAILED", True)]
)
def test_some_states_are_ends(status, ended):
    assert entities.RunStatus.is_terminated(status) is ended


def test_entities_are_pairs_and_plain_dictionaries(stored):
    run = entities.run_of(stored)
    assert dict(run.info)["run_id"] == "k3v9x2mq7d"
    assert dict(run.data)["params"] == run.data.params
    assert run.to_dictionary()["info"] == run.info.to_dictionary() == dict(run.info)
    assert run.to_dictionary()["data"]["metrics"] == {"rmse": 0.78}
    assert dict(entities.Metric("a", 1.0, 2)) == {
        "key": "a",
        "value": 1.0,
        "timestamp": 2,
        "step": 0,
    }


def test_words_are_turned_into_text_and_back():
    status, view = entities.RunStatus, entities.ViewType
    assert status.to_string(status.from_string("FAILED")) == "FAILED"
    assert status.is_terminated(status.from_string("KILLED"))
    assert set(status.all_status()) == {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}
    assert view.to_string(view.from_string("deleted_only")) == "deleted_only"
    for wrong in (lambda: status.from_string("DONE"), lambda: view.to_string(7)):
        with pytest.raises(InvalidValueError, match="is no"):
            wrong()
