"""The active run: started, joined, resumed, and always what the disk says."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import pytest

import gittrack as mlflow
from gittrack.errors import InvalidValueError, NotFoundError, RunStateError
from gittrack.runs import edits
from gittrack.runs.edits import Edit
from gittrack.runs.store import Store
from gittrack.tracking import active
from tests.conftest import python
from tests.making import write_run


def test_there_is_none_before_the_first_call(store):
    assert mlflow.active_run() is None
    mlflow.end_run()
    assert not store.root.exists()


def test_logging_starts_one(store):
    mlflow.log_metric("x", 1)
    run = mlflow.active_run()
    assert run is not None
    mlflow.end_run()
    assert store.find("@").run_id == run.info.run_id
    assert store.find("@").record.status == "FINISHED"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_it_ends_as_told(store, status):
    mlflow.start_run()
    mlflow.end_run(status)
    assert store.find("@").record.status == status


def test_an_unknown_end_is_refused():
    mlflow.start_run()
    with pytest.raises(RunStateError, match="'DONE'"):
        mlflow.end_run("DONE")


@pytest.mark.parametrize("name", [5, "a/b", "x" * 1000, "Größe\n2"])
def test_whatever_a_run_is_called_its_record_reads(store, name):
    with mlflow.start_run(run_name=name):
        pass
    assert store.find("@").record.name == str(name)


def test_a_run_is_resumed_by_its_id(store):
    with mlflow.start_run() as run:
        mlflow.log_metric("x", 1, step=1)
    with mlflow.start_run(run_id=run.info.run_id, run_name="again") as again:
        mlflow.log_metric("x", 2, step=2)
    assert again.info.run_id == run.info.run_id
    found = store.find(run.info.run_id)
    assert found.record.metrics["x"].count == 2
    assert found.record.name == "again"


def test_what_cannot_be_resumed_says_why(store):
    with mlflow.start_run() as run:
        pass
    with pytest.raises(InvalidValueError, match="not in 'wine'"):
        mlflow.start_run(run_id=run.info.run_id, experiment_id="wine")
    with pytest.raises(NotFoundError):
        mlflow.start_run(run_id="nowhere")
    edits.write(store.find(run.info.run_id).folder, Edit(deleted=True))
    with pytest.raises(RunStateError, match="deleted state"):
        mlflow.start_run(run_id=run.info.run_id)
    assert mlflow.active_run() is None


def test_a_run_goes_to_an_experiment_that_exists(store):
    made = store.create_experiment("wine")
    with mlflow.start_run(experiment_id=made.experiment_id) as run:
        pass
    assert run.info.experiment_id == "wine"
    with pytest.raises(NotFoundError, match="nowhere"):
        mlflow.start_run(experiment_id="nowhere")
    assert mlflow.active_run() is None


def test_a_deleted_experiment_takes_no_runs(store):
    store.create_experiment("wine")
    edits.write(store.root / "wine", Edit(deleted=True))
    with pytest.raises(RunStateError, match="deleted experiment"):
        mlflow.set_experiment("wine")
    with pytest.raises(RunStateError, match="deleted experiment"):
        mlflow.start_run(experiment_id="wine")


def test_a_nested_run_goes_where_its_parent_is(store):
    made = store.create_experiment("wine")
    with mlflow.start_run(experiment_id=made.experiment_id), mlflow.start_run(nested=True) as inner:
        pass
    assert inner.info.experiment_id == "wine"


@pytest.mark.parametrize("variable", ["GITTRACK_RUN_ID", "MLFLOW_RUN_ID"])
def test_the_first_run_joins_the_one_that_the_environment_names(store, monkeypatch, variable):
    run_id = write_run(store, "k3v9x2mq7d").run_id
    monkeypatch.setenv(variable, run_id)
    with mlflow.start_run() as first:
        mlflow.log_param("a", 1)
    with mlflow.start_run() as second:
        pass
    assert first.info.run_id == run_id
    assert second.info.run_id != run_id


def test_a_script_logs_to_the_run_that_its_starter_holds(store, monkeypatch):
    with mlflow.start_run() as run:
        monkeypatch.setenv("GITTRACK_RUN_ID", run.info.run_id)
        python("import gittrack as g; g.log_metric('x', 1); g.log_param('a', 2)")
        failed = python("import gittrack as g; g.log_metric('x', 1); exit(3)", check=False)
        assert failed.returncode == 3
    record = store.find(run.info.run_id).record
    assert record.metrics["x"].count == 2
    assert dict(record.params) == {"a": 2}
    assert len(store.runs().runs) == 1


def test_a_run_shows_what_is_on_disk_also_of_other_processes():
    with mlflow.start_run() as run:
        python(f"import gittrack as g; g.log_metric('x', 5, run_id={run.info.run_id!r})")
        assert run.data.metrics == {"x": 5.0}


def test_looking_at_an_ended_run_changes_nothing(store):
    with mlflow.start_run() as run:
        mlflow.log_metric("x", 1)
    path = store.find("@").folder / "run.json"
    before = path.read_bytes()
    assert (run.info.status, run.data.metrics, run.inputs.dataset_inputs) == (
        "FINISHED",
        {"x": 1.0},
        (),
    )
    assert path.read_bytes() == before
    assert json.loads(before)["status"] == "FINISHED"


def test_the_writing_path_needs_only_the_standard_library():
    done = python(
        "import sys, gittrack as g\n"
        "with g.start_run():\n"
        "    g.log_metric('x', 1); g.log_param('a', 1)\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    foreign = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert {name for name in foreign if not name.startswith(("_", "gittrack"))} <= {
        "sitecustomize",
        "usercustomize",
        "distutils-precedence",
    }


def test_the_current_writer_is_found_or_made():
    assert active.current() is None
    writer = active.current_or_new()
    assert active.current() is writer
    assert active.current_or_new() is writer


def test_a_wrong_status_leaves_the_run_open():
    mlflow.start_run()
    with pytest.raises(RunStateError, match="'WEIRD' is no status that a run ends with"):
        mlflow.end_run("WEIRD")
    assert mlflow.active_run() is not None
    mlflow.end_run("KILLED")
    (run,) = Store.open().runs().runs
    assert run.record.status == "KILLED"


def test_a_run_that_begins_while_the_last_one_ends_is_watched_too(meanwhile):
    before = sys.excepthook
    mlflow.start_run()
    with ThreadPoolExecutor(1) as pool:
        begin = partial(pool.submit, mlflow.start_run)
        meanwhile(active._state.hooks, "take_down", lambda: wait([begin()], timeout=0.5))
        mlflow.end_run()
    assert len(active._state.open) == 1
    assert sys.excepthook is not before


def test_only_a_whole_id_resumes_a_run():
    with mlflow.start_run(run_name="first") as run:
        pass
    for name in ("first", run.info.run_id[:5], "@"):
        with pytest.raises(NotFoundError):
            mlflow.start_run(run_id=name)
