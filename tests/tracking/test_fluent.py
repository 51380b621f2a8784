"""The calls that MLflow's users know, each with what it leaves on disk."""

from __future__ import annotations

import json
import threading
import warnings

import numpy as np
import pytest

import gittrack as mlflow
from gittrack.errors import InvalidValueError, NotFoundError, RunStateError, UsageError
from gittrack.runs.forgiving import TrackingWarning
from gittrack.tracking import fluent
from tests.conftest import python
from tests.making import put


def latest(store):
    return store.find("@").record


def test_the_script_of_the_readme_runs_with_only_its_import_changed(store, isolated):
    put(isolated / "roc.png", "x")
    put(isolated / "model.pkl", "y")
    python(
        "import gittrack as mlflow\n"
        'mlflow.log_param("num_dimensions", 8)\n'
        'mlflow.log_param("regularization", 0.1)\n'
        'mlflow.log_metric("accuracy", 0.1)\n'
        'mlflow.log_metric("accuracy", 0.45)\n'
        'mlflow.log_artifact("roc.png")\n'
        'mlflow.log_artifact("model.pkl")\n'
    )
    record = latest(store)
    assert dict(record.params) == {"num_dimensions": 8, "regularization": 0.1}
    assert (record.metrics["accuracy"].last, record.metrics["accuracy"].count) == (0.45, 2)
    assert record.status == "FINISHED"
    artifacts = store.find("@").artifacts
    assert sorted(path.name for path in artifacts.iterdir()) == ["model.pkl", "roc.png"]


# -- params


def test_a_param_is_returned_and_kept(store):
    with mlflow.start_run():
        assert mlflow.log_param("alpha", 0.5) == 0.5
        mlflow.log_params({"solver": "saga", "layers": [1, 2]})
    assert dict(latest(store).params) == {"alpha": 0.5, "layers": "[1, 2]", "solver": "saga"}


@pytest.mark.parametrize("again", [0.5, "0.5", "0.50", np.float64(0.5)])
def test_a_param_may_be_logged_again_with_the_same_value(store, again):
    with mlflow.start_run():
        mlflow.log_param("alpha", 0.5)
        mlflow.log_param("alpha", again)
    assert dict(latest(store).params) == {"alpha": 0.5}
    assert (store.find("@").folder / "metrics.jsonl").read_bytes().count(b"\n") == 1


def test_another_value_is_refused_and_the_first_kept(store):
    with mlflow.start_run() as run:
        mlflow.log_param("alpha", 0.5)
        with pytest.raises(InvalidValueError) as caught:
            mlflow.log_params({"beta": 1, "alpha": 0.6})
    assert str(caught.value).startswith(
        "Changing param values is not allowed. Param with key='alpha' was already logged with "
        f"value='0.5' for run ID='{run.info.run_id}'. Attempted logging new value '0.6'."
    )
    assert dict(latest(store).params) == {"alpha": 0.5}


def test_a_resumed_run_refuses_another_value_too():
    with mlflow.start_run() as run:
        mlflow.log_param("seed", 12345678901234567890)
    with (
        mlflow.start_run(run_id=run.info.run_id),
        pytest.raises(InvalidValueError, match="Changing param values"),
    ):
        mlflow.log_param("seed", 12345678901234567891)


def test_a_param_that_holds_a_secret_may_be_logged_again(store):
    token = "gh" + "p_" + "a1" * 18
    with mlflow.start_run():
        with pytest.warns(TrackingWarning, match="github token"):
            mlflow.log_param("key", token)
        mlflow.log_param("key", token)
    assert token not in str(latest(store))


def test_a_param_that_is_named_a_secret_is_left_out_and_the_script_gets_it(store):
    with mlflow.start_run():
        with pytest.warns(TrackingWarning, match=r"params\.db_password.*secret"):
            assert mlflow.log_param("db_password", "hunter2") == "hunter2"
        mlflow.log_param("db_password", "hunter2")
        mlflow.log_params({"max_tokens": "4096", "pad_token": "padding"})
    assert latest(store).params == {
        "db_password": "[secret left out]",
        "max_tokens": "4096",
        "pad_token": "padding",
    }
    assert latest(store).left_out == ("params.db_password",)


