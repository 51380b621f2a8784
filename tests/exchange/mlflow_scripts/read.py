"""Print all that MLflow reads in a store of its own, by its URI, as JSON."""

import json
import os
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # MLflow 3.13 and later refuses them otherwise

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()


def read_run(run):
    info, data = run.info, run.data
    inputs = getattr(getattr(run, "inputs", None), "dataset_inputs", [])
    return {
        "name": data.tags.get("mlflow.runName"),
        "status": info.status,
        "stage": info.lifecycle_stage,
        "start": info.start_time,
        "end": info.end_time,
        "user": info.user_id,
        "params": data.params,
        "tags": {key: value for key, value in data.tags.items() if "history" not in key},
        "latest": {key: repr(value) for key, value in data.metrics.items()},
        "metrics": {
            key: [
                [point.step, point.timestamp, repr(point.value)]
                for point in client.get_metric_history(info.run_id, key)
            ]
            for key in data.metrics
        },
        "inputs": [
            [
                item.dataset.name,
                item.dataset.digest,
                item.dataset.source_type,
                json.loads(item.dataset.source),
                json.loads(item.dataset.schema),
                json.loads(item.dataset.profile),
                {tag.key: tag.value for tag in item.tags},
            ]
            for item in inputs
        ],
        "artifacts": sorted(list_artifacts(info.run_id, None)),
    }


def list_artifacts(run_id, path):
    for item in client.list_artifacts(run_id, path):
        if item.is_dir:
            yield from list_artifacts(run_id, item.path)
        else:
            yield item.path


def main():
    search = getattr(client, "search_experiments", None) or client.list_experiments
    found = {}
    for experiment in search(view_type=ViewType.ALL):
        runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
        tags = dict(experiment.tags)
        found[experiment.name] = {
            "stage": experiment.lifecycle_stage,
            "tags": {key: value for key, value in tags.items() if key != "mlflow.experimentKind"},
            "runs": {run.info.run_id: read_run(run) for run in runs},
        }
    print(json.dumps(found))


main()
