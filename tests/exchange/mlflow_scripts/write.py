"""Write into a store of MLflow's, by its URI, all that is to be brought in."""

import math
import os
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # MLflow 3.13 and later refuses them otherwise
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

import mlflow
from mlflow import MlflowClient

URI = sys.argv[1]
IS_NEW = not mlflow.__version__.startswith("1.")


def write_parent(client):
    with mlflow.start_run(run_name="parent") as run:
        mlflow.log_params({"alpha": 0.5, "empty": "", "note": "two\nlines", "a/b": "Größe"})
        for step in range(5):
            mlflow.log_metric("train/loss", 1 / (step + 1), step=step)
        for name, value in (("nan", math.nan), ("inf", math.inf), ("minus", -math.inf)):
            mlflow.log_metric(name, value)
        mlflow.log_metric("tiny", 1e-320, step=-3)
        mlflow.set_tag("mlflow.note.content", "# note")
        mlflow.set_tag("team", "a")
        mlflow.log_text("hello", "plots/x.txt")
        if IS_NEW:
            import pandas as pd

            frame = pd.DataFrame({"a": [1, 2]})
            wine = mlflow.data.from_pandas(frame, source="s.csv", name="wines")
            mlflow.log_input(wine, context="training")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("acc", 0.9)
        if IS_NEW or URI.startswith("sqlite"):
            write_models(client)
        return run.info.run_id


def write_models(client):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    for _ in range(2):
        mlflow.sklearn.log_model(
            model,
            registered_model_name="wine model",
            pip_requirements=["scikit-learn"],
            **({"name": "model"} if IS_NEW else {"artifact_path": "model"}),
        )
    client.update_registered_model("wine model", "described")
    client.set_registered_model_tag("wine model", "team", "a")
    client.update_model_version("wine model", "1", "the first")
    client.set_model_version_tag("wine model", "1", "checked", "yes")
    client.transition_model_version_stage("wine model", "2", "Production")
    if IS_NEW:
        client.set_registered_model_alias("wine model", "champion", "1")


def main():
    mlflow.set_tracking_uri(URI)
    client = MlflowClient()
    wine = mlflow.set_experiment("wine quality")
    client.set_experiment_tag(wine.experiment_id, "mlflow.note.content", "About wines\nmany")
    client.set_experiment_tag(wine.experiment_id, "owner", "ana")
    write_parent(client)
    running = client.create_run(wine.experiment_id)
    client.set_tag(running.info.run_id, "mlflow.runName", "killed")
    client.log_metric(running.info.run_id, "x", 1)
    gone = client.create_run(wine.experiment_id)
    client.set_tag(gone.info.run_id, "mlflow.runName", "gone")
    client.delete_run(gone.info.run_id)
    deleted = client.create_experiment("gone too")
    client.log_param(client.create_run(deleted).info.run_id, "k", "v")
    client.delete_experiment(deleted)


main()
