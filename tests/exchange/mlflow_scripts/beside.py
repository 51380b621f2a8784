"""Write what MLflow 3 keeps beside runs: more about a model than its run has, and traces."""

import os
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
import mlflow

mlflow.set_tracking_uri(sys.argv[1])


class Model(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[str]):
        return model_input


@mlflow.trace
def traced(value):
    return value


with mlflow.start_run():
    mlflow.log_param("alpha", 1)
    mlflow.pyfunc.log_model(
        name="model", python_model=Model(), params={"own": "7"}, tags={"team": "a"}
    )
mlflow.create_external_model(name="elsewhere", params={"a": "b"})
traced(1)
