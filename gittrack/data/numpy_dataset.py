"""MLflow's `mlflow.data.numpy_dataset`."""

from __future__ import annotations

from gittrack.tracking.datasets import NumpyDataset, from_numpy

__all__ = ["NumpyDataset", "from_numpy"]