def test_the_command_of_a_run_is_recorded_without_its_passwords(store, isolated):
    (isolated / "a.py").write_text("import gittrack\nwith gittrack.start_run(): pass\n")
    python(isolated / "a.py", "--password", "hunter2", "--api-key=a1b2c3d4", "--max-tokens=12")
    command = store.find("@").record.source["command"]
    assert command.endswith(
        "a.py --password '[secret left out]' --api-key='[secret left out]' --max-tokens=12"
    )


# -- metrics


def test_metrics_keep_step_and_time(store):
    with mlflow.start_run():
        mlflow.log_metric("loss", 0.5, step=3, timestamp=1000)
        mlflow.log_metrics({"loss": 0.25, "acc": 1}, step=4)
    first = store.find("@").history("loss")[0]
    assert (first.step, first.time) == (3, 1000)
    assert latest(store).metrics["loss"].step == 4
    assert latest(store).metrics["acc"].last == 1.0


@pytest.mark.parametrize(
    ("value", "kept"), [(True, 1.0), ("3.5", 3.5), (np.float32(0.5), 0.5), (np.array(2), 2.0)]
)
def test_whatever_is_a_number_is_a_metric(store, value, kept):
    with mlflow.start_run():
        mlflow.log_metric("x", value)
    assert latest(store).metrics["x"].last == kept


@pytest.mark.parametrize("value", [None, "abc", 1j, [], 10**400])
def test_what_is_no_number_is_no_metric(value):
    with mlflow.start_run(), pytest.raises(InvalidValueError, match="metric 'x'"):
        mlflow.log_metric("x", value)


@pytest.mark.parametrize(("step", "kept"), [(2.9, 2), (-3, -3), ("7", 7), (np.int64(5), 5)])
def test_a_step_is_a_whole_number(store, step, kept):
    with mlflow.start_run():
        mlflow.log_metric("x", 1, step=step)
    assert latest(store).metrics["x"].step == kept


@pytest.mark.parametrize("step", ["x", float("nan"), float("inf"), []])
def test_what_is_no_whole_number_is_no_step(step):
    with mlflow.start_run(), pytest.raises(InvalidValueError, match="invalid step"):
        mlflow.log_metric("x", 1, step=step)


def test_without_a_step_none_is_written(store):
    with mlflow.start_run():
        mlflow.log_metric("x", 1)
    assert "step" not in json.loads((store.find("@").folder / "metrics.jsonl").read_text())


def test_nothing_logged_is_nothing_written(store):
    with mlflow.start_run():
        mlflow.log_metrics({})
        mlflow.log_params({})
        mlflow.set_tags({})
    assert not (store.find("@").folder / "metrics.jsonl").exists()


# -- names


