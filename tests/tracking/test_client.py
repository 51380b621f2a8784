"""`MlflowClient`: runs that are not active, from their making to their deletion and back."""

from __future__ import annotations

import json

import pytest

import gittrack as mlflow
from gittrack import schema
from gittrack.entities import Metric, Param, RunTag, ViewType
from gittrack.errors import FilterError, InvalidValueError, NotFoundError, RunStateError
from gittrack.tracking import MlflowClient, holding
from tests.conftest import python
from tests.making import write_run


@pytest.fixture
def client():
    return MlflowClient()


@pytest.fixture
def run_id(client):
    return client.create_run("0").info.run_id


@pytest.fixture
def ended(store):
    """The id of a run that ended before this process began."""
    return write_run(store, "k3v9x2mq7d", params={"alpha": 0.5}, tags={"team": "a"}).run_id


def names(store, run_id):
    return sorted(path.name for path in store.find(run_id).folder.iterdir())


# -- the course of a run


def test_a_run_is_running_until_it_is_terminated(client, store, run_id):
    assert client.get_run(run_id).info.status == "RUNNING"
    assert store.find(run_id).state() == "running"
    client.set_terminated(run_id)
    assert client.get_run(run_id).info.status == "FINISHED"
    written = json.loads((store.find(run_id).folder / "run.json").read_text())
    assert schema.check("run", written) == []


def test_what_it_is_made_with(client, store):
    experiment = client.create_experiment("wine")
    run = client.create_run(
        experiment,
        start_time=1_795_411_510_252,
        tags={"mlflow.parentRunId": "k3v9x2mq7d", "team": 5},
        run_name="by hand",
    )
    assert (run.info.run_name, run.info.start_time) == ("by hand", 1_795_411_510_252)
    assert run.info.experiment_id == experiment
    record = store.find(run.info.run_id).record
    assert (record.parent, record.tags) == ("k3v9x2mq7d", {"team": "5"})
    assert client.create_run("0", tags={"mlflow.runName": "a tag"}).info.run_name == "a tag"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_it_ends_as_told(client, run_id, status):
    client.set_terminated(run_id, status, end_time=4_000_000_000_000)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == (status, 4_000_000_000_000)
    client.set_terminated(run_id, status)  # once more says nothing new
    assert client.get_run(run_id).info.end_time == 4_000_000_000_000


def test_an_unknown_end_is_refused(client, run_id):
    with pytest.raises(RunStateError, match="'DONE'"):
        client.set_terminated(run_id, "DONE")
    client.set_terminated(run_id)
    with pytest.raises(RunStateError, match="'DONE'"):
        client.set_terminated(run_id, "DONE")
    assert client.get_run(run_id).info.status == "FINISHED"
    with pytest.raises(InvalidValueError, match="'SCHEDULED'"):
        client.update_run(run_id, status="SCHEDULED")


def test_the_active_run_is_ended_by_its_id(client):
    with mlflow.start_run() as run:
        client.set_terminated(run.info.run_id, "FAILED")
        assert mlflow.active_run() is None
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_an_ended_run_is_opened_again(client, ended):
    client.update_run(ended, status="RUNNING")
    assert client.get_run(ended).info.status == "RUNNING"
    client.update_run(ended, status="FAILED")
    assert client.get_run(ended).info.status == "FAILED"
    client.log_metric(ended, "x", 1)
    client.set_terminated(ended, "FINISHED")
    assert client.get_run(ended).data.metrics == {"x": 1.0}


def test_a_run_that_its_process_left_is_interrupted_and_can_be_ended_by_another(store):
    run_id = python(
        "from gittrack import MlflowClient; client = MlflowClient()\n"
        "run_id = client.create_run('0').info.run_id\n"
        "client.log_metric(run_id, 'x', 1); print(run_id)"
    ).stdout.strip()
    left = store.find(run_id)
    assert (left.state(), left.record.metrics["x"].last) == ("interrupted", 1)
    assert left.record.user  # where it came from was found out before the process ended
    assert "requirements.txt" in names(store, run_id)
    client = MlflowClient()
    client.log_metric(run_id, "x", 2, step=1)
    client.set_terminated(run_id)
    assert store.find(run_id).state() == "finished"
    assert store.find(run_id).record.metrics["x"].count == 2


# -- logging


