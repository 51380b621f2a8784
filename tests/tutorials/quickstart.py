"""In the style of MLflow's tracking quickstart."""

import mlflow
import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

X, y = load_iris(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
params = {"solver": "lbfgs", "max_iter": 1000, "random_state": 8888}
lr = LogisticRegression(**params).fit(X_train, y_train)
accuracy = accuracy_score(y_test, lr.predict(X_test))

mlflow.set_experiment("MLflow Quickstart")
with mlflow.start_run() as run:
    mlflow.log_params(params)
    mlflow.log_metric("accuracy", accuracy)
    mlflow.set_tag("Training Info", "Basic LR model for iris data")
    dataset = mlflow.data.from_pandas(X_train, name="iris")
    mlflow.log_input(dataset, context="training")
    model_info = mlflow.sklearn.log_model(
        lr,
        artifact_path="iris_model",
        signature=infer_signature(X_train, lr.predict(X_train)),
        input_example=X_train.head(2),
    )

loaded = mlflow.pyfunc.load_model(model_info.model_uri)
assert len(loaded.predict(X_test)) == len(X_test)
finished = mlflow.get_run(run.info.run_id)
assert finished.data.params["solver"] == "lbfgs"
assert finished.data.metrics["accuracy"] == accuracy
assert finished.inputs.dataset_inputs[0].dataset.name == "iris"
assert finished.info.status == "FINISHED"
assert "mlflow.user" in finished.data.tags
