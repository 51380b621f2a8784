"""In the style of MLflow's tutorial on searching hyperparameters with nested runs."""

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

experiment_id = mlflow.create_experiment("tuning", tags={"project": "apples"})
mlflow.set_experiment("tuning")

with mlflow.start_run(run_name="parent") as parent:
    best = float("inf")
    for number, alpha in enumerate([0.01, 0.1, 1.0]):
        with mlflow.start_run(run_name=f"child {number}", nested=True) as child:
            mlflow.log_param("alpha", alpha)
            for step in range(3):
                mlflow.log_metric("loss", alpha / (step + 1), step=step)
            best = min(best, alpha / 3)
            assert mlflow.active_run().info.run_id == child.info.run_id
    mlflow.log_metric("best_loss", best)

assert mlflow.active_run() is None
client = MlflowClient()
children = client.search_runs(
    [experiment_id],
    filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
    run_view_type=ViewType.ACTIVE_ONLY,
    order_by=["metrics.loss ASC"],
    max_results=2,
)
assert [run.data.params["alpha"] for run in children] == ["0.01", "0.1"]
rest = client.search_runs(
    [experiment_id],
    filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
    order_by=["metrics.loss ASC"],
    max_results=2,
    page_token=children.token,
)
assert [run.data.params["alpha"] for run in rest] == ["1.0"]
assert not rest.token
assert mlflow.get_parent_run(children[0].info.run_id).info.run_id == parent.info.run_id
assert mlflow.get_parent_run(parent.info.run_id) is None