def test_metrics_of_one_step_and_time_are_one_line(client, store, run_id):
    metrics = [Metric("a", 1, 10, 1), Metric("b", 2, 10, 1), Metric("a", 3, 20, 2)]
    client.log_batch(run_id, metrics, [Param("p", 1)], [RunTag("t", "v")])
    lines = (store.find(run_id).folder / "metrics.jsonl").read_text().splitlines()
    assert [line for line in lines if "metrics" in line] == [
        '{"step":1,"time":10,"metrics":{"a":1.0,"b":2.0}}',
        '{"step":2,"time":20,"metrics":{"a":3.0}}',
    ]
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({"a": 3.0, "b": 2.0}, {"p": "1"})
    assert data.tags["t"] == "v"


def test_nothing_of_a_batch_is_written_where_something_in_it_is_wrong(client, run_id):
    good = [Metric("a", 1, 10, 1)]
    for wrong in (
        {"params": [Param("p", 1), Param("p", 2)]},
        {"params": [Param("../p", 1)]},
        {"tags": [RunTag("a//b", "x")]},
        {"metrics": [*good, Metric("b", "no number", 10, 1)]},
    ):
        with pytest.raises(InvalidValueError):
            client.log_batch(run_id, **{"metrics": good, **wrong})
    assert client.get_run(run_id).data.metrics == {}


def test_a_param_is_set_once(client, run_id, ended):
    client.log_param(run_id, "alpha", 0.5)
    client.log_param(run_id, "alpha", "0.50")
    for one in (run_id, ended):
        with pytest.raises(InvalidValueError, match="Changing param values is not allowed"):
            client.log_param(one, "alpha", 0.6)


def test_long_values_are_kept_whole_or_refused(client, run_id):
    text = "x" * 100_000
    client.log_param(run_id, "long", text)
    client.set_tag(run_id, "long", text)
    data = client.get_run(run_id).data
    assert data.params["long"] == data.tags["long"] == text
    with pytest.raises(
        InvalidValueError, match=r"100,001 characters[^$]*log_text\(value, 'p.txt'\)"
    ):
        client.log_param(run_id, "p", text + "x")
    with pytest.raises(InvalidValueError, match="tag 't'"):
        client.set_tag(run_id, "t", text + "x")


def test_the_history_of_a_metric_is_sorted_by_step(client, run_id):
    for step in (2, 0, 1):
        client.log_metric(run_id, "loss", step / 2, timestamp=5, step=step)
    assert client.get_metric_history(run_id, "loss") == [
        Metric("loss", 0.0, 5, 0),
        Metric("loss", 0.5, 5, 1),
        Metric("loss", 1.0, 5, 2),
    ]
    assert client.get_metric_history(run_id, "none") == []


# -- runs that nobody holds open


def test_logging_to_an_ended_run_adds_one_line_file_for_all_calls(client, store, ended):
    before = (store.find(ended).folder / "run.json").read_bytes()
    for step in range(10):
        client.log_metric(ended, "later", step, step=step)
        mlflow.log_metric("later", step, step=step, run_id=ended)
    client.log_param(ended, "beta", 1)
    assert names(store, ended) == ["metrics.jsonl", "run.json"]
    assert (store.find(ended).folder / "run.json").read_bytes() == before
    assert store.find(ended).record.metrics["later"].count == 20


def test_many_ended_runs_can_be_logged_to_in_one_process(client, store):
    ids = [write_run(store, f"k{number:09}").run_id for number in range(100)]
    for _ in range(2):
        for run_id in ids:
            client.log_metric(run_id, "x", 1)
    assert len(holding.held._writers) == holding.MOST_APPENDED
    assert {store.find(run_id).record.metrics["x"].count for run_id in ids} == {2}


def test_later_tags_names_and_notes_are_edits(client, store, ended):
    client.set_tag(ended, "checked", "yes")
    client.set_tag(ended, "mlflow.note.content", "a note")
    client.update_run(ended, name="the good one")
    client.delete_tag(ended, "team")
    found = store.find(ended)
    assert (found.record.name, found.note, found.record.tags) == (
        "the good one",
        "a note",
        {"checked": "yes"},
    )
    edits = [path for path in found.folder.iterdir() if path.name.startswith("edit-")]
    assert len(edits) == 4
    for path in edits:
        assert schema.check("edit", json.loads(path.read_text())) == []


def test_a_tag_of_an_open_run_is_a_line_of_it(client, store, run_id):
    client.set_tag(run_id, "a", 1)
    client.delete_tag(run_id, "a")
    with mlflow.start_run() as run:
        client.set_tag(run.info.run_id, "b", 1)
    assert not [name for name in names(store, run_id) if name.startswith("edit-")]
    assert store.find(run_id).record.tags == {}
    assert store.find(run.info.run_id).record.tags == {"b": "1"}


def test_a_tag_that_is_not_there_cannot_be_removed(client, ended):
    with pytest.raises(NotFoundError, match="No tag with name: none"):
        client.delete_tag(ended, "none")


