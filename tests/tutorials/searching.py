"""In the style of MLflow's pages about searching runs and experiments."""

import mlflow
from mlflow.entities import ViewType

for name, team in (("first", "a"), ("second", "b")):
    experiment = mlflow.set_experiment(name)
    mlflow.set_experiment_tags({"team": team, "stage": "test"})
    for number in range(4):
        with mlflow.start_run(run_name=f"{name} {number}", tags={"kind": "demo"}):
            mlflow.log_params({"lr": 10**-number, "optimizer": "adam" if number % 2 else "sgd"})
            mlflow.log_metrics({"loss": number / 10, "accuracy": 1 - number / 10})

frame = mlflow.search_runs(
    experiment_names=["first", "second"],
    filter_string="metrics.loss < 0.25 and params.optimizer = 'sgd'",
    order_by=["metrics.loss DESC"],
)
assert list(frame["metrics.loss"]) == [0.2, 0.2, 0.0, 0.0]
assert {"run_id", "experiment_id", "status", "params.lr", "tags.kind"} <= set(frame.columns)
runs = mlflow.search_runs(
    search_all_experiments=True, output_format="list", filter_string="tags.kind LIKE 'de%'"
)
assert len(runs) == 8
found = mlflow.search_experiments(
    view_type=ViewType.ALL, filter_string="tags.team = 'b'", order_by=["name DESC"]
)
assert [item.name for item in found] == ["second"]
by_name = mlflow.get_experiment_by_name("first")
assert mlflow.get_experiment(by_name.experiment_id).name == "first"
assert mlflow.get_experiment_by_name("third") is None
mlflow.delete_experiment(by_name.experiment_id)
assert [item.name for item in mlflow.search_experiments()] == ["second", "Default"]
assert mlflow.last_active_run().info.run_name == "second 3"
