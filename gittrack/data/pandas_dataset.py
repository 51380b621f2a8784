"""MLflow's `mlflow.data.pandas_dataset`."""

from __future__ import annotations

from gittrack.tracking.datasets import PandasDataset, from_pandas

__all__ = ["PandasDataset", "from_pandas"]