# -- deletion


def changes_of(client, run_id):
    return (
        lambda: client.log_metric(run_id, "x", 1),
        lambda: client.log_batch(run_id, params=[Param("p", 1)]),
        lambda: client.set_tag(run_id, "t", 1),
        lambda: client.log_text(run_id, "x", "x.txt"),
        lambda: client.set_terminated(run_id, "FAILED"),
        lambda: client.log_inputs(run_id, []),
        lambda: mlflow.log_metric("x", 1, run_id=run_id),
    )


def test_a_deleted_run_takes_no_changes_until_it_is_restored(client, run_id, ended):
    with mlflow.start_run() as run:
        for one in (run_id, ended, run.info.run_id):
            client.delete_run(one)
            for change in changes_of(client, one):
                with pytest.raises(RunStateError, match="must be in the 'active' state"):
                    change()
        with pytest.raises(RunStateError, match="must be in the 'active' state"):
            mlflow.log_metric("x", 1)
        for one in (run_id, ended, run.info.run_id):
            assert client.get_run(one).info.lifecycle_stage == "deleted"
            client.restore_run(one)
            client.log_metric(one, "x", 1)
        mlflow.log_metric("x", 2)
    assert client.get_run(run_id).info.lifecycle_stage == "active"


def test_the_runs_of_a_deleted_experiment_are_deleted_with_it(client):
    experiment = client.create_experiment("wine")
    run_id = client.create_run(experiment).info.run_id
    client.set_terminated(run_id)
    client.delete_experiment(experiment)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment]) == []
    with pytest.raises(RunStateError, match="The experiment wine must be in the 'active' state"):
        client.log_metric(run_id, "x", 1)
    with pytest.raises(RunStateError, match="The experiment wine"):
        client.create_run(experiment)
    client.restore_experiment(experiment)
    assert [run.info.run_id for run in client.search_runs([experiment])] == [run_id]


def test_a_run_that_is_not_there_is_missed_by_its_id(client):
    for call in (
        lambda: client.get_run("none"),
        lambda: client.log_metric("none", "x", 1),
        lambda: client.set_tag("none", "x", 1),
        lambda: client.delete_run("none"),
        lambda: client.set_terminated("none"),
        lambda: client.create_run("none"),
    ):
        with pytest.raises(NotFoundError, match="'none'"):
            call()


# -- finding


def test_runs_are_found_page_by_page(client, store):
    for number in range(5):
        write_run(store, f"k{number}", experiment="Default", metrics={"x": number})
    seen, token = [], None
    while True:
        found = client.search_runs(["0"], order_by=["metrics.x"], max_results=2, page_token=token)
        seen.append([run.info.run_id for run in found])
        token = found.token
        if token is None:
            break
    assert seen == [["k0", "k1"], ["k2", "k3"], ["k4"]]
    assert type(found.to_list()) is list
    assert len(client.search_runs("0", "metrics.x > 2")) == 2
    assert client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY) == []


def test_what_cannot_be_searched_is_refused(client):
    with pytest.raises(FilterError):
        client.search_runs(["0"], "metrics.x >")
    with pytest.raises(NotFoundError):
        client.search_runs(["none"])
    with pytest.raises(InvalidValueError, match="at most 50000"):
        client.search_runs(["0"], max_results=50_001)
    for token in ("none", "e30=", "eyJvZmZzZXQiOiAtMX0="):
        with pytest.raises(InvalidValueError, match="page token"):
            client.search_runs(["0"], page_token=token)


def test_a_client_has_a_store_of_its_own(isolated):
    client = MlflowClient(isolated / "elsewhere" / "mlruns")
    run_id = client.create_run("0").info.run_id
    client.log_metric(run_id, "x", 1)
    client.set_terminated(run_id)
    assert client.tracking_uri == (isolated / "elsewhere" / "mlruns").as_uri()
    assert not (isolated / "mlruns").exists()
    assert MlflowClient(client.tracking_uri).get_run(run_id).data.metrics == {"x": 1.0}


def test_a_forked_process_logs_to_the_same_run(store):
    run_id = python(
        "import os; from gittrack import MlflowClient; client = MlflowClient()\n"
        "run_id = client.create_run('0').info.run_id\n"
        "if os.fork() == 0:\n"
        "    client.log_metric(run_id, 'x', 1, step=1); raise SystemExit\n"
        "os.wait(); client.log_metric(run_id, 'x', 2, step=2)\n"
        "client.set_terminated(run_id); print(run_id)"
    ).stdout.strip()
    found = store.find(run_id)
    assert (found.record.status, found.record.metrics["x"].count) == ("FINISHED", 2)