GOOD = ["a", "val/acc", "lr 0.1", "a.b-c_d", "a:b", "größe", "x" * 250]
BAD = [
    "",
    "a//b",
    "../x",
    "/a",
    "a/",
    ".",
    "..",
    "a\nb",
    "a\0b",
    "x" * 251,
    "100%",
    "a\\b",
    "é?",
    5,
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_taken_for_everything(store, name):
    with mlflow.start_run():
        mlflow.log_param(name, 1)
        mlflow.log_metric(name, 1)
        mlflow.set_tag(name, 1)
    record = latest(store)
    assert list(record.params) == list(record.metrics) == list(record.tags) == [name]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", ["param", "metric", "tag"])
def test_a_bad_name_is_refused_and_nothing_written(store, kind, name):
    call = {"param": mlflow.log_param, "metric": mlflow.log_metric, "tag": mlflow.set_tag}[kind]
    with mlflow.start_run(), pytest.raises(InvalidValueError, match=f"Invalid {kind} name"):
        call(name, 1)
    assert not (store.find("@").folder / "metrics.jsonl").exists()


@pytest.mark.parametrize("call", [mlflow.log_params, mlflow.log_metrics, mlflow.set_tags])
def test_several_values_are_given_as_a_dict(call):
    with mlflow.start_run(), pytest.raises(InvalidValueError, match="as a dict"):
        call([("a", 1)])


# -- tags, artifacts, experiments


def test_a_later_tag_replaces_an_earlier(store):
    with mlflow.start_run():
        mlflow.set_tag("team", "a")
        mlflow.set_tags({"team": "b", "n": 3})
    assert dict(latest(store).tags) == {"n": "3", "team": "b"}


def test_artifacts_go_where_they_are_told(store, isolated):
    put(isolated / "plots" / "deep" / "roc.png", "x")
    with mlflow.start_run():
        mlflow.log_artifact("plots/deep/roc.png", "one")
        mlflow.log_artifacts("plots", "all")
    artifacts = store.find("@").artifacts
    assert (artifacts / "one" / "roc.png").read_text() == "x"
    assert (artifacts / "all" / "deep" / "roc.png").read_text() == "x"


def test_a_missing_artifact_is_an_error():
    with mlflow.start_run(), pytest.raises(NotFoundError, match=r"nowhere\.png"):
        mlflow.log_artifact("nowhere.png")


def test_an_artifact_path_that_leads_out_is_an_error(isolated):
    put(isolated / "x", "x")
    with mlflow.start_run(), pytest.raises(InvalidValueError, match="Invalid artifact path"):
        mlflow.log_artifact("x", "../..")


def test_runs_go_to_the_chosen_experiment(store):
    made = mlflow.set_experiment("Wine & more")
    with mlflow.start_run() as run:
        pass
    assert run.info.experiment_id == made.experiment_id
    assert store.find("@").record.experiment == "Wine & more"
    assert mlflow.set_experiment(experiment_id="0").name == "Default"


def test_an_experiment_is_chosen_by_exactly_one_of_name_and_id():
    with pytest.raises(InvalidValueError, match="exactly one"):
        mlflow.set_experiment()
    with pytest.raises(InvalidValueError, match="exactly one"):
        mlflow.set_experiment("a", experiment_id="b")
    with pytest.raises(NotFoundError, match="nowhere"):
        mlflow.set_experiment(experiment_id="nowhere")


def test_an_experiment_named_default_is_not_the_default_one():
    mlflow.set_experiment("default")
    with mlflow.start_run() as named:
        pass
    mlflow.set_experiment("Default")
    with mlflow.start_run() as unnamed:
        pass
    assert named.info.experiment_id != unnamed.info.experiment_id == "default"
    assert [run.info.run_id for run in mlflow.search_runs(output_format="list")] == [
        unnamed.info.run_id
    ]


@pytest.mark.parametrize("variable", ["GITTRACK_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME"])
def test_the_environment_names_an_experiment(store, monkeypatch, variable):
    monkeypatch.setenv(variable, "wine")
    with mlflow.start_run():
        pass
    assert store.find("@").experiment_id == "wine"


# -- getting runs, other runs


def test_a_run_is_read_back_while_it_runs_and_after(store):
    with mlflow.start_run(run_name="brave", tags={"a": 1}, description="words") as run:
        mlflow.log_metric("x", 1)
        mlflow.log_param("p", 2)
        assert run.data.metrics == {"x": 1.0}
        assert run.info.status == "RUNNING"
        assert mlflow.get_run(run.info.run_id).data.params == {"p": "2"}
    assert run.info.status == "FINISHED"
    assert run.info.end_time is not None
    again = mlflow.get_run(run.info.run_id)
    assert again.info.run_name == "brave"
    assert again.data.tags["a"] == "1"
    assert again.data.tags["mlflow.note.content"] == "words"
    assert json.loads((store.find("@").folder / "run.json").read_text())["status"] == "FINISHED"


def test_an_ended_run_takes_more_by_its_id(store):
    with mlflow.start_run() as run:
        mlflow.log_param("a", 1)
    mlflow.log_metric("late", 1, run_id=run.info.run_id)
    mlflow.log_params({"b": 2}, run_id=run.info.run_id)
    with pytest.raises(InvalidValueError, match="Changing param values"):
        mlflow.log_params({"a": 2}, run_id=run.info.run_id)
    record = latest(store)
    assert record.status == "FINISHED"
    assert record.metrics["late"].last == 1
    assert dict(record.params) == {"a": 1, "b": 2}


def test_a_missing_run_is_an_error():
    with pytest.raises(NotFoundError, match="nowhere"):
        mlflow.get_run("nowhere")
    with pytest.raises(NotFoundError, match="nowhere"):
        mlflow.log_metric("x", 1, run_id="nowhere")


def test_the_store_is_named_by_a_path_and_by_no_server(tmp_path):
    mlflow.set_tracking_uri(tmp_path / "results")
    with mlflow.start_run():
        mlflow.log_metric("x", 1)
    assert mlflow.get_tracking_uri() == (tmp_path / "results").as_uri()
    assert list((tmp_path / "results" / "default").iterdir())
    with pytest.raises(UsageError, match="talks to no server"):
        mlflow.set_tracking_uri("http://localhost:5000")


def test_autolog_says_once_that_it_does_nothing():
    fluent._warn_of_autolog.cache_clear()
    with pytest.warns(TrackingWarning, match="autolog"):
        mlflow.autolog(log_models=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mlflow.autolog()


# -- nested runs and threads


def test_a_second_run_must_be_nested():
    with mlflow.start_run() as run:
        with pytest.raises(RunStateError, match=f"Run with UUID {run.info.run_id} is already"):
            mlflow.start_run()
        with pytest.raises(RunStateError, match="already active"):
            mlflow.start_run(run_id=run.info.run_id, nested=True)


def test_nested_runs_know_their_parents_and_end_inside_out(store):
    with mlflow.start_run(run_name="outer") as outer:
        with mlflow.start_run(run_name="inner", nested=True) as inner:
            mlflow.log_metric("x", 1)
            assert mlflow.active_run() is inner
        assert mlflow.active_run() is outer
        mlflow.log_metric("y", 1)
    assert mlflow.active_run() is None
    assert store.find("inner").record.parent == outer.info.run_id
    assert list(store.find("inner").record.metrics) == ["x"]
    assert list(store.find("outer").record.metrics) == ["y"]


def test_a_parent_can_be_given_and_must_exist(store):
    with mlflow.start_run() as parent:
        pass
    with mlflow.start_run(parent_run_id=parent.info.run_id) as child:
        pass
    assert store.find(child.info.run_id).record.parent == parent.info.run_id
    with pytest.raises(NotFoundError):
        mlflow.start_run(parent_run_id="../nowhere")


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_thread_without_a_run_logs_to_the_only_open_one(store):
    with mlflow.start_run() as run:
        in_thread(lambda: mlflow.log_metric("x", 1))
        in_thread(mlflow.end_run)
        assert mlflow.active_run() is run
    assert len(store.runs().runs) == 1
    assert latest(store).metrics["x"].last == 1


def test_where_several_are_open_a_thread_starts_its_own(store):
    with mlflow.start_run(), mlflow.start_run(nested=True):
        in_thread(lambda: mlflow.log_metric("x", 1))
    assert len(store.runs().runs) == 3


def test_threads_that_open_and_end_runs_at_once_lose_none(store):
    def work(number):
        for _ in range(5):
            with mlflow.start_run(run_name=f"t{number}", nested=True):
                mlflow.log_metric("n", number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = store.runs().runs
    assert len(runs) == 40
    assert {run.record.status for run in runs} == {"FINISHED"}
    assert all(run.record.name == f"t{int(run.record.metrics['n'].last)}" for run in runs)
