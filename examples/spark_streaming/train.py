"""Train a model of wines, keep it in the run, and register it as the champion."""

from __future__ import annotations

import argparse

from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

import gittrack as mlflow
import gittrack.sklearn
from gittrack.models import infer_signature


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=50)
    trees = parser.parse_args().trees

    inputs, labels = load_wine(return_X_y=True, as_frame=True)
    kept, held_out, kept_labels, held_out_labels = train_test_split(inputs, labels, random_state=0)
    model = RandomForestClassifier(trees, random_state=0).fit(kept, kept_labels)
    with mlflow.start_run():
        mlflow.log_param("trees", trees)
        mlflow.log_metric("accuracy", model.score(held_out, held_out_labels))
        info = gittrack.sklearn.log_model(
            model, "model", signature=infer_signature(kept, model.predict(kept))
        )
    version = mlflow.register_model(info.model_uri, "wine-cultivar")
    mlflow.MlflowClient().set_registered_model_alias("wine-cultivar", "champion", version.version)
    print(f"wine-cultivar {version.version} is the champion")


if __name__ == "__main__":
    main()
