"""MLflow's `mlflow.tensorflow`: save, log and load models of TensorFlow."""

from __future__ import annotations

from gittrack.binding import bind

save_model, log_model, load_model = bind("tensorflow", argument="model")

__all__ = ["load_model", "log_model", "save_model"]
