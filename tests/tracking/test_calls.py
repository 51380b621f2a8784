"""The calls for the active run and the current store that have no test of their own elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import gittrack as mlflow
from gittrack.errors import InvalidValueError, NotFoundError, RunStateError, TrackingWarning
from tests.making import write_run


def test_the_last_active_run_is_the_active_one_else_the_one_before():
    assert mlflow.last_active_run() is None
    with mlflow.start_run(run_name="outer"):
        with mlflow.start_run(run_name="inner", nested=True):
            assert mlflow.last_active_run().info.run_name == "inner"
        assert mlflow.last_active_run().info.run_name == "outer"
    assert mlflow.last_active_run().info.status == "FINISHED"


def test_the_parent_of_a_run(store):
    with mlflow.start_run() as outer, mlflow.start_run(nested=True) as inner:
        pass
    assert mlflow.get_parent_run(inner.info.run_id).info.run_id == outer.info.run_id
    assert mlflow.get_parent_run(outer.info.run_id) is None
    orphan = write_run(store, "k3v9x2mq7d", parent="a9q0t3m4xz").run_id
    with pytest.raises(NotFoundError, match="a9q0t3m4xz"):
        mlflow.get_parent_run(orphan)


def test_a_run_is_deleted_and_restored(store):
    run_id = write_run(store, "k3v9x2mq7d", experiment="Default").run_id
    mlflow.delete_run(run_id)
    assert mlflow.search_runs(output_format="list") == []
    with pytest.raises(RunStateError):
        mlflow.start_run(run_id=run_id)
    mlflow.restore_run(run_id)
    assert len(mlflow.search_runs(output_format="list")) == 1


def test_a_tag_of_the_active_run_is_removed(store):
    with mlflow.start_run() as run:
        mlflow.set_tags({"a": 1, "b": 2})
        mlflow.delete_tag("a")
        with pytest.raises(NotFoundError):
            mlflow.delete_tag("a")
    assert store.find(run.info.run_id).record.tags == {"b": "2"}


def test_where_the_artifacts_of_the_active_run_are():
    uri = mlflow.get_artifact_uri("plots/a b.png")
    run = mlflow.active_run()
    assert uri == f"{run.info.artifact_uri}/plots/a%20b.png"
    assert mlflow.get_artifact_uri() == run.info.artifact_uri
    with pytest.raises(InvalidValueError):
        mlflow.get_artifact_uri("../x")


def test_calls_go_to_the_store_of_the_active_run(isolated):
    with mlflow.start_run() as run:
        mlflow.set_tracking_uri(isolated / "other")
        mlflow.log_text("x", "a.txt")
        assert mlflow.last_active_run().info.run_id == run.info.run_id
    assert Path(run.writer.artifacts, "a.txt").read_text() == "x"
    assert not (isolated / "other").exists()


def test_nothing_waits_to_be_written():
    assert mlflow.flush_async_logging() is None


def test_calls_that_need_not_wait_give_what_can_be_waited_for(store):
    client = mlflow.MlflowClient()
    with mlflow.start_run() as run:
        given = [
            mlflow.log_metric("a", 1, synchronous=False),
            mlflow.log_metrics({"b": 1}, synchronous=False),
            mlflow.log_param("c", 1, synchronous=False),
            mlflow.log_params({"d": 1}, synchronous=False),
            mlflow.set_tag("e", 1, synchronous=False),
            mlflow.set_tags({"f": 1}, synchronous=False),
            client.log_metric(run.info.run_id, "g", 1, synchronous=False),
            client.log_param(run.info.run_id, "h", 1, synchronous=False),
            client.set_tag(run.info.run_id, "i", 1, synchronous=False),
            client.log_batch(run.info.run_id, synchronous=False),
        ]
        assert [each.wait() for each in given] == [None] * 10
        assert mlflow.log_param("j", 1) == 1
        assert mlflow.log_metric("a", 2) is None
    record = store.find("@").record
    assert (sorted(record.metrics), sorted(record.params)) == (list("abg"), list("cdhj"))
    mlflow.config.enable_async_logging()
    mlflow.flush_async_logging()
    mlflow.flush_artifact_async_logging()


def test_the_registry_is_the_store(store):
    assert mlflow.get_registry_uri() == mlflow.get_tracking_uri() == store.root.as_uri()
    mlflow.set_registry_uri(store.root.as_uri())
    with pytest.warns(TrackingWarning, match="registered in the store"):
        mlflow.set_registry_uri("elsewhere")
    with pytest.raises(mlflow.MlflowException, match="no server"):
        mlflow.tracking.set_registry_uri("https://example.org")
