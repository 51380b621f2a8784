"""In the style of MLflow's pages about artifacts."""

import tempfile
from pathlib import Path

import mlflow
import mlflow.artifacts
import numpy as np
import pandas as pd

with tempfile.TemporaryDirectory() as tmp_dir:
    path = Path(tmp_dir, "features.txt")
    path.write_text("rooms, zipcode, median_price")
    Path(tmp_dir, "plots").mkdir()
    Path(tmp_dir, "plots", "a.csv").write_text("1,2")
    with mlflow.start_run() as run:
        mlflow.log_artifact(path)
        mlflow.log_artifacts(f"{tmp_dir}/plots", artifact_path="plots")
        mlflow.log_text("text1", "dir/file1.txt")
        mlflow.log_dict({"k": "v"}, "data.json")
        mlflow.log_dict({"k": ["v"]}, "data.yml")
        mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), "image.png")
        mlflow.log_image(np.ones((8, 8)), key="dogs", step=3)
        table = {"inputs": ["What is MLflow?", "What is Git?"], "toxicity": [0.0, 0.1]}
        mlflow.log_table(data=table, artifact_file="qa.json")
        mlflow.log_table(data=pd.DataFrame(table), artifact_file="qa.json")
        artifact_uri = mlflow.get_artifact_uri()

assert mlflow.artifacts.load_text(artifact_uri + "/dir/file1.txt") == "text1"
assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/data.json") == {"k": "v"}
local = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="plots/a.csv")
assert Path(local).read_text() == "1,2"
copied = mlflow.artifacts.download_artifacts(artifact_uri + "/features.txt", dst_path="copies")
assert Path(copied).parent.name == "copies"
names = [info.path for info in mlflow.MlflowClient().list_artifacts(run.info.run_id)]
assert names == [
    "data.json",
    "data.yml",
    "dir",
    "features.txt",
    "image.png",
    "images",
    "plots",
    "qa.json",
]
loaded = mlflow.load_table("qa.json", extra_columns=["run_id"])
assert list(loaded.columns) == ["inputs", "toxicity", "run_id"]
assert len(loaded) == 4
