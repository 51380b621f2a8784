"""In the style of MLflow's tutorial of the client."""

import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

client = MlflowClient()
all_experiments = client.search_experiments()
assert [experiment.name for experiment in all_experiments] == ["Default"]

tags = {"project_name": "grocery-forecasting", "mlflow.note.content": "Forecasts for apples."}
produce = client.create_experiment(name="Apple_Models", tags=tags)
found = client.search_experiments(filter_string="tags.`project_name` = 'grocery-forecasting'")
assert [experiment.experiment_id for experiment in found] == [produce]
assert found[0].tags["mlflow.note.content"] == "Forecasts for apples."
assert found[0].creation_time <= time.time() * 1000

run = client.create_run(produce, tags={"mlflow.runName": "by hand"})
run_id = run.info.run_id
assert run.info.status == "RUNNING"
assert run.info.run_name == "by hand"
client.log_param(run_id, "depth", 3)
for step in range(5):
    client.log_metric(run_id, "rmse", 1 / (step + 1), step=step)
now = int(time.time() * 1000)
client.log_batch(
    run_id,
    metrics=[Metric("mae", 0.5, now, 0), Metric("r2", 0.9, now, 0)],
    params=[Param("trees", "100")],
    tags=[RunTag("phase", "test")],
)
client.set_tag(run_id, "release", "1.0")
client.log_text(run_id, "some notes", "notes.txt")
client.set_terminated(run_id)

done = client.get_run(run_id)
assert done.info.status == "FINISHED"
assert done.info.end_time >= done.info.start_time
assert done.data.metrics == {"mae": 0.5, "r2": 0.9, "rmse": 0.2}
assert done.data.params == {"depth": "3", "trees": "100"}
assert (done.data.tags["phase"], done.data.tags["release"]) == ("test", "1.0")
history = client.get_metric_history(run_id, "rmse")
assert [metric.step for metric in history] == [0, 1, 2, 3, 4]
assert [info.path for info in client.list_artifacts(run_id)] == ["notes.txt"]

client.set_tag(run_id, "checked", "yes")
client.update_run(run_id, name="the good one")
client.delete_tag(run_id, "phase")
changed = client.get_run(run_id)
assert changed.info.run_name == "the good one"
assert "phase" not in changed.data.tags

client.delete_run(run_id)
try:
    client.log_metric(run_id, "rmse", 0)
except MlflowException as error:
    refusal = str(error)
assert "must be in the 'active' state" in refusal
assert client.search_runs([produce]) == []
assert len(client.search_runs([produce], run_view_type=ViewType.DELETED_ONLY)) == 1
client.restore_run(run_id)
assert len(client.search_runs([produce])) == 1

client.rename_experiment(produce, "Pear_Models")
assert mlflow.get_experiment(produce).name == "Pear_Models"
client.delete_experiment(produce)
assert mlflow.get_experiment(produce).lifecycle_stage == "deleted"
client.restore_experiment(produce)
