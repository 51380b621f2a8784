"""MLflow's `mlflow.pytorch`: save, log and load models of PyTorch."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("pytorch", argument="pytorch_model")

__all__ = ["load_model", "log_model", "save_model"]
