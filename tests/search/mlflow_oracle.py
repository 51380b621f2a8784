"""Answer searches as MLflow does: runs and questions as JSON on stdin, answers on stdout."""

from __future__ import annotations

import json
import os
import sys
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.file_store import FileStore


def record(store, experiment, run):
    tags = [RunTag(name, value) for name, value in run["tags"].items()]
    made = store.create_run(experiment, run["user"], run["start_time"], tags, run["name"])
    run_id = made.info.run_id
    for name, value in run["params"].items():
        store.log_param(run_id, Param(name, value))
    for name, value in run["metrics"].items():
        store.log_metric(run_id, Metric(name, float(value), 1, 0))
    if run["status"] != "RUNNING":
        status = RunStatus.from_string(run["status"])
        store.update_run_info(run_id, status, run["end_time"], run["name"])
    return run_id


def answer(store, experiment, question):
    try:
        found = store.search_runs(
            [experiment], question["filter"], ViewType.ACTIVE_ONLY, 1000, question["order_by"]
        )
    except MlflowException as error:
        return str(error)
    return [run.info.run_id for run in found]


def main():
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        store = FileStore(folder)
        experiment = store.create_experiment("wine")
        ids = [record(store, experiment, run) for run in asked["runs"]]
        answers = [answer(store, experiment, question) for question in asked["questions"]]
    json.dump({"ids": ids, "answers": answers}, sys.stdout)


main()
