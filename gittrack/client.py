"""MLflow's `mlflow.client`."""

from __future__ import annotations

from gittrack.tracking.client import Client, MlflowClient

__all__ = ["Client", "MlflowClient"]
