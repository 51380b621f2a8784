"""Fit a logistic regression, record its score, and keep the model in the run."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

import gittrack as mlflow
import gittrack.sklearn

if __name__ == "__main__":
    inputs = np.array([-2, -1, 0, 1, 2, 1]).reshape(-1, 1)
    labels = np.array([0, 0, 1, 1, 1, 0])
    model = LogisticRegression().fit(inputs, labels)
    score = model.score(inputs, labels)
    print(f"Score: {score}")
    mlflow.log_metric("score", score)
    info = gittrack.sklearn.log_model(model, "model")
    print(f"Model saved in run {info.run_id}")
